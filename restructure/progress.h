// What a running job shows of itself: to the panel in its own terminal, and through the ledger
// to `status` in any other.

#ifndef RESTRUCTURE_PROGRESS_H_
#define RESTRUCTURE_PROGRESS_H_

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace restructure {

struct ProgressSnapshot {
  std::int64_t job_id = 0;      // 0: no job yet (planning).
  std::string kind;             // "set"
  std::string name;             // public.accounts_of_branch
  std::string phase;            // build, connect, verify, swap, soak, disconnect, drop, done
  std::string step;             // inside a phase: "copy", "settle", "index", "catch up", ...
  std::int64_t rows_done = 0;   // of this step
  std::int64_t rows_total = 0;  // of this step, estimated; 0: not known
  std::string unit = "rows";    // what the counts of this step count: rows, blocks, tuples, lockers
  double rows_per_second = 0;   // over the last seconds
  std::optional<absl::Duration> time_left;  // of this step
  int workers = 0;
  int workers_busy = 0;
  std::int64_t rows_per_batch = 0;
  std::int64_t backlog_keys = 0;  // keys in the key log that are not applied yet
  std::string waiting_for;        // why nothing moves; empty: nothing is waited for
  std::string limits;             // in force: "commit time +50 %, replica lag 5s"
  std::string adjusted;           // "workers 4 until 14:05": changed by the operator meanwhile
  std::int64_t retries = 0;
  absl::Duration elapsed;  // of the phase
};

// Thread-safe. The coordinator and the workers write, the panel and the keeper read.
class Progress {
 public:
  void SetJob(std::int64_t job_id, std::string kind, std::string name) ABSL_LOCKS_EXCLUDED(mutex_);
  void StartPhase(std::string phase, absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);
  void StartStep(std::string step, std::int64_t rows_total, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // What the server says of a step of its own, an index build: where it stands by itself.
  void ShowServerStep(const std::string& step, std::int64_t done, std::int64_t total,
                      const std::string& unit, absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);
  void AddRows(std::int64_t rows) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetWorkers(int workers) ABSL_LOCKS_EXCLUDED(mutex_);
  void WorkerBusy(int change) ABSL_LOCKS_EXCLUDED(mutex_);
  // A pass of batches is under way; nested passes do not exist.
  void SetBatchesRun(bool run) ABSL_LOCKS_EXCLUDED(mutex_);
  bool batches_run() const ABSL_LOCKS_EXCLUDED(mutex_);
  int workers_busy() const ABSL_LOCKS_EXCLUDED(mutex_);
  void SetRowsPerBatch(std::int64_t rows) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetBacklog(std::int64_t keys) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetWaitingFor(std::string reason) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetLimits(std::string limits) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetAdjusted(std::string adjusted) ABSL_LOCKS_EXCLUDED(mutex_);
  void AddRetry() ABSL_LOCKS_EXCLUDED(mutex_);

  // The present state; rates are computed from the calls themselves, so call it regularly.
  ProgressSnapshot Snapshot(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable std::mutex mutex_;
  ProgressSnapshot state_ ABSL_GUARDED_BY(mutex_);
  bool batches_run_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time phase_started_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time rate_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::int64_t rate_rows_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One line of JSON with the members' names as keys; durations as time_left_seconds (null: not
// known) and elapsed_seconds, rounded to a tenth.
std::string ToJson(const ProgressSnapshot& snapshot);

// The reverse. A missing key keeps its default; kInvalidArgument if the text is not an object or
// a value has another type.
absl::StatusOr<ProgressSnapshot> ProgressFromJson(const std::string& text);

}  // namespace restructure

#endif  // RESTRUCTURE_PROGRESS_H_
