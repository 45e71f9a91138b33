// The commands that tell a running job something, through the ledger: pause, panic, adjust.

#ifndef TOOLS_STEER_H_
#define TOOLS_STEER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/ledger.h"
#include "catalog/session.h"
#include "tools/options.h"

namespace tools {

// The job that the command is about, in a ledger that this program understands. kNotFound,
// kFailedPrecondition: there is none, or it is not at a point where the command may be given.
absl::StatusOr<catalog::JobRecord> FindJob(catalog::Session& session, const Arguments& arguments);

// The keys and values that `adjust` is to set: from the command line, and for those that are not
// there from --profile. kInvalidArgument: the profile cannot be read.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> WantedAdjustments(
    const Arguments& arguments);

// Each returns the exit code.
int HoldJob(const Arguments& arguments);  // pause, panic
int AdjustJob(const Arguments& arguments);

}  // namespace tools

#endif  // TOOLS_STEER_H_
