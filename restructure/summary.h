// What a job did, in figures: kept in the ledger across restarts, printed at the end, written as
// JSON by `--summary FILE`.

#ifndef RESTRUCTURE_SUMMARY_H_
#define RESTRUCTURE_SUMMARY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/session.h"

namespace restructure {

// One lock that others could have felt.
struct LockHold {
  std::string relation;      // public.pgbench_accounts
  std::string mode;          // SHARE ROW EXCLUSIVE, ACCESS EXCLUSIVE
  catalog::LockTimes times;  // in the attempt that got it
  int attempts = 0;          // 1: got at once
};

struct Summary {
  std::int64_t job = 0;
  std::string kind;
  std::string name;
  std::int64_t rows = 0;                         // connected by the copy
  std::map<std::string, absl::Duration> phases;  // phase or step -> time spent
  std::vector<LockHold> locks;
  std::int64_t wal_bytes = 0;  // written by the whole server while the job worked
  std::int64_t batches = 0;
  std::int64_t retries = 0;
  std::int64_t verified_rows = 0;
  std::int64_t differences = 0;
  std::map<std::string, absl::Duration> reasons;  // why the pace was what it was -> time
};

// {"job", "kind", "name", "rows", "phases": {"build": {"seconds"}}, "locks": [{"relation", "mode",
// "held_ms", "waited_ms", "attempts"}], "wal_bytes", "batches", "retries", "verified_rows",
// "differences", "reasons": {"full speed": {"seconds"}}}
std::string ToJson(const Summary& summary);

// The reverse; kInvalidArgument if the text is not such an object.
absl::StatusOr<Summary> SummaryFromJson(const std::string& text);

}  // namespace restructure

#endif  // RESTRUCTURE_SUMMARY_H_
