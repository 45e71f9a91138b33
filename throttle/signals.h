// What each signal of a sample says, on one scale: how far the server is from what nobody feels (0)
// to the soft point (1), where the pace begins to fall, and to the hard stop (2). The largest
// counts and its reason is what people read; so is the table of `plan --explain-limits`, which is
// made of the same values.
//
// Commits have a controller of their own (controller.h): they answer to each worker at once. These
// here answer late or not at all, so they are budgets, x / limit, and the pace between soft and
// hard falls in a straight line. What our work does not cause (a replica that is gone, an
// autovacuum to prevent wraparound) is an interlock: 0 or 2.
//
// Pure: no state but the Baseline, which the caller keeps.

#ifndef THROTTLE_SIGNALS_H_
#define THROTTLE_SIGNALS_H_

#include <optional>
#include <string>
#include <vector>

#include "throttle/limits.h"
#include "throttle/load.h"

namespace throttle {

struct Signal {
  std::string name;             // "replica lag"
  double pressure = 0;          // Up to 1 nobody minds; from 2 on nothing may run.
  std::string reason;           // "replica lag 12s >= 5s"; empty below the soft point
  std::string now, soft, hard;  // For people; "" where there is none.
  std::string why;              // What the limit is good for, or why it has no effect here.

  bool stops() const { return pressure >= 2; }
  // Of the workers that it lets run: 1 up to the soft point, 0 from the hard stop on.
  double share() const;
};

// What was there when the job began: a replica that goes away is not healthy, and a slot that was
// lost already has nothing more to lose. Learnt from the first sample that knows it.
class Baseline {
 public:
  void Learn(const Load& load);
  // Replicas of the first sample, or required ones, that `load` does not have.
  std::vector<std::string> Missing(const Load& load, const Limits& limits) const;
  bool WasLost(const std::string& slot) const;

 private:
  std::optional<std::vector<std::string>> replicas_;  // sorted
  std::vector<std::string> lost_slots_;
  bool learnt_slots_ = false;
};

// Whether others wait for our locks for too long: then the batch is halved, too.
bool WaitForUs(const Load& load, const Limits& limits);

// One for each limit that is switched on, whether or not the sample knows its value.
std::vector<Signal> Signals(const Load& load, const Limits& limits, const Baseline& baseline);

// The one with the largest pressure; a quiet one if there is none.
Signal Largest(const std::vector<Signal>& signals);

// The hard stops that somebody chose or could, in a line: "commit time +50 %, replica lag 5s, …";
// "none".
std::string Summarize(const Limits& limits);

}  // namespace throttle

#endif  // THROTTLE_SIGNALS_H_
