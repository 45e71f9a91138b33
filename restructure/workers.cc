#include "restructure/workers.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/process_priority.h"
#include "restructure/adjustments.h"
#include "restructure/handoff.h"

namespace restructure {
namespace {

constexpr int kBatchTriesMax = 50;

bool IsRetryable(const absl::Status& status) {
  return absl::IsAborted(status) || absl::IsDeadlineExceeded(status);
}

class Pass {
 public:
  Pass(const Job& job, const NextBatch& next) : job_(job), next_(next) {}

  // Takes batches until there are no more, or fewer workers are wanted.
  void RunWorker(int worker) {
    absl::StatusOr<std::unique_ptr<catalog::Session>> session = SessionOf(worker);
    absl::Status status = session.status();
    if (!status.ok() && worker > 0) return;  // The first will tell, if it is the server.
    while (status.ok() && !over() && worker < job_.pacer->workers()) {
      status = job_.control->Check();
      if (!status.ok()) break;
      const throttle::Decision decision = job_.pacer->Next(worker, absl::Now());
      if (worker == 0) job_.progress->SetWaitingFor(decision.reason);
      if (decision.outside && job_.settings.hibernate) job_.control->Hibernate(decision.reason);
      status = Rest(decision.pause);
      if (!decision.may_run) continue;
      if (!status.ok()) break;
      const std::optional<Batch> batch = next_(decision.rows);
      if (!batch) {
        exhausted_ = true;
        break;
      }
      status = RunBatch(**session, worker, *batch);
    }
    if (!status.ok()) return Fail(status);
    if (over()) job_.idle_sessions->Leave(worker, *std::move(session));
  }

  // No worker need begin any more.
  bool over() const { return failed_ || exhausted_; }

  absl::Status status() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return status_;
  }

 private:
  absl::StatusOr<std::unique_ptr<catalog::Session>> SessionOf(int worker) {
    if (std::unique_ptr<catalog::Session> left = job_.idle_sessions->Take(worker)) return left;
    absl::StatusOr<std::unique_ptr<catalog::Session>> session = catalog::Session::Open(
        job_.conninfo, catalog::ApplicationName(job_.id(), absl::StrCat("worker ", worker)));
    if (!session.ok()) return session;
    // Rows and marks are lost together in a crash, so a batch need not wait for the disk.
    absl::Status set = (*session)->Execute("SET synchronous_commit = off");
    if (!set.ok()) return set;
    // Where it may: the plan says so.
    if (job_.settings.nice > 0) (void)catalog::LowerPriority(**session, job_.settings.nice);
    return session;
  }

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

  // A batch that a stop has ended waits with the others until it may go on. Returns whether it had
  // to wait.
  absl::StatusOr<bool> AwaitLeave(int worker) {
    for (bool waited = false;; waited = true) {
      const throttle::Decision decision = job_.pacer->Next(worker, absl::Now());
      if (!decision.must_stop) return waited;
      if (worker == 0) job_.progress->SetWaitingFor(decision.reason);
      if (absl::Status slept = job_.control->Sleep(decision.pause); !slept.ok()) return slept;
    }
  }

  absl::Status RunBatch(catalog::Session& session, int worker, const Batch& batch) {
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
      if (!IsRetryable(rows.status())) return rows.status();
      job_.tally->AddRetry();
      job_.progress->AddRetry();
      const absl::StatusOr<bool> stopped = AwaitLeave(worker);
      if (!stopped.ok()) return stopped.status();
      if (*stopped) {
        tries = 0;  // That was nobody's fault.
        continue;
      }
      if (tries == kBatchTriesMax) return rows.status();
      job_.pacer->BatchRolledBack();
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

// The threads of a pass: as many as are wanted at each moment. Each has an arena of its own: one
// that is as wide as the ceiling would wake that many threads for two workers.
class Crew {
 public:
  explicit Crew(Pass& pass) : pass_(pass) {}
  ~Crew() { group_.wait(); }  // A task still ends when its worker has stood up.
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Begins the workers below `wanted` that are not there. One that ended is not begun anew at once:
  // the server may have no connection left for it.
  void Fill(int wanted, absl::Time now) {
    constexpr absl::Duration kBeginAgainAfter = absl::Milliseconds(500);
    for (int worker = 0; worker < std::min(wanted, kWorkersMax); ++worker) {
      Seat& seat = seats_[static_cast<std::size_t>(worker)];
      if (now - seat.begun < kBeginAgainAfter || !Sit(seat)) continue;
      seat.begun = now;
      if (!seat.arena) seat.arena = std::make_unique<tbb::task_arena>(1, 0);
      tbb::task_handle task = group_.defer([this, &seat, worker] {
        Handoff::Received();
        pass_.RunWorker(worker);
        Stand(seat);
      });
      Handoff::Given();
      seat.arena->enqueue(std::move(task));
    }
  }

  // Waits until all have ended, so long at most. True: they have.
  bool Wait(absl::Duration at_most) {
    std::unique_lock<std::mutex> lock(mutex_);
    return ended_.wait_for(lock, absl::ToChronoMilliseconds(at_most),
                           [this] { return working_ == 0; });
  }

 private:
  struct Seat {
    std::unique_ptr<tbb::task_arena> arena;
    absl::Time begun = absl::InfinitePast();
    bool taken = false;  // guarded by the crew's mutex
  };

  bool Sit(Seat& seat) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (seat.taken) return false;
    ++working_;
    return seat.taken = true;
  }

  void Stand(Seat& seat) {
    const std::lock_guard<std::mutex> lock(mutex_);
    seat.taken = false;
    if (--working_ == 0) ended_.notify_all();
  }

  Pass& pass_;
  tbb::task_group group_;
  std::array<Seat, kWorkersMax> seats_;
  std::mutex mutex_;
  std::condition_variable ended_;
  int working_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<catalog::Session> IdleSessions::Take(int worker) {
  constexpr absl::Duration kIdleMax = absl::Seconds(30);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = idle_.find(worker);
  if (found == idle_.end()) return nullptr;
  Idle idle = std::move(found->second);
  idle_.erase(found);
  if (absl::Now() - idle.since > kIdleMax) return nullptr;
  return std::move(idle.session);
}

void IdleSessions::Leave(int worker, std::unique_ptr<catalog::Session> session) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_[worker] = {std::move(session), absl::Now()};
}

void IdleSessions::Clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.clear();
}

absl::Status RunPass(const Job& job, const NextBatch& next) {
  constexpr absl::Duration kLookEvery = absl::Milliseconds(50);
  // oneTBB counts cores; our workers wait for the server most of the time.
  const tbb::global_control allow(tbb::global_control::max_allowed_parallelism, kWorkersMax + 1);
  Pass pass(job, next);
  job.progress->SetBatchesRun(true);
  {
    Crew crew(pass);
    do {
      if (!pass.over()) crew.Fill(job.pacer->workers(), absl::Now());
    } while (!crew.Wait(kLookEvery) || !pass.over());
  }
  job.progress->SetBatchesRun(false);
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
