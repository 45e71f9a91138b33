// The only loop: takes a job's lease, walks its phases, reconnects, gives the lease back.

#ifndef RESTRUCTURE_RUN_H_
#define RESTRUCTURE_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "restructure/job.h"

namespace restructure {

enum class Outcome {
  kDone,     // at its end; nothing of it is left but the ledger's history
  kHeld,     // before the exchange, as asked
  kSoaking,  // after the exchange, revertible
  kAborted,  // undone
};

// What a run shows and heeds.
struct Cockpit {
  Progress* progress;
  Control* control;
  std::ostream* trace = nullptr;  // gets each decision as a line of CSV; may be null
};

struct RunResult {
  Outcome outcome = Outcome::kDone;
  Summary summary;
  std::string live;                // what stands behind the name now: "sort key: …"; may be empty
  std::vector<std::string> notes;  // what the operator asked to be shown
};

// Runs a job until it rests or ends, with `goal` as its new goal unless that is empty. Waits for
// the lease of a dead process. A lost server is reconnected for up to a minute. Codes:
//   kAlreadyExists      a live process runs it; nothing was changed
//   kCancelled          interrupted; resumable
//   kDeadlineExceeded   a lock was not obtained within the patience; resumable
//   kDataLoss           verification found differences; nothing was swapped
//   others              stopped; resumable once what the message names is put right
absl::StatusOr<RunResult> RunJob(const std::string& conninfo, const Settings& settings,
                                 std::int64_t job_id, const std::string& goal,
                                 const Cockpit& cockpit);

}  // namespace restructure

#endif  // RESTRUCTURE_RUN_H_
