#include "tools/show_plan.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "catalog/load_query.h"
#include "catalog/process_priority.h"
#include "restructure/phases.h"
#include "tools/command_context.h"
#include "tools/connection.h"
#include "tools/exit_codes.h"
#include "tools/explain_limits.h"
#include "tools/plans.h"

namespace tools {
namespace {

// Shows a plan and, where asked for, the limits.
template <typename Plan>
int Show(const Arguments& arguments, const Connected& connected, const absl::StatusOr<Plan>& plan) {
  if (!plan.ok()) return Refuse(plan.status());
  absl::StatusOr<Look> look = LookAtServer(connected.conninfo, arguments);
  if (!look.ok()) return Refuse(look.status());
  const restructure::Settings settings = SettingsFrom(arguments.run);
  std::vector<throttle::Signal> limits;
  if (arguments.explain_limits) {
    absl::StatusOr<absl::Duration> commit = catalog::MeasureCommit(*connected.session);
    if (!commit.ok()) return Refuse(commit.status());
    limits = ExplainLimits(*look, settings, *commit, catalog::MayLowerPriority(*connected.session));
  }
  if (arguments.json) {
    std::string text = restructure::PlanToJson(*plan, settings);
    absl::PrintF("%s\n", arguments.explain_limits ? WithLimits(text, limits) : text);
    return kExitDone;
  }
  absl::PrintF("%s\n", restructure::RenderPlan(*plan, settings));
  if (arguments.explain_limits) absl::PrintF("%s", RenderLimits(limits));
  return kExitDone;
}

}  // namespace

int ShowPlan(const Arguments& arguments) {
  absl::StatusOr<Connected> connected = Connect(arguments.connect);
  if (!connected.ok()) return Refuse(connected.status());
  if (arguments.kind == restructure::kIndexKind) {
    return Show(arguments, *connected, IndexPlanOf(*connected->session, arguments));
  }
  if (arguments.kind == restructure::kTableKind) {
    const absl::StatusOr<bool> is_tree = IsTree(*connected->session, arguments);
    if (!is_tree.ok()) return Refuse(is_tree.status());
    if (*is_tree) return Show(arguments, *connected, TreePlanOf(*connected->session, arguments));
    return Show(arguments, *connected, TablePlanOf(*connected->session, arguments));
  }
  return Show(
      arguments, *connected,
      SetPlanOf(*connected->session, arguments, restructure::SetRequest::Action::kRestructure));
}

}  // namespace tools
