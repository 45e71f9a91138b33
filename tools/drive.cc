#include "tools/drive.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "catalog/ledger.h"
#include "restructure/run.h"
#include "throttle/trace.h"
#include "tools/command_context.h"
#include "tools/exit_codes.h"
#include "tools/report.h"

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

// What the server says carries no hint of ours.
std::string WithHint(std::string message, std::int64_t job_id) {
  if (absl::StrContains(message, "HINT: ")) return message;
  return absl::StrCat(message, "\nHINT: put right what the message names and run the same command ",
                      "again; `pg_restructure abort ", job_id, "` undoes a job before its swap.");
}

}  // namespace

std::ofstream OpenTrace(const RunOptions& run) {
  std::ofstream file;
  if (!run.trace) return file;
  file.open(*run.trace, std::ios::app);
  if (file && file.tellp() == 0) file << throttle::TraceHeader() << std::endl;
  return file;
}

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

}  // namespace tools
