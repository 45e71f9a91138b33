// One run of the real pacer, with its controller and its batch size, on the plant: workers ask,
// wait and run batches as restructure/workers does, in virtual time.
//
//   const std::vector<throttle::Moment> moments =
//       throttle::Simulate(throttle::Experiment(), *throttle::FindScenario("step"), 1);
//   const throttle::Figures figures = throttle::Judge(moments, scenario.steps);

#ifndef THROTTLE_SIMULATION_H_
#define THROTTLE_SIMULATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "throttle/batch_size.h"
#include "throttle/controller.h"
#include "throttle/pacer.h"
#include "throttle/plant.h"
#include "throttle/scenario.h"
#include "throttle/trace.h"

namespace throttle {

struct Experiment {
  int workers = 4;
  Limits limits;
  BatchSize::Options batch_size;
  Controller::Options controller;
  Plant::Options plant;
};

// A second of a run; means over it.
struct Moment {
  double seconds = 0;  // since the beginning, at its end
  double alone = 0;    // commits without us, in milliseconds
  double commit = 0;
  double limit = 0;
  double safe = 0;             // workers that stay under the limits
  double felt = 0;             // workers, as the server feels them
  double used = 0;             // of what is safe
  double rows = 0;             // written by us
  double allowance = 0;        // at its end
  double blocked = 0;          // the longest that others waited for our locks, in seconds
  bool harms_replica = false;  // it is too far behind, and we make it worse
  std::string reason;
};

// The whole of a scenario, in order. The same arguments give the same course.
// `trace`, if there is one, gets what `run --trace` would have recorded.
std::vector<Moment> Simulate(const Experiment& experiment, const Scenario& scenario,
                             std::uint64_t seed, std::vector<TraceRow>* trace = nullptr);

// Others feel us more than promised: commits take 1.15 times the limit, or we write although a
// replica is 1.15 times too far behind, by the default limits.
bool IsViolated(const Moment& moment);

// How it went, without the first seconds, in which it learns.
struct Figures {
  double utilisation = 0;   // work done of the work that was safe; what was too much does not count
  double violation = 0;     // share of the seconds in which others felt us more than promised
  double step_seconds = 0;  // these seconds after the worst step
  double settling = 0;      // seconds from a step until the pace fits again, on the mean
  double chatter = 0;       // change of the allowance in a second, as a share of its mean
  double rows_per_second = 0;
};

// `steps` as in the scenario. Always by the default limits, so that a run without them is judged as
// others are.
Figures Judge(const std::vector<Moment>& moments, const std::vector<double>& steps);

}  // namespace throttle

#endif  // THROTTLE_SIMULATION_H_
