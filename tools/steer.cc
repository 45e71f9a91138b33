#include "tools/steer.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "catalog/facts.h"
#include "catalog/schema.h"
#include "catalog/steering.h"
#include "restructure/adjustments.h"
#include "restructure/phases.h"
#include "tools/command_context.h"
#include "tools/connection.h"
#include "tools/exit_codes.h"
#include "tools/profile.h"

namespace tools {
namespace {

// What a command asks of a job, and when it may.
absl::Status MayAsk(const std::string& command, const catalog::JobRecord& job) {
  const auto refuse = [&](absl::string_view why, absl::string_view hint) {
    return absl::FailedPreconditionError(absl::StrCat(
        "job ", job.job_id, " on ", job.name, " ", why, " (phase ", job.phase, ")\nHINT: ", hint));
  };
  if (!job.open) return refuse(absl::StrCat("is over: ", job.outcome), "there is nothing to do.");
  if (command == "revert" && !job.swapped) {
    return refuse("has not swapped, so there is nothing to revert", "`abort` undoes it.");
  }
  const bool forward_only = restructure::IsForwardOnly(job.phase);
  if (command == "revert" && forward_only) {
    return refuse("is being finished and goes only forward", "run it again the other way.");
  }
  if (command == "abort" && (job.swapped || forward_only)) {
    return refuse("has swapped, so it cannot be aborted", "`revert` goes back to the old order.");
  }
  if (command == "finish" && !job.swapped) {
    return refuse("has not swapped, so there is nothing to finish",
                  "`resume` or `swap` carries it on.");
  }
  if (command == "swap" && job.swapped) {
    return refuse("has swapped already", "`finish` or `revert` comes next.");
  }
  return absl::OkStatus();
}

bool IsRunning(const catalog::JobRecord& job) {
  return job.lease_until && *job.lease_until > job.read_at;
}

absl::Status SetAdjustments(catalog::Session& session, const Arguments& arguments) {
  const absl::StatusOr<std::vector<std::pair<std::string, std::string>>> wanted =
      WantedAdjustments(arguments);
  if (!wanted.ok()) return wanted.status();
  if (wanted->empty()) {
    return arguments.reset ? catalog::ResetAdjustments(session, *arguments.job) : absl::OkStatus();
  }
  std::vector<std::pair<std::string, catalog::Value>> values;
  if (arguments.reset) {
    for (const std::string& key : restructure::AdjustableKeys()) {
      values.emplace_back(key, std::nullopt);
    }
  }
  // Of a key that is there twice the last counts.
  values.insert(values.end(), wanted->begin(), wanted->end());
  return catalog::Adjust(session, *arguments.job, values, arguments.lasting);
}

}  // namespace

absl::StatusOr<catalog::JobRecord> FindJob(catalog::Session& session, const Arguments& arguments) {
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  if (*version == 0) {
    return absl::NotFoundError(
        absl::StrCat("no job ", *arguments.job, "\nHINT: there are no jobs in this database yet."));
  }
  if (absl::Status upgraded = catalog::InstallSchema(session); !upgraded.ok()) return upgraded;
  absl::StatusOr<catalog::JobRecord> job = catalog::GetJob(session, *arguments.job);
  if (!job.ok()) return job.status();
  if (absl::Status may = MayAsk(arguments.command, *job); !may.ok()) return may;
  return job;
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> WantedAdjustments(
    const Arguments& arguments) {
  Profile profile;
  if (arguments.run.profile) {
    absl::StatusOr<Profile> found = FindProfile(*arguments.run.profile);
    if (!found.ok()) return found.status();
    profile = *std::move(found);
  }
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const std::string& key : restructure::AdjustableKeys()) {
    const auto given = arguments.given.find(key);
    const auto from_profile = profile.values.find(key);
    if (given != arguments.given.end()) {
      wanted.emplace_back(key, given->second);
    } else if (from_profile != profile.values.end() && from_profile->second != "auto") {
      wanted.emplace_back(key, from_profile->second);
    }
  }
  return wanted;
}

int HoldJob(const Arguments& arguments) {
  const absl::StatusOr<Connected> connected = Connect(arguments.connect);
  if (!connected.ok()) return Refuse(connected.status());
  catalog::Session& session = *connected->session;
  const absl::StatusOr<catalog::JobRecord> job = FindJob(session, arguments);
  if (!job.ok()) return Refuse(job.status());
  const bool panic = arguments.command == "panic";
  absl::Status held =
      catalog::SetHold(session, job->job_id, panic ? catalog::Hold::kPanic : catalog::Hold::kPause);
  if (!held.ok()) return Refuse(held);
  if (!IsRunning(*job)) {
    absl::PrintF("job %d is paused; nobody runs it now\n", job->job_id);
  } else if (panic) {
    absl::PrintF("job %d stops at once; its capture goes on\nnext: pg_restructure resume %d\n",
                 job->job_id, job->job_id);
  } else {
    absl::PrintF("job %d pauses; its capture goes on\n", job->job_id);
  }
  return kExitDone;
}

int AdjustJob(const Arguments& arguments) {
  const absl::StatusOr<Connected> connected = Connect(arguments.connect);
  if (!connected.ok()) return Refuse(connected.status());
  catalog::Session& session = *connected->session;
  const absl::StatusOr<catalog::JobRecord> job = FindJob(session, arguments);
  if (!job.ok()) return Refuse(job.status());
  if (absl::Status set = SetAdjustments(session, arguments); !set.ok()) return Refuse(set);
  const absl::StatusOr<catalog::Wishes> wishes = catalog::ReadWishes(session, job->job_id);
  if (!wishes.ok()) return Refuse(wishes.status());
  const std::string what =
      restructure::Describe(wishes->adjustments, absl::Now(), absl::LocalTimeZone());
  absl::PrintF("job %d: %s%s\n", job->job_id, what.empty() ? "as it was begun" : what,
               IsRunning(*job) ? "" : "; nobody runs it now");
  return kExitDone;
}

}  // namespace tools
