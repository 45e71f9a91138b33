// What is worth to be kept of the pacer's decisions: the names of reasons, and which of many
// samples to record.
//
// Pure: reads no clock.

#ifndef THROTTLE_DECISIONS_H_
#define THROTTLE_DECISIONS_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "throttle/trace.h"

namespace throttle {

// A reason without its figures, so that times can be added up: "replica lag 12s >= 5s" and "replica
// lag 3s >= 2.5s: 1.2 of 4 workers" are both "replica lag". "full speed" if there is none.
std::string ReasonName(const std::string& reason);

// Picks the samples at which the reason or the allowance has changed noticeably; one each 10 s in
// any case, and one a second at most. Not thread-safe.
class DecisionFilter {
 public:
  bool IsWorth(const TraceRow& row);

 private:
  std::optional<TraceRow> recorded_;  // the last
};

}  // namespace throttle

#endif  // THROTTLE_DECISIONS_H_
