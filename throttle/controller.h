// The law: how many workers the live workload can bear at this moment, as a real number.
//
// The signal is a canary: how long a small commit of ours takes. Its pressure P is that time
// against a soft limit, max(1.5 x baseline, baseline + 5 ms), where the baseline is learnt while
// nothing of ours runs: at first, and again in a breath, a pause of 2 s each minute. The law is a
// proportional-integral controller in velocity form (as Slacker has it, EDBT 2012) on -ln P, which
// falls faster than it rises; twice in a row P > 1.6 is a panic: nothing runs for 2, 4, 8 … 60 s,
// and then half of what was borne before. A pressure that stays in a breath is not ours: the
// baseline follows it, and a small floor is kept instead of starving.
//
// Not thread-safe: the pacer guards it. Reads no clock.

#ifndef THROTTLE_CONTROLLER_H_
#define THROTTLE_CONTROLLER_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace throttle {

class Controller {
 public:
  // Requires: at least one worker.
  explicit Controller(int workers_max);

  // Records a canary, in the order of time.
  void Observe(absl::Time taken_at, absl::Duration canary);

  // False while the baseline is being learnt: nobody may run.
  bool ready() const { return ready_; }

  // From 0 to workers_max; 0 in a panic and in a breath.
  double effective_workers() const { return quiet_ ? 0 : effective_; }

  // Smoothed; 1 is the soft limit. 0 before the first sample.
  double pressure() const { return pressure_; }

  // Why it does not let all workers run: "commits take 18ms, the limit is 12ms: 0.7 of 4 workers";
  // empty if it does.
  std::string reason() const;

 private:
  void Learn(absl::Duration canary);
  void Steer(absl::Time now, double raw);
  void BeQuiet(absl::Time now, absl::Duration length, const char* why);
  absl::Duration Soft() const;

  const double workers_max_;
  bool ready_ = false;
  std::vector<absl::Duration> alone_;  // canaries of this quiet time, or of the beginning
  absl::Duration baseline_;
  absl::Duration latest_;
  double pressure_ = 0;
  double error_ = 0;  // -ln P of the last sample
  double effective_;
  double borne_;  // the last that was borne without a panic
  absl::Time last_ = absl::InfinitePast();
  bool quiet_ = false;
  const char* quiet_why_ = "";
  absl::Time quiet_since_ = absl::InfinitePast();
  absl::Time quiet_until_ = absl::InfinitePast();
  absl::Time next_breath_ = absl::InfiniteFuture();
  int over_panic_ = 0;  // samples in a row
  absl::Duration back_off_;
  absl::Time last_panic_ = absl::InfinitePast();
};

}  // namespace throttle

#endif  // THROTTLE_CONTROLLER_H_
