// The knee: the number of workers beyond which one more brings nothing, though the live workload
// would bear it. Workers may wait for each other, or for a disk, where no commit shows it.
//
// One more worker must bring 10 % more rows per second (of many workers: half of what an equal
// share would be). To see that, one of those that are allowed stands back for 8 s now and then:
// what is missed is what it brought. If that is too little it goes, and is not tried again for 5
// minutes; and then the next one stands back.
//
// Not thread-safe: the pacer guards it. Reads no clock.

#ifndef THROTTLE_KNEE_H_
#define THROTTLE_KNEE_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace throttle {

class Knee {
 public:
  // Requires: at least one worker.
  explicit Knee(int workers_max) { SetWorkersMax(workers_max); }

  // As many workers from now on: begins anew.
  void SetWorkersMax(int workers_max);

  // A worker has written so many rows.
  void BatchDone(std::int64_t rows) { rows_ += rows; }

  // At each sample, in the order of time: how many workers all else allows.
  void Observe(absl::Time now, double allowed);

  // At most so many are to run.
  int workers() const { return running_; }

  // One stands back only to see what it brings.
  bool looks() const { return look_ != Look::kNone; }

  // "worker 3 brought 2% more rows/s, less than 10%: 2 of 4 workers"; empty: all may run.
  std::string reason() const;

 private:
  enum class Look { kNone, kBefore, kWithout, kAfter };
  void Begin(absl::Time now, Look look, int running);
  void Counted(absl::Time now, double rows_per_second);
  void Compare(absl::Time now);
  void Rest(absl::Time now, absl::Duration length);

  int workers_max_ = 1;
  int cap_ = 1;      // workers_max: no knee
  int running_ = 1;  // the cap, or fewer while it looks
  int proven_ = 1;   // so many are known to be worth it
  double brought_ = 0;
  std::int64_t rows_ = 0;

  Look look_ = Look::kNone;
  absl::Time looks_since_ = absl::InfiniteFuture();
  absl::Time counts_since_ = absl::InfiniteFuture();
  double before_ = 0, without_ = 0, after_ = 0;    // rows per second
  absl::Duration later_;                           // when a look came to nothing
  absl::Time next_ = absl::InfinitePast();         // no look before
  absl::Time forget_at_ = absl::InfiniteFuture();  // what is known is looked at again
};

}  // namespace throttle

#endif  // THROTTLE_KNEE_H_
