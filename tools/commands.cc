#include "tools/commands.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "catalog/facts.h"
#include "catalog/failpoint.h"
#include "catalog/ledger.h"
#include "catalog/load_query.h"
#include "catalog/steering.h"
#include "restructure/index/plan.h"
#include "restructure/phases.h"
#include "restructure/run.h"
#include "restructure/set/plan.h"
#include "restructure/table/plan.h"
#include "restructure/table/tree.h"
#include "throttle/trace.h"
#include "tools/command_context.h"
#include "tools/connection.h"
#include "tools/demo.h"
#include "tools/exit_codes.h"
#include "tools/explain_limits.h"
#include "tools/inspect.h"
#include "tools/profile.h"
#include "tools/report.h"
#include "tools/simulate.h"
#include "tools/steer.h"
#include "tools/tree.h"

namespace tools {
namespace {

// The one object that a signal reaches. Set before the handlers are installed.
restructure::Control* signal_control = nullptr;

void HandleSignal(int) {
  if (signal_control->interrupted()) _exit(kExitResumable);  // The second time: at once.
  signal_control->Interrupt();
}

int ExitCodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kDataLoss:
      return kExitDifferences;
    case absl::StatusCode::kDeadlineExceeded:
      return kExitLockNotObtained;
    case absl::StatusCode::kAlreadyExists:
      return kExitRefused;
    default:
      return kExitResumable;
  }
}

std::string OutcomeText(restructure::Outcome outcome, std::int64_t job) {
  switch (outcome) {
    case restructure::Outcome::kDone:
      return absl::StrCat("job ", job, " is done");
    case restructure::Outcome::kHeld:
      return absl::StrCat("job ", job, " is held before the swap; writers keep both structures\n",
                          "next: pg_restructure swap ", job, " | abort ", job);
    case restructure::Outcome::kSoaking:
      return absl::StrCat("job ", job, " has swapped; both structures are kept equal\n",
                          "next: pg_restructure finish ", job, " | revert ", job);
    case restructure::Outcome::kAborted:
      return absl::StrCat("job ", job, " is undone");
  }
  return "";
}

void WriteSummary(const RunOptions& run, const restructure::Summary& summary) {
  if (!run.summary) return;
  std::ofstream file(*run.summary);
  file << restructure::ToJson(summary) << "\n";
  if (!file.flush()) PrintError(absl::StrCat("cannot write the summary to ", *run.summary));
}

// Not open if there is to be none; failed if it cannot be written. A resumed job adds to it.
std::ofstream OpenTrace(const RunOptions& run) {
  std::ofstream file;
  if (!run.trace) return file;
  file.open(*run.trace, std::ios::app);
  if (file && file.tellp() == 0) file << throttle::TraceHeader() << std::endl;
  return file;
}

// What the server says carries no hint of ours.
std::string WithHint(std::string message, std::int64_t job_id) {
  if (absl::StrContains(message, "HINT: ")) return message;
  return absl::StrCat(message, "\nHINT: put right what the message names and run the same command ",
                      "again; `pg_restructure abort ", job_id, "` undoes a job before its swap.");
}

// Runs the job under a panel until it rests; the last thing that most commands do.
int Drive(const std::string& conninfo, const Arguments& arguments, const std::string& kind,
          std::int64_t job_id, const std::string& goal) {
  restructure::Progress progress;
  static restructure::Control control;
  signal_control = &control;
  (void)std::signal(SIGINT, HandleSignal);
  (void)std::signal(SIGTERM, HandleSignal);
  (void)std::signal(SIGPIPE, SIG_IGN);
  const bool terminal = isatty(STDERR_FILENO) != 0;
  Panel panel(progress, stderr, terminal ? Panel::Mode::kTerminal : Panel::Mode::kLines,
              PhaseNames(kind));
  if (!arguments.run.quiet) panel.Start();
  std::ofstream trace = OpenTrace(arguments.run);
  const absl::StatusOr<restructure::RunResult> result =
      restructure::RunJob(conninfo, SettingsFrom(arguments.run), job_id, goal,
                          {&progress, &control, arguments.run.trace ? &trace : nullptr});
  panel.Stop();
  if (!trace) PrintError(absl::StrCat("cannot write the trace to ", *arguments.run.trace));
  if (!result.ok()) {
    if (absl::IsCancelled(result.status()) && !control.hibernation().empty()) {
      if (!arguments.run.quiet) absl::PrintF("job %d rests: %s\n", job_id, control.hibernation());
      return kExitHibernates;
    }
    if (absl::IsCancelled(result.status())) {
      PrintError(absl::StrCat("job ", job_id, " was interrupted; nothing is lost\n",
                              "HINT: run the same command again, or `pg_restructure resume ",
                              job_id, "`."));
      return kExitResumable;
    }
    if (absl::IsAlreadyExists(result.status()) && arguments.job) {
      absl::PrintF("job %d is being run by another process; it has been told\n", job_id);
      return kExitDone;
    }
    PrintError(WithHint(std::string(result.status().message()), job_id));
    return ExitCodeFor(result.status());
  }
  WriteSummary(arguments.run, result->summary);
  if (!arguments.run.quiet) {
    absl::PrintF("%s", RenderSummary(result->summary));
    for (const std::string& note : result->notes) absl::PrintF("%s\n", note);
    if (!result->live.empty()) absl::PrintF("%s\n", result->live);
    absl::PrintF("%s\n", OutcomeText(result->outcome, job_id));
  }
  const bool asked = goal == catalog::kGoalAbort;
  if (result->outcome == restructure::Outcome::kAborted && !asked) return kExitAborted;
  return kExitDone;
}

absl::StatusOr<restructure::SetRequest> RequestFrom(const Arguments& arguments,
                                                    restructure::SetRequest::Action action) {
  restructure::SetRequest request;
  request.action = action;
  request.name = arguments.name;
  request.member = arguments.member.value_or("");
  request.owner = arguments.owner.value_or("");
  request.key = arguments.key.value_or("");
  request.insertion_automatic = arguments.insertion == Insertion::kAutomatic;
  request.retention_mandatory = arguments.retention == Retention::kMandatory;
  if (arguments.carry) {
    absl::StatusOr<std::vector<std::string>> carry = catalog::ParseColumnList(*arguments.carry);
    if (!carry.ok()) return carry.status();
    request.carry = *std::move(carry);
  }
  if (arguments.show) {
    absl::StatusOr<std::vector<std::string>> show = catalog::ParseColumnList(*arguments.show);
    if (!show.ok()) return show.status();
    request.show = *std::move(show);
  }
  return request;
}

absl::Status RefusePooler(const Connected& connected) {
  absl::StatusOr<bool> pooled =
      catalog::IsPooledByTransaction(*connected.session, connected.conninfo);
  if (!pooled.ok()) return pooled.status();
  if (!*pooled) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the connection goes through a pooler in transaction mode: locks and settings would be lost "
      "between statements\nHINT: connect to the server itself, or to a pool in session mode.");
}

struct Opened {
  std::int64_t job_id = 0;
  std::string goal;
};

std::string GoalOfRun(const Arguments& arguments, restructure::SetRequest::Action action) {
  if (arguments.run.hold_before_swap) return catalog::kGoalHold;
  const bool to_the_end = action != restructure::SetRequest::Action::kRestructure ||
                          arguments.run.soak == absl::ZeroDuration();
  return to_the_end ? catalog::kGoalFinish : catalog::kGoalSoak;
}

absl::StatusOr<restructure::SetPlan> PlanOf(catalog::Session& session, const Arguments& arguments,
                                            restructure::SetRequest::Action action) {
  absl::StatusOr<restructure::SetRequest> request = RequestFrom(arguments, action);
  if (!request.ok()) return request.status();
  return restructure::PlanSet(session, *request, SettingsFrom(arguments.run));
}

absl::StatusOr<restructure::IndexPlan> IndexPlanOf(catalog::Session& session,
                                                   const Arguments& arguments) {
  restructure::IndexRequest request;
  request.name = arguments.name;
  request.tries = arguments.tries;
  catalog::IndexWishes& wishes = request.wishes;
  wishes.keys = arguments.key;
  wishes.predicate = arguments.where;
  wishes.method = arguments.method;
  wishes.tablespace = arguments.tablespace;
  wishes.options = arguments.storage;
  wishes.unique = arguments.unique;
  if (arguments.include) {
    wishes.include.emplace();
    if (!arguments.include->empty()) {
      absl::StatusOr<std::vector<std::string>> columns =
          catalog::ParseColumnList(*arguments.include);
      if (!columns.ok()) return columns.status();
      wishes.include = *std::move(columns);
    }
  }
  return restructure::PlanIndex(session, request, SettingsFrom(arguments.run));
}

absl::StatusOr<restructure::TableRequest> TableRequestOf(const Arguments& arguments) {
  restructure::TableRequest request;
  request.name = arguments.name;
  request.order_by = arguments.order_by.value_or("");
  request.wishes.fillfactor = arguments.fillfactor;
  request.wishes.tablespace = arguments.tablespace;
  if (arguments.primary_key) {
    absl::StatusOr<std::vector<std::string>> columns =
        catalog::ParseColumnList(*arguments.primary_key);
    if (!columns.ok()) return columns.status();
    request.primary_key = *std::move(columns);
  }
  request.alteration = {arguments.alters, arguments.columns, arguments.reverse};
  return request;
}

absl::StatusOr<restructure::TablePlan> TablePlanOf(catalog::Session& session,
                                                   const Arguments& arguments) {
  const absl::StatusOr<restructure::TableRequest> request = TableRequestOf(arguments);
  if (!request.ok()) return request.status();
  return restructure::PlanTable(session, *request, arguments.space_max_bytes,
                                SettingsFrom(arguments.run));
}

absl::StatusOr<restructure::TreePlan> TreePlanOf(catalog::Session& session,
                                                 const Arguments& arguments) {
  const absl::StatusOr<restructure::TableRequest> request = TableRequestOf(arguments);
  if (!request.ok()) return request.status();
  return restructure::PlanTree(session, *request, arguments.space_max_bytes,
                               SettingsFrom(arguments.run));
}

absl::StatusOr<bool> IsTree(catalog::Session& session, const Arguments& arguments) {
  if (arguments.kind != restructure::kTableKind) return false;
  return restructure::IsPartitionedTable(session, arguments.name);
}

// Opens the job of a plan, or finds the one that was begun.
template <typename Plan>
absl::StatusOr<Opened> Open(catalog::Session& session, const Arguments& arguments,
                            const absl::StatusOr<Plan>& plan, const std::string& goal) {
  if (!plan.ok()) return plan.status();
  if (plan->open_job) {
    if (!arguments.run.quiet) absl::PrintF("job %d goes on\n", plan->open_job->job_id);
    return Opened{plan->open_job->job_id, goal};
  }
  if (!arguments.run.quiet) {
    absl::PrintF("%s", restructure::RenderPlan(*plan, SettingsFrom(arguments.run)));
  }
  absl::StatusOr<std::int64_t> job_id = restructure::OpenJob(session, *plan, goal);
  if (!job_id.ok()) return job_id.status();
  if (!arguments.run.quiet) absl::PrintF("job %d\n", *job_id);
  return Opened{*job_id, goal};
}

absl::StatusOr<Opened> PlanAndOpen(catalog::Session& session, const Arguments& arguments,
                                   restructure::SetRequest::Action action) {
  const std::string goal = GoalOfRun(arguments, action);
  if (arguments.kind == restructure::kIndexKind) {
    return Open(session, arguments, IndexPlanOf(session, arguments), goal);
  }
  if (arguments.kind == restructure::kTableKind) {
    return Open(session, arguments, TablePlanOf(session, arguments), goal);
  }
  return Open(session, arguments, PlanOf(session, arguments, action), goal);
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
  if (*is_tree) {
    const absl::StatusOr<restructure::TableRequest> request = TableRequestOf(arguments);
    if (!request.ok()) return Refuse(request.status());
    const auto drive = [&](std::int64_t job_id, const std::string& goal) {
      return Drive(connected->conninfo, arguments, arguments.kind, job_id, goal);
    };
    connected->session.reset();
    return RunTree(arguments, connected->conninfo, *request, GoalOfRun(arguments, action), drive);
  }
  absl::StatusOr<Opened> opened = PlanAndOpen(*connected->session, arguments, action);
  // If the connection was lost while the job was opened, a second plan sees whether it is there.
  constexpr int kTriesMax = 20;
  for (int tries = 1; tries < kTriesMax &&
                      (absl::IsUnknown(opened.status()) || absl::IsUnavailable(opened.status()));
       ++tries) {
    absl::SleepFor(absl::Milliseconds(500));
    absl::StatusOr<std::unique_ptr<catalog::Session>> again =
        catalog::Session::Open(connected->conninfo, "pg_restructure");
    opened = again.ok() ? PlanAndOpen(**again, arguments, action)
                        : absl::StatusOr<Opened>(again.status());
  }
  if (!opened.ok()) return Refuse(opened.status());
  connected->session.reset();
  std::fflush(stdout);
  return Drive(connected->conninfo, arguments, arguments.kind, opened->job_id, opened->goal);
}

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
    limits = ExplainLimits(*look, settings, *commit);
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

int PlanOnly(const Arguments& arguments) {
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
      PlanOf(*connected->session, arguments, restructure::SetRequest::Action::kRestructure));
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
  if (command == "plan") return PlanOnly(arguments);
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
