// A look at the server before a job begins: whether what its options ask for can be kept there, and
// which limits were chosen, from what they are measured, and why.

#ifndef TOOLS_EXPLAIN_LIMITS_H_
#define TOOLS_EXPLAIN_LIMITS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/load_query.h"
#include "restructure/job.h"
#include "throttle/load.h"
#include "throttle/signals.h"
#include "tools/options.h"

namespace tools {

struct Look {
  throttle::Load load;
  catalog::SignalSources sources;
};

// Reads every signal once. kFailedPrecondition, with a HINT:, if an own signal's query fails, a
// required replica is not there, or the role may not see what an option or a profile's own key
// limits; the message names where that was said.
absl::StatusOr<Look> LookAtServer(const std::string& conninfo, const Arguments& arguments);

// The limits as rows of a table. `commit`: what a small commit takes now. `may_be_nice`: what
// catalog::MayLowerPriority says.
std::vector<throttle::Signal> ExplainLimits(const Look& look, const restructure::Settings& settings,
                                            absl::Duration commit, const absl::Status& may_be_nice);

std::string RenderLimits(const std::vector<throttle::Signal>& limits);
// The JSON of a plan, with the limits as its last member.
std::string WithLimits(const std::string& plan, const std::vector<throttle::Signal>& limits);

}  // namespace tools

#endif  // TOOLS_EXPLAIN_LIMITS_H_
