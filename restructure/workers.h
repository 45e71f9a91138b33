// The parallel batch engine: workers in oneTBB arenas, one pinned connection each, that take
// batches from a pass until it has no more, at the pace that the throttle allows.

#ifndef RESTRUCTURE_WORKERS_H_
#define RESTRUCTURE_WORKERS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/batches.h"
#include "catalog/session.h"
#include "restructure/job.h"

namespace restructure {

// One batch: runs in one transaction (of its own making) and returns the rows it went through. It
// may be called again after it failed.
using Batch = std::function<absl::StatusOr<std::int64_t>(catalog::Session&)>;

// Hands out the next batch of about `rows` rows; empty: there is no more. Called from every
// worker's thread: must be thread-safe.
using NextBatch = std::function<std::optional<Batch>(std::int64_t rows)>;

// What the workers of a pass leave for those of the next, which then need not connect. Thread-safe.
class IdleSessions {
 public:
  // Null if there is none, or none that was in use lately: others cut off what is long idle.
  std::unique_ptr<catalog::Session> Take(int worker) ABSL_LOCKS_EXCLUDED(mutex_);
  void Leave(int worker, std::unique_ptr<catalog::Session> session) ABSL_LOCKS_EXCLUDED(mutex_);
  void Clear() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Idle {
    std::unique_ptr<catalog::Session> session;
    absl::Time since;
  };
  std::mutex mutex_;
  std::map<int, Idle> idle_ ABSL_GUARDED_BY(mutex_);  // by worker
};

// Runs a pass to its end on as many connections as the pacer wants at each moment: workers come and
// go. Deadlocks, serialization failures and timeouts are retried with smaller batches, a bounded
// number of times; what a stop has cancelled is retried when the job may go on. kUnavailable: a
// connection was lost; batches that were not marked in the ledger are not done.
absl::Status RunPass(const Job& job, const NextBatch& next);

// The blocks of a table, handed out in order, without those that the ledger marks as done.
// Thread-safe.
class BlockCursor {
 public:
  // `done` sorted by its low ends. `rows_per_block`: the first guess.
  BlockCursor(std::int64_t blocks,
              const std::vector<std::pair<catalog::BlockRange, std::int64_t>>& done,
              double rows_per_block);

  std::optional<catalog::BlockRange> Next(std::int64_t rows) ABSL_LOCKS_EXCLUDED(mutex_);
  // Feedback, so that the next ranges have the wanted number of rows.
  void Record(catalog::BlockRange range, std::int64_t rows) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::mutex mutex_;
  std::vector<catalog::BlockRange> gaps_ ABSL_GUARDED_BY(mutex_);  // last first
  double rows_ ABSL_GUARDED_BY(mutex_);
  double blocks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace restructure

#endif  // RESTRUCTURE_WORKERS_H_
