// What the plans of all kinds share in their texts.

#ifndef RESTRUCTURE_PLANNED_STEP_H_
#define RESTRUCTURE_PLANNED_STEP_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "restructure/job.h"

namespace restructure {

struct PlannedStep {
  std::string phase, what, lock;
};

std::string Megabytes(std::int64_t bytes);

// ", milliseconds, tried for 50ms at a time"
std::string TriedFor(absl::Duration lock_timeout);

// "keep both equal for 2h, revertible"; `what` is the beginning.
std::string SoakText(const Settings& settings, const std::string& what);

std::string RenderSteps(const std::vector<PlannedStep>& steps);
nlohmann::ordered_json StepsToJson(const std::vector<PlannedStep>& steps);

}  // namespace restructure

#endif  // RESTRUCTURE_PLANNED_STEP_H_
