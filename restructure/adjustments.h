// What an operator has changed of a running job, put over what the job began with.

#ifndef RESTRUCTURE_ADJUSTMENTS_H_
#define RESTRUCTURE_ADJUSTMENTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "catalog/steering.h"
#include "restructure/job.h"
#include "throttle/limits.h"

namespace restructure {

// Workers that a job may be given while it runs, whatever it began with.
constexpr int kWorkersMax = 64;

// The part of the settings that may change while a job runs.
struct Pacing {
  int workers = 0;
  absl::Duration batch_target;
  throttle::Limits limits;
};

// The run options that Adjusted knows, in the order of the command line.
const std::vector<std::string>& AdjustableKeys();

// What each of these keys is when nothing is adjusted, as the command line takes it.
std::vector<std::pair<std::string, std::string>> BegunWith(const Settings& settings);

// An unknown key, from a newer program, changes nothing.
Pacing Adjusted(const Settings& settings, const std::vector<catalog::Adjustment>& adjustments);

// "workers 4 until 14:05, batch-target 200ms": by the clock of `zone`, with the day if that is not
// today's; empty if nothing is adjusted.
std::string Describe(const std::vector<catalog::Adjustment>& adjustments, absl::Time now,
                     absl::TimeZone zone);

}  // namespace restructure

#endif  // RESTRUCTURE_ADJUSTMENTS_H_
