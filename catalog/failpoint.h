// Named places at which a test makes the tool die, lose its connection, wait or fail.
//
// Set PG_RESTRUCTURE_FAIL to name[@nth]:action[,…]; actions: kill (SIGKILL to ourselves), cut
// (shut the session's socket), sleep=MILLISECONDS, error. Without the variable every call is one
// load of a flag. Each transaction of the tool has three points, <label>.before_commit,
// <label>.commit_unanswered (the server gets COMMIT, we never see its answer) and
// <label>.after_commit; each phase has <phase>.enter and <phase>.leave.

#ifndef CATALOG_FAILPOINT_H_
#define CATALOG_FAILPOINT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace catalog {

// Every name at which FailpointHit may be called, in the order of a job's life.
std::vector<std::string> FailpointNames();

// Acts if PG_RESTRUCTURE_FAIL names this point and this is its nth passing. `cut` is called for
// that action. Returns kInternal for the action error, else OK. Thread-safe.
absl::Status FailpointHit(absl::string_view name, const std::function<void()>& cut);

// kInvalidArgument, naming the part that is wrong, if PG_RESTRUCTURE_FAIL cannot be read or names
// an unknown point. The tool calls it at start.
absl::Status CheckFailpoints();

}  // namespace catalog

#endif  // CATALOG_FAILPOINT_H_
