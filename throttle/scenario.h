// What a live server goes through while a job of ours runs, for the simulator: named courses on
// the plant, of ten minutes.

#ifndef THROTTLE_SCENARIO_H_
#define THROTTLE_SCENARIO_H_

#include <string>
#include <vector>

#include "throttle/plant.h"

namespace throttle {

struct Scenario {
  std::string name;
  std::string purpose;
  Plant::Course course;
  std::vector<double> steps;      // seconds at which the load, or what bears it, changes at once
  int length = 600;               // seconds
  double noise_factor = 1;        // of the plant's
  double outliers = 0;            // as in Plant::Options
  double others_yield = 0;        // the same
  double useful_workers = 0;      // the same
  bool only_others_feel = false;  // the same
};

const std::vector<Scenario>& Scenarios();

// nullptr: there is none of that name.
const Scenario* FindScenario(const std::string& name);

}  // namespace throttle

#endif  // THROTTLE_SCENARIO_H_
