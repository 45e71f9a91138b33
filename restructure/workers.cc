#include "restructure/workers.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

#include <algorithm>
#include <atomic>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace restructure {
namespace {

constexpr int kTriesMax = 50;

// The distributions' oneTBB is not built with ThreadSanitizer, which then does not see that a task
// begins after its spawning and ends before the wait for it. Nothing in other builds.
struct Handoff {
#if defined(__SANITIZE_THREAD__)
  static void Given() { __tsan_release(&point); }
  static void Received() { __tsan_acquire(&point); }
  static inline char point = 0;
#else
  static void Given() {}
  static void Received() {}
#endif
};

bool IsRetryable(const absl::Status& status) {
  return absl::IsAborted(status) || absl::IsDeadlineExceeded(status);
}

class Pass {
 public:
  Pass(const Job& job, const NextBatch& next) : job_(job), next_(next) {}

  void RunWorker(int worker) {
    absl::StatusOr<std::unique_ptr<catalog::Session>> session = catalog::Session::Open(
        job_.conninfo, catalog::ApplicationName(job_.id(), absl::StrCat("worker ", worker)));
    absl::Status status = session.status();
    // Rows and marks are lost together in a crash, so a batch need not wait for the disk.
    if (status.ok()) status = (*session)->Execute("SET synchronous_commit = off");
    while (status.ok() && !failed_) {
      status = job_.control->Check();
      if (!status.ok()) break;
      const throttle::Decision decision = job_.pacer->Next(worker, absl::Now());
      if (!decision.may_run) {
        if (worker == 0) job_.progress->SetWaitingFor(decision.reason);
        status = Rest(decision.pause);
        if (status.ok() && exhausted_) break;
        continue;
      }
      if (worker == 0) job_.progress->SetWaitingFor(decision.reason);
      status = Rest(decision.pause);
      if (!status.ok()) break;
      const std::optional<Batch> batch = next_(decision.rows);
      if (!batch) {
        exhausted_ = true;
        break;
      }
      status = RunBatch(**session, *batch);
    }
    if (!status.ok()) Fail(status);
  }

  absl::Status status() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return status_;
  }

 private:
  // Sleeps so long, or until there is nothing left to wait for.
  absl::Status Rest(absl::Duration pause) {
    constexpr absl::Duration kSlice = absl::Milliseconds(25);
    absl::Status status;
    const absl::Time until = absl::Now() + pause;
    for (absl::Time now = absl::Now(); status.ok() && now < until && !exhausted_;
         now = absl::Now()) {
      status = job_.control->Sleep(std::min(kSlice, until - now));
    }
    return status;
  }

  absl::Status RunBatch(catalog::Session& session, const Batch& batch) {
    for (int tries = 1;; ++tries) {
      job_.progress->WorkerBusy(+1);
      const absl::Time start = absl::Now();
      const absl::StatusOr<std::int64_t> rows = batch(session);
      job_.progress->WorkerBusy(-1);
      if (rows.ok()) {
        job_.pacer->BatchDone(*rows, absl::Now() - start);
        job_.tally->AddBatch();
        job_.progress->AddRows(*rows);
        job_.progress->SetRowsPerBatch(job_.pacer->rows_per_batch());
        return absl::OkStatus();
      }
      if (!IsRetryable(rows.status()) || tries == kTriesMax) return rows.status();
      job_.pacer->BatchRolledBack();
      job_.tally->AddRetry();
      job_.progress->AddRetry();
      absl::BitGen random;
      absl::Status slept =
          job_.control->Sleep(absl::Milliseconds(absl::Uniform(random, 10, 100) * tries));
      if (!slept.ok()) return slept;
    }
  }

  void Fail(const absl::Status& status) {
    failed_ = true;
    const std::lock_guard<std::mutex> lock(mutex_);
    // A lost connection often comes with worse news from its neighbour: keep the worst.
    if (status_.ok() || absl::IsUnavailable(status_)) status_ = status;
  }

  const Job& job_;
  const NextBatch& next_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> exhausted_{false};  // there are no more batches
  mutable std::mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status RunPass(const Job& job, const NextBatch& next) {
  const int workers = job.settings.workers;
  // oneTBB counts cores; our workers wait for the server most of the time.
  const tbb::global_control allow(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(workers) + 1);
  tbb::task_arena arena(workers);
  Pass pass(job, next);
  arena.execute([&] {
    tbb::task_group group;
    for (int worker = 0; worker < workers; ++worker) {
      tbb::task_handle task = group.defer([&pass, worker] {
        Handoff::Received();
        pass.RunWorker(worker);
        Handoff::Given();
      });
      Handoff::Given();
      group.run(std::move(task));
    }
    group.wait();
    Handoff::Received();
  });
  absl::Status status = pass.status();
  if (absl::IsUnknown(status)) return absl::UnavailableError(status.message());
  return status;
}

BlockCursor::BlockCursor(std::int64_t blocks,
                         const std::vector<std::pair<catalog::BlockRange, std::int64_t>>& done,
                         double rows_per_block)
    : rows_(std::max(rows_per_block, 0.01) * 100), blocks_(100) {
  std::int64_t next = 0;
  for (const auto& [range, rows] : done) {
    if (range.low > next) gaps_.push_back({next, std::min(range.low, blocks)});
    next = std::max(next, range.high);
  }
  if (next < blocks) gaps_.push_back({next, blocks});
  std::reverse(gaps_.begin(), gaps_.end());
}

std::optional<catalog::BlockRange> BlockCursor::Next(std::int64_t rows) {
  constexpr std::int64_t kBlocksMax = 4096;  // 32 MiB of the source at most
  const std::lock_guard<std::mutex> lock(mutex_);
  if (gaps_.empty()) return std::nullopt;
  const auto wanted = static_cast<std::int64_t>(static_cast<double>(rows) * blocks_ / rows_);
  catalog::BlockRange& gap = gaps_.back();
  const catalog::BlockRange range{
      gap.low, std::min(gap.high, gap.low + std::clamp<std::int64_t>(wanted, 1, kBlocksMax))};
  gap.low = range.high;
  if (gap.low >= gap.high) gaps_.pop_back();
  return range;
}

void BlockCursor::Record(catalog::BlockRange range, std::int64_t rows) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // A decaying mean: dense and sparse regions follow one another.
  rows_ = 0.7 * rows_ + static_cast<double>(rows) + 0.001;
  blocks_ = 0.7 * blocks_ + static_cast<double>(range.high - range.low);
}

}  // namespace restructure
