// From the command line to plans: what is asked for, as each kind of structure has it.

#ifndef TOOLS_PLANS_H_
#define TOOLS_PLANS_H_

#include "absl/status/statusor.h"
#include "catalog/session.h"
#include "restructure/index/plan.h"
#include "restructure/set/plan.h"
#include "restructure/table/plan.h"
#include "restructure/table/tree.h"
#include "tools/options.h"

namespace tools {

// Each changes nothing, and fails as the planner of its kind does, or where a list of columns in an
// option cannot be read (kInvalidArgument).
absl::StatusOr<restructure::SetPlan> SetPlanOf(catalog::Session& session,
                                               const Arguments& arguments,
                                               restructure::SetRequest::Action action);
absl::StatusOr<restructure::IndexPlan> IndexPlanOf(catalog::Session& session,
                                                   const Arguments& arguments);
absl::StatusOr<restructure::TablePlan> TablePlanOf(catalog::Session& session,
                                                   const Arguments& arguments);
absl::StatusOr<restructure::TreePlan> TreePlanOf(catalog::Session& session,
                                                 const Arguments& arguments);

absl::StatusOr<restructure::TableRequest> TableRequestOf(const Arguments& arguments);

// Whether a table is asked for that is a partitioned one.
absl::StatusOr<bool> IsTree(catalog::Session& session, const Arguments& arguments);

}  // namespace tools

#endif  // TOOLS_PLANS_H_
