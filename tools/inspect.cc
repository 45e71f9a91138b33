#include "tools/inspect.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "catalog/decisions.h"
#include "catalog/doctor.h"
#include "catalog/ledger.h"
#include "catalog/schema.h"
#include "catalog/steering.h"
#include "restructure/adjustments.h"
#include "restructure/index/verify_index.h"
#include "restructure/set/verify.h"
#include "tools/command_context.h"
#include "tools/connection.h"
#include "tools/exit_codes.h"
#include "tools/report.h"

namespace tools {
namespace {

using nlohmann::ordered_json;

// What the ledger says of a job.
struct Account {
  catalog::JobRecord job;
  catalog::Wishes wishes;
  std::optional<catalog::DecisionRecord> decision;  // the last
};

ordered_json DecisionToJson(const std::optional<catalog::DecisionRecord>& decision) {
  if (!decision) return {};
  ordered_json commit;
  if (decision->commit) commit = absl::ToDoubleSeconds(*decision->commit);
  return {{"age_seconds", absl::ToDoubleSeconds(decision->age)},
          {"pressure", decision->pressure},
          {"reason", decision->reason},
          {"effective_workers", decision->effective_workers},
          {"workers", decision->workers},
          {"rows_per_batch", decision->rows_per_batch},
          {"batch_seconds", absl::ToDoubleSeconds(decision->batch)},
          {"commit_seconds", commit}};
}

void PrintPace(const Account& account) {
  if (account.decision) {
    const catalog::DecisionRecord& decision = *account.decision;
    absl::PrintF("  last decision, %s ago: %s; %.2g workers, %s rows a batch\n",
                 FormatTimeSpan(decision.age),
                 decision.reason.empty() ? "full speed" : decision.reason,
                 decision.effective_workers, FormatCount(decision.rows_per_batch));
  }
  const absl::StatusOr<restructure::Summary> summary =
      restructure::SummaryFromJson(account.job.summary);
  if (!summary.ok() || summary->reasons.empty()) return;
  std::vector<std::string> shares;
  for (const auto& [reason, share] : ReasonShares(*summary)) {
    shares.push_back(absl::StrFormat("%s %.0f %%", reason, 100 * share));
  }
  absl::PrintF("  pace set by: %s\n", absl::StrJoin(shares, ", "));
}

std::string StateOf(const Account& account) {
  const catalog::JobRecord& job = account.job;
  if (!job.open) return job.outcome;
  const bool running = job.lease_until && *job.lease_until > job.read_at;
  if (account.wishes.hold == catalog::Hold::kPanic) return "stopped by panic";
  if (job.pause_requested) return "paused";
  if (running) return "running";
  if (!job.error.empty()) return "stopped";
  if (job.swapped) return "soaking";
  return "waiting";
}

ordered_json AdjustmentsToJson(const std::vector<catalog::Adjustment>& adjustments) {
  ordered_json array = ordered_json::array();
  for (const catalog::Adjustment& adjustment : adjustments) {
    ordered_json until;
    if (adjustment.until) until = absl::FormatTime(*adjustment.until, absl::UTCTimeZone());
    array.push_back({{"key", adjustment.key}, {"value", adjustment.value}, {"until", until}});
  }
  return array;
}

ordered_json JobToJson(const Account& account) {
  const catalog::JobRecord& job = account.job;
  const ordered_json progress = ordered_json::parse(job.progress, nullptr, false);
  const ordered_json summary = ordered_json::parse(job.summary, nullptr, false);
  return {{"job", job.job_id},
          {"kind", job.kind},
          {"name", job.name},
          {"phase", job.phase},
          {"state", StateOf(account)},
          {"goal", job.goal},
          {"holder", job.holder},
          {"error", job.error},
          {"adjustments", AdjustmentsToJson(account.wishes.adjustments)},
          {"created_at", absl::FormatTime(job.created_at, absl::UTCTimeZone())},
          {"decision", DecisionToJson(account.decision)},
          {"progress", progress.is_discarded() ? ordered_json() : progress},
          {"summary", summary.is_discarded() ? ordered_json() : summary}};
}

void PrintJob(const Account& account) {
  const catalog::JobRecord& job = account.job;
  const std::string state = StateOf(account);
  const std::string adjusted =
      restructure::Describe(account.wishes.adjustments, absl::Now(), absl::LocalTimeZone());
  absl::PrintF("job %d  %s %s  phase %s  %s%s\n", job.job_id, job.kind, job.name, job.phase, state,
               job.holder.empty() ? "" : absl::StrCat(", ", job.holder));
  if (job.open && state == "running") {
    absl::StatusOr<restructure::ProgressSnapshot> progress =
        restructure::ProgressFromJson(job.progress);
    if (progress.ok()) {
      constexpr int kColumns = 100;
      progress->adjusted = adjusted;
      for (const std::string& line : PanelLines(*progress, PhaseNames(job.kind), kColumns)) {
        absl::PrintF("  %s\n", line);
      }
    }
  }
  if (state != "running" && !adjusted.empty()) absl::PrintF("  adjusted: %s\n", adjusted);
  if (job.open) PrintPace(account);
  if (!job.error.empty()) absl::PrintF("  stopped: %s\n", job.error);
}

}  // namespace

int ShowStatus(const Arguments& arguments) {
  absl::StatusOr<Connected> connected = Connect(arguments.connect);
  if (!connected.ok()) return Refuse(connected.status());
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(*connected->session);
  if (!version.ok()) return Refuse(version.status());
  std::vector<catalog::JobRecord> jobs;
  if (arguments.job) {
    if (*version == 0) {
      return Refuse(absl::NotFoundError(absl::StrCat("no job ", *arguments.job,
                                                     "\nHINT: there are no jobs in this database "
                                                     "yet.")));
    }
    absl::StatusOr<catalog::JobRecord> job = catalog::GetJob(*connected->session, *arguments.job);
    if (!job.ok()) return Refuse(job.status());
    jobs.push_back(*std::move(job));
  } else if (*version > 0) {
    absl::StatusOr<std::vector<catalog::JobRecord>> listed =
        catalog::ListJobs(*connected->session, 5);
    if (!listed.ok()) return Refuse(listed.status());
    jobs = *std::move(listed);
  }
  ordered_json array = ordered_json::array();
  for (catalog::JobRecord& job : jobs) {
    Account account{std::move(job), {}, std::nullopt};
    if (*version >= catalog::kSteeringVersion) {
      absl::StatusOr<catalog::Wishes> wishes =
          catalog::ReadWishes(*connected->session, account.job.job_id);
      if (!wishes.ok()) return Refuse(wishes.status());
      account.wishes = *std::move(wishes);
      absl::StatusOr<std::optional<catalog::DecisionRecord>> decision =
          catalog::LastDecision(*connected->session, account.job.job_id);
      if (!decision.ok()) return Refuse(decision.status());
      account.decision = *std::move(decision);
    }
    if (arguments.json) {
      array.push_back(JobToJson(account));
    } else {
      PrintJob(account);
    }
  }
  if (arguments.json) {
    absl::PrintF("%s\n", (arguments.job ? array[0] : array).dump(2));
    return kExitDone;
  }
  if (jobs.empty()) absl::PrintF("no jobs\n");
  return kExitDone;
}

int VerifySet(const Arguments& arguments) {
  absl::StatusOr<Connected> connected = Connect(arguments.connect);
  if (!connected.ok()) return Refuse(connected.status());
  const restructure::Settings settings = SettingsFrom(arguments.run);
  absl::StatusOr<restructure::VerifyResult> result = restructure::VerifyNamedSet(
      connected->conninfo, *connected->session, arguments.name, settings);
  if (!result.ok()) return Refuse(result.status());
  const bool equal = result->comparison.differences == 0;
  if (arguments.json) {
    absl::PrintF("%s\n", ordered_json({{"name", result->name},
                                       {"verified_rows", result->comparison.rows},
                                       {"differences", result->comparison.differences},
                                       {"first_keys", result->comparison.first_keys}})
                             .dump(2));
  } else {
    absl::PrintF("set %s: %s rows compared, %s differences\n", result->name,
                 FormatCount(result->comparison.rows), FormatCount(result->comparison.differences));
    for (const std::string& key : result->comparison.first_keys) {
      absl::PrintF("  differs: %s\n", key);
    }
  }
  return equal ? kExitDone : kExitDifferences;
}

int VerifyIndex(const Arguments& arguments) {
  absl::StatusOr<Connected> connected = Connect(arguments.connect);
  if (!connected.ok()) return Refuse(connected.status());
  absl::StatusOr<restructure::IndexVerdict> verdict =
      restructure::VerifyNamedIndex(*connected->session, arguments.name);
  if (!verdict.ok()) return Refuse(verdict.status());
  const catalog::IndexCheck& check = verdict->check;
  if (arguments.json) {
    absl::PrintF("%s\n", ordered_json({{"name", verdict->name},
                                       {"verified_rows", check.rows},
                                       {"differences", check.differences},
                                       {"how", check.how},
                                       {"complaint", check.complaint}})
                             .dump(2));
  } else {
    absl::PrintF("index %s: about %s rows, by %s: %s\n", verdict->name, FormatCount(check.rows),
                 check.how, check.differences == 0 ? "no difference" : check.complaint);
  }
  return check.differences == 0 ? kExitDone : kExitDifferences;
}

int RunDoctor(const Arguments& arguments) {
  absl::StatusOr<Connected> connected = Connect(arguments.connect);
  if (!connected.ok()) return Refuse(connected.status());
  absl::StatusOr<catalog::Diagnosis> diagnosis = catalog::Diagnose(*connected->session);
  if (!diagnosis.ok()) return Refuse(diagnosis.status());
  const bool clean = diagnosis->findings.empty();
  if (arguments.json) {
    ordered_json findings = ordered_json::array();
    for (const catalog::Finding& finding : diagnosis->findings) {
      findings.push_back({{"what", finding.what}, {"hint", finding.hint}});
    }
    absl::PrintF(
        "%s\n",
        ordered_json({{"clean", clean}, {"findings", findings}, {"open_jobs", diagnosis->notes}})
            .dump(2));
    return clean ? kExitDone : kExitLeftovers;
  }
  for (const catalog::Finding& finding : diagnosis->findings) {
    absl::PrintF("found: %s\n  HINT: %s\n", finding.what, finding.hint);
  }
  for (const std::string& note : diagnosis->notes) absl::PrintF("note: %s\n", note);
  absl::PrintF(clean ? "clean\n" : "%d findings\n", diagnosis->findings.size());
  return clean ? kExitDone : kExitLeftovers;
}

}  // namespace tools
