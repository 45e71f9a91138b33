// A recorded trace of decisions, as CSV (RFC 4180): what `run --trace FILE` writes and
// `simulate --trace FILE` fits the plant to. One row for each sample of the load.
//
//   time,pressure,reason,effective_workers,workers,rows_per_batch,batch_seconds,commit_seconds,
//   transaction_seconds,busy
//   1764041281.250,0.42,"1.3 of 4 workers, rising: commits take …",1.3,2,2000,0.096,0.0043,0.0011,1
//
// Pure: text in, text out.

#ifndef THROTTLE_TRACE_H_
#define THROTTLE_TRACE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace throttle {

struct TraceRow {
  absl::Time time;               // of the sample
  double pressure = 0;           // 1 is the soft limit
  std::string reason;            // why not all workers run; empty: they do
  double effective_workers = 0;  // the allowance
  int workers = 0;               // that may take turns: the allowance, rounded up
  std::int64_t rows_per_batch = 0;
  absl::Duration batch;                       // a batch takes, smoothed
  std::optional<absl::Duration> commit;       // of the canary; empty: not tried
  std::optional<absl::Duration> transaction;  // of others, on the mean; empty: not known
  std::optional<int> busy;                    // workers that ran at that moment; empty: not known
};

// The names of the columns, and a row; each without the line's end. A line break in a reason
// becomes a space, so that a row is a line.
std::string TraceHeader();
std::string TraceLine(const TraceRow& row);

// Reads a whole trace; `file` is for messages. kInvalidArgument, with file, line and a HINT: no
// row, another header, a value that is none, a time that goes back. A last line without an end is
// left out if it cannot be read: the writer was stopped.
absl::StatusOr<std::vector<TraceRow>> ParseTrace(const std::string& text, const std::string& file);

}  // namespace throttle

#endif  // THROTTLE_TRACE_H_
