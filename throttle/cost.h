// What one worker of ours costs the live workload: by how much it lowers the rate of commits, which
// is the inverse of the time that one takes.
//
// In an open queue the time is that on an empty server, divided by what is left of the server
// (Little and Graves, "Little's Law", 2008, and any textbook), so that each worker lowers the rate
// by the same. What one costs is learnt in breaths, from the rate before and in them. Between
// breaths it tells how fast commits would be without us, although the others change their load. A
// breath is noisy: so that is an interval, and what a breath has heard stands until it is outside
// of it.
//
// Not thread-safe: the controller's owner guards it. Reads no clock.

#ifndef THROTTLE_COST_H_
#define THROTTLE_COST_H_

#include "absl/time/time.h"

namespace throttle {

class Cost {
 public:
  // A worker of ours has worked for so long, since the last Tick.
  void Worked(absl::Duration elapsed) { worked_ += elapsed; }

  // So much time has passed since the last Tick.
  void Tick(absl::Duration interval);

  // A breath begins, and a commit took so long before it. The last one counts.
  void BreathBegins(absl::Duration with_us) { before_ = {with_us, working_}; }

  // It took too long: what it hears is of another time.
  void BreathIsSpoilt() { before_ = {}; }

  // That breath heard `alone`, which is off by this share of itself, on the mean.
  void Learn(absl::Duration alone, double error);

  // The server is another one: nothing that was learnt holds.
  void Forget() {
    benefit_ = weight_ = 0;
    before_ = {};
  }

  // Well enough to do without a breath.
  bool known() const;

  // What is nearest to `alone` of the times that a commit can take without us, while it takes
  // `with_us` and our workers work as they do.
  absl::Duration Nearest(absl::Duration alone, absl::Duration with_us) const;

 private:
  struct Before {
    absl::Duration with_us;
    double working = 0;
  };

  absl::Duration worked_;
  double working_ = 0;  // workers at a time, smoothed as long as it takes until they are felt
  Before before_;

  // Least squares over the breaths, older ones counting less: cost = benefit / weight, in commits
  // per second and worker, with an error of 1 / sqrt(weight).
  double benefit_ = 0;
  double weight_ = 0;
};

}  // namespace throttle

#endif  // THROTTLE_COST_H_
