#include "tools/commands.h"

#include <cstdint>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "catalog/facts.h"
#include "catalog/failpoint.h"
#include "catalog/ledger.h"
#include "catalog/steering.h"
#include "restructure/phases.h"
#include "tools/command_context.h"
#include "tools/connection.h"
#include "tools/demo.h"
#include "tools/drive.h"
#include "tools/exit_codes.h"
#include "tools/explain_limits.h"
#include "tools/inspect.h"
#include "tools/plans.h"
#include "tools/profile.h"
#include "tools/show_plan.h"
#include "tools/simulate.h"
#include "tools/steer.h"
#include "tools/tree.h"

namespace tools {
namespace {

absl::Status RefusePooler(const Connected& connected) {
  absl::StatusOr<bool> pooled =
      catalog::IsPooledByTransaction(*connected.session, connected.conninfo);
  if (!pooled.ok()) return pooled.status();
  if (!*pooled) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the connection goes through a pooler in transaction mode: locks and settings would be lost "
      "between statements\nHINT: connect to the server itself, or to a pool in session mode.");
}

std::string GoalOfRun(const Arguments& arguments, restructure::SetRequest::Action action) {
  if (arguments.run.hold_before_swap) return catalog::kGoalHold;
  const bool to_the_end = action != restructure::SetRequest::Action::kRestructure ||
                          arguments.run.soak == absl::ZeroDuration();
  return to_the_end ? catalog::kGoalFinish : catalog::kGoalSoak;
}

// Opens the job of a plan, or finds the one that was begun.
template <typename Plan>
absl::StatusOr<std::int64_t> Open(catalog::Session& session, const Arguments& arguments,
                                  const absl::StatusOr<Plan>& plan, const std::string& goal) {
  if (!plan.ok()) return plan.status();
  if (plan->open_job) {
    if (!arguments.run.quiet) absl::PrintF("job %d goes on\n", plan->open_job->job_id);
    return plan->open_job->job_id;
  }
  if (!arguments.run.quiet) {
    absl::PrintF("%s", restructure::RenderPlan(*plan, SettingsFrom(arguments.run)));
  }
  absl::StatusOr<std::int64_t> job_id = restructure::OpenJob(session, *plan, goal);
  if (job_id.ok() && !arguments.run.quiet) absl::PrintF("job %d\n", *job_id);
  return job_id;
}

absl::StatusOr<std::int64_t> PlanAndOpen(catalog::Session& session, const Arguments& arguments,
                                         restructure::SetRequest::Action action,
                                         const std::string& goal) {
  if (arguments.kind == restructure::kIndexKind) {
    return Open(session, arguments, IndexPlanOf(session, arguments), goal);
  }
  if (arguments.kind == restructure::kTableKind) {
    return Open(session, arguments, TablePlanOf(session, arguments), goal);
  }
  return Open(session, arguments, SetPlanOf(session, arguments, action), goal);
}

// create set, run KIND, drop set.
int PlanAndRun(const Arguments& arguments, restructure::SetRequest::Action action) {
  absl::StatusOr<Connected> connected = Connect(arguments.connect);
  if (!connected.ok()) return Refuse(connected.status());
  if (absl::Status pooled = RefusePooler(*connected); !pooled.ok()) return Refuse(pooled);
  const absl::StatusOr<bool> is_tree = IsTree(*connected->session, arguments);
  if (!is_tree.ok()) return Refuse(is_tree.status());
  if (action != restructure::SetRequest::Action::kDrop && !arguments.run.no_throttle) {
    absl::StatusOr<Look> look = LookAtServer(connected->conninfo, arguments);
    if (!look.ok()) return Refuse(look.status());
  }
  connected->session.reset();
  const std::string goal = GoalOfRun(arguments, action);
  if (*is_tree) return RunTree(arguments, connected->conninfo, goal);
  // A second plan sees whether the first has opened the job.
  const absl::StatusOr<std::int64_t> job_id = WithSession<std::int64_t>(
      connected->conninfo,
      [&](catalog::Session& session) { return PlanAndOpen(session, arguments, action, goal); });
  if (!job_id.ok()) return Refuse(job_id.status());
  std::fflush(stdout);
  return Drive(connected->conninfo, arguments, arguments.kind, *job_id, goal);
}

std::string GoalOf(const Arguments& arguments, const catalog::JobRecord& job) {
  if (arguments.command == "revert") return catalog::kGoalRevert;
  if (arguments.command == "finish") return catalog::kGoalFinish;
  if (arguments.command == "abort") return catalog::kGoalAbort;
  if (arguments.command == "swap") {
    return arguments.run.soak == absl::ZeroDuration() ? catalog::kGoalFinish : catalog::kGoalSoak;
  }
  return job.goal;
}

// resume, abort, swap, revert, finish.
int Steer(const Arguments& arguments) {
  absl::StatusOr<Connected> connected = Connect(arguments.connect);
  if (!connected.ok()) return Refuse(connected.status());
  catalog::Session& session = *connected->session;
  const absl::StatusOr<catalog::JobRecord> job = FindJob(session, arguments);
  if (!job.ok()) return Refuse(job.status());
  if (absl::Status pooled = RefusePooler(*connected); !pooled.ok()) return Refuse(pooled);
  // A process that runs the job is told through the ledger; if there is none (any more), this one
  // takes over, with the same wish.
  const std::string goal = GoalOf(arguments, *job);
  absl::Status asked = catalog::SetHold(session, job->job_id, catalog::Hold::kNone);
  if (asked.ok()) asked = catalog::SetGoal(session, job->job_id, goal);
  if (!asked.ok()) return Refuse(asked);
  connected->session.reset();
  return Drive(connected->conninfo, arguments, job->kind, job->job_id, goal);
}

int ShowProfiles(const Arguments& arguments) {
  if (arguments.kind == "list") {
    absl::PrintF("%s", ProfileList());
    return kExitDone;
  }
  const absl::StatusOr<Profile> profile = FindProfile(arguments.name);
  if (!profile.ok()) {
    PrintError(std::string(profile.status().message()));
    return kExitUsage;
  }
  absl::PrintF("%s", ToIni(*profile));
  return kExitDone;
}

}  // namespace

int RunCommand(const Arguments& arguments, const std::string& version) {
  const std::string& command = arguments.command;
  if (arguments.help) {
    absl::PrintF("%s", HelpText(command));
    return kExitDone;
  }
  if (command == "version") {
    absl::PrintF("pg_restructure %s\n", version);
    return kExitDone;
  }
  if (command == "profile") return ShowProfiles(arguments);
  if (command == "simulate") return Simulate(arguments);
  if (!OpenTrace(arguments.run)) {
    PrintError(absl::StrCat("option --trace: the file ", *arguments.run.trace,
                            " cannot be written\nHINT: name a file in a folder that is there"));
    return kExitUsage;
  }
  if (absl::Status failpoints = catalog::CheckFailpoints(); !failpoints.ok()) {
    PrintError(std::string(failpoints.message()));
    return kExitUsage;
  }
  if (command == "failpoints") {
    for (const std::string& name : catalog::FailpointNames()) absl::PrintF("%s\n", name);
    return kExitDone;
  }
  using Action = restructure::SetRequest::Action;
  if (command == "create") return PlanAndRun(arguments, Action::kCreate);
  if (command == "run") return PlanAndRun(arguments, Action::kRestructure);
  if (command == "drop") return PlanAndRun(arguments, Action::kDrop);
  if (command == "plan") return ShowPlan(arguments);
  if (command == "status") return ShowStatus(arguments);
  if (command == "verify") {
    return arguments.kind == restructure::kIndexKind ? VerifyIndex(arguments)
                                                     : VerifySet(arguments);
  }
  if (command == "doctor") return RunDoctor(arguments);
  if (command == "demo") {
    return RunDemo({arguments.kind, arguments.demo_rows, arguments.demo_keep,
                    arguments.run.workers.value_or(0), ""});
  }
  if (command == "pause" || command == "panic") return HoldJob(arguments);
  if (command == "adjust") return AdjustJob(arguments);
  return Steer(arguments);
}

}  // namespace tools
