// Decides, before every batch, whether a worker may run, with how many rows, after which pause.
//
// Thread-safe. Performs no I/O and reads no clock: samples and the current time are passed in,
// so every decision can be replayed in a unit test.

#ifndef THROTTLE_PACER_H_
#define THROTTLE_PACER_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "throttle/batch_size.h"
#include "throttle/controller.h"
#include "throttle/knee.h"
#include "throttle/limits.h"
#include "throttle/load.h"
#include "throttle/rollbacks.h"
#include "throttle/signals.h"
#include "throttle/window.h"

namespace throttle {

// What one worker is to do next.
struct Decision {
  bool may_run = false;
  bool forbidden = false;  // A limit is passed, as against a slower pace or a closed window.
  bool outside = false;    // The window is closed, or about to be.
  bool must_stop = false;  // Long batches that run already, too.
  std::int64_t rows = 0;   // Rows of the next batch, if it may run.
  absl::Duration pause;    // Wait this long, then run (may_run) or ask again (not).
  std::string reason;      // Why it does not run at full speed, e.g. "replica lag 12s >= 5s".
};

// The pace at this moment, for people: never decide by it.
struct Pace {
  double pressure =
      0;  // of the commits, the transactions or the largest signal; 1 is the soft limit
  double allowance = 0;   // workers that they bear
  std::string reason;     // why they are not all; empty: they are
  std::int64_t rows = 0;  // of a batch
  absl::Duration batch;   // that it takes, smoothed
};

class Pacer {
 public:
  // `workers` is how many ask, at most.
  Pacer(Limits limits, BatchSize::Options batch_size, int workers = 1, Windows windows = {},
        Controller::Options controller = {});

  // Replaces the limits; the next answer heeds the new ones.
  void SetLimits(const Limits& limits) ABSL_LOCKS_EXCLUDED(mutex_);
  Limits limits() const ABSL_LOCKS_EXCLUDED(mutex_);

  // How many workers ask at most, and how long a batch should take, from now on.
  void SetWorkers(int workers) ABSL_LOCKS_EXCLUDED(mutex_);
  int workers() const ABSL_LOCKS_EXCLUDED(mutex_);
  void SetBatchTarget(absl::Duration target) ABSL_LOCKS_EXCLUDED(mutex_);

  // About how many bytes a row has, for the batches' cap; 0: not known.
  void SetRowBytes(double bytes) ABSL_LOCKS_EXCLUDED(mutex_);

  // The operator's word: nobody runs, for this reason, until it is taken back by an empty one.
  void SetHold(const std::string& reason) ABSL_LOCKS_EXCLUDED(mutex_);

  // Records a sample; one that is not younger than the latest is ignored.
  void Observe(const Load& load) ABSL_LOCKS_EXCLUDED(mutex_);

  // Records a batch that ended well.
  void BatchDone(std::int64_t rows, absl::Duration elapsed) ABSL_LOCKS_EXCLUDED(mutex_);

  // Records a batch that was rolled back by a deadlock, a timeout or a serialization failure.
  void BatchRolledBack() ABSL_LOCKS_EXCLUDED(mutex_);

  // Answers for one worker, numbered from 0. Until the first sample arrives, nobody may run
  // (unless sample_age_max is off). An allowance of U workers lets the first ceil(U) of them run,
  // each for its share of the time: a pause before the batch takes the rest. The allowance halves
  // when the last sample is 3 s old.
  Decision Next(int worker, absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);

  // Why `what` must not begin at `now`, of the windows and of an autovacuum to prevent wraparound
  // alone; empty: it may. Next asks it itself.
  std::string WindowReason(Work what, absl::Time now) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether the windows alone keep `what` from beginning.
  bool IsOutside(Work what, absl::Time now) const ABSL_LOCKS_EXCLUDED(mutex_);

  Pace pace() const ABSL_LOCKS_EXCLUDED(mutex_);

  // It listens how fast the server is without us: the others' work would be heard, too.
  bool listens() const ABSL_LOCKS_EXCLUDED(mutex_);

  // What the signals of the last sample say.
  std::vector<Signal> signals() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Rows that the next batch would have.
  std::int64_t rows_per_batch() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Rows that no batch should have more of.
  std::int64_t rows_max() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Allowance {
    double workers;      // a real number
    std::string reason;  // why it is not all of them
  };
  std::string PauseReason(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Steer(const Load& load) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Panics() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HeedsTransactions() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Allowance BorneByCommits() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Allowance Borne() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Allowance Allowed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Allowance SharedWithOthers(Allowance allowance) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Share(int worker, absl::Time now, Decision* decision) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Judge() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Duration ExpectedBatch() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Windows windows_;

  mutable std::mutex mutex_;
  absl::Duration batch_target_ ABSL_GUARDED_BY(mutex_);
  int workers_ ABSL_GUARDED_BY(mutex_);
  std::string hold_ ABSL_GUARDED_BY(mutex_);
  Limits limits_ ABSL_GUARDED_BY(mutex_);
  BatchSize batch_size_ ABSL_GUARDED_BY(mutex_);
  Controller controller_ ABSL_GUARDED_BY(mutex_);       // by small commits of ours
  Controller of_transactions_ ABSL_GUARDED_BY(mutex_);  // by the transactions of others
  Knee knee_ ABSL_GUARDED_BY(mutex_);
  absl::Duration batch_time_ ABSL_GUARDED_BY(mutex_);  // smoothed
  Load latest_ ABSL_GUARDED_BY(mutex_);
  absl::Time transactions_seen_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  Baseline baseline_ ABSL_GUARDED_BY(mutex_);
  std::vector<Signal> signals_ ABSL_GUARDED_BY(mutex_);  // of the latest sample
  Signal largest_ ABSL_GUARDED_BY(mutex_);               // of them
  Rollbacks rollbacks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace throttle

#endif  // THROTTLE_PACER_H_
