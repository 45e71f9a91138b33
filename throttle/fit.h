// Fits the plant to a recorded trace, so that `simulate` answers for the server that it was
// recorded on: how fast it commits, how much commits vary, what one worker of ours takes, and the
// course of the others' load.
//
// The rate of commits, 1 / time, is a straight line in what is busy on an open queue (cost.h). So
// what a worker takes is the slope of the rate over the workers a second before, in windows of 20 s
// within which the others' load counts as even; what is left of each window is the others'. The
// fastest window counts as an empty server: a trace cannot tell more.
//
// Pure.

#ifndef THROTTLE_FIT_H_
#define THROTTLE_FIT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "throttle/plant.h"
#include "throttle/scenario.h"
#include "throttle/trace.h"

namespace throttle {

struct Fit {
  Plant::Options plant;
  Scenario scenario;      // "trace": the others' course
  double explained = 0;   // share of the variance of commits that is not noise, from 0 to 1
  double others_min = 0;  // of the server
  double others_max = 0;
  bool knows_worker =
      false;  // Else no worker ran, or they never changed: worker_takes is the default.
};

// kInvalidArgument, with a HINT: less than 40 s, or no commits.
absl::StatusOr<Fit> FitPlant(const std::vector<TraceRow>& rows);

}  // namespace throttle

#endif  // THROTTLE_FIT_H_
