// A set as a kind of structure: its phases, and how its jobs are opened and loaded.

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catalog/schema.h"
#include "restructure/rows/rows.h"
#include "restructure/set/phases.h"
#include "restructure/set/plan.h"

namespace restructure {
namespace {

constexpr Phase kPhases[] = {
    {"build", &Build}, {"connect", &Connect},       {"verify", &Verify}, {"swap", &Swap},
    {"soak", &Soak},   {"disconnect", &Disconnect}, {"drop", &Drop},
};

absl::Status Load(Job& job) {
  absl::StatusOr<catalog::SetDefinition> set = catalog::GetSet(*job.session, job.record.set_id);
  if (!set.ok()) return set.status();
  job.set = *std::move(set);
  job.old.reset();
  job.replacement.reset();
  if (job.record.old_structure) {
    absl::StatusOr<catalog::Structure> old =
        catalog::GetStructure(*job.session, *job.record.old_structure);
    if (!old.ok()) return old.status();
    job.old = *std::move(old);
  }
  if (job.record.new_structure) {
    absl::StatusOr<catalog::Structure> replacement =
        catalog::GetStructure(*job.session, *job.record.new_structure);
    if (!replacement.ok()) return replacement.status();
    job.replacement = *std::move(replacement);
  }
  return absl::OkStatus();
}

std::string LiveSet(const Job& job) {
  const catalog::Structure* live = job.drops() ? nullptr : job.live();
  if (live == nullptr) return "";
  return absl::StrCat("sort key now: ", catalog::DisplaySortKey(live->sort_key));
}

// A key of the ledger that is taken by now means that somebody else has been faster.
absl::Status Outrun(const absl::Status& status, const std::string& name) {
  if (!absl::IsAlreadyExists(status) || absl::StrContains(status.message(), "HINT: ")) {
    return status;
  }
  return absl::FailedPreconditionError(absl::StrCat("another job on set ", name,
                                                    " has just been started\n",
                                                    "HINT: `pg_restructure status` shows it."));
}

}  // namespace

const Kind kSet = {kSetKind, kPhases, &Load, &RestartCopyIfMoved, &Abandon, &LiveSet};

absl::StatusOr<std::int64_t> OpenJob(catalog::Session& session, const SetPlan& plan,
                                     const std::string& goal) {
  if (absl::Status installed = catalog::InstallSchema(session); !installed.ok()) return installed;
  absl::StatusOr<catalog::Transaction> transaction =
      catalog::Transaction::Begin(session, "open_job");
  if (!transaction.ok()) return transaction.status();
  catalog::SetDefinition set = plan.set;
  if (plan.request.action == SetRequest::Action::kCreate) {
    absl::StatusOr<std::int64_t> set_id = catalog::InsertSet(session, set);
    if (!set_id.ok()) return Outrun(set_id.status(), set.alias.Display());
    set.set_id = *set_id;
  }
  catalog::JobRecord job;
  job.kind = kSetKind;
  job.name = set.alias.Display();
  job.set_id = set.set_id;
  job.request = ToJson(plan.request);
  job.phase = kPhases[0].name;
  job.goal = goal;
  job.system_identifier = plan.server.system_identifier;
  job.database_oid = plan.server.database_oid;
  if (plan.old) job.old_structure = plan.old->structure_id;
  if (plan.request.action != SetRequest::Action::kDrop) {
    absl::StatusOr<catalog::Structure> structure =
        catalog::InsertStructure(session, set, plan.replacement);
    if (!structure.ok()) return Outrun(structure.status(), job.name);
    job.new_structure = structure->structure_id;
  }
  absl::StatusOr<std::int64_t> job_id = catalog::InsertJob(session, job);
  if (!job_id.ok()) return Outrun(job_id.status(), job.name);
  if (absl::Status committed = transaction->Commit(); !committed.ok()) return committed;
  return job_id;
}

}  // namespace restructure
