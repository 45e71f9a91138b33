// Batches of ours that a deadlock, a timeout or a serialization failure undid, as a share of the
// last ones: who collides so often with the live workload does it harm, whatever its commits say.
//
// Not thread-safe: the pacer guards it. Reads no clock.

#ifndef THROTTLE_ROLLBACKS_H_
#define THROTTLE_ROLLBACKS_H_

#include <deque>

#include "absl/time/time.h"
#include "throttle/signals.h"

namespace throttle {

class Rollbacks {
 public:
  void Record(bool rolled_back);

  // The soft point is a fifth of `share_max`, and counts from 3 of them on; the hard stop counts
  // from 5 on.
  Signal Judge(double share_max) const;

  // A stop lasts 5 s from the first time on that this is told of it, and then what was before is
  // forgotten: while nothing runs, the share would stay as it is.
  void Elapse(double share_max, absl::Time now);

 private:
  std::deque<bool> last_;                    // newest last
  int rolled_back_ = 0;                      // of them
  absl::Time until_ = absl::InfinitePast();  // of a stop; InfinitePast: there is none
};

}  // namespace throttle

#endif  // THROTTLE_ROLLBACKS_H_
