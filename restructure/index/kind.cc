// An index as a kind of structure.

#include "absl/strings/str_cat.h"
#include "catalog/ledger.h"
#include "restructure/index/phases.h"

namespace restructure {
namespace index {
namespace {

constexpr Phase kPhases[] = {{"build", &Build}, {"connect", &Connect}, {"verify", &Verify},
                             {"swap", &Swap},   {"soak", &Soak},       {"drop", &Drop}};

absl::Status Load(Job& job) {
  absl::StatusOr<catalog::IndexChange> change = catalog::GetIndexChange(*job.session, job.id());
  if (!change.ok()) return change.status();
  job.index = *std::move(change);
  return absl::OkStatus();
}

// Each build finds by itself what an earlier one left.
absl::Status Reconcile(Job& job) {
  const bool is_finished = job.record.swapped && job.control->goal() == catalog::kGoalFinish;
  if (!job.index->table.name.empty() || is_finished) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the table of index ", job.record.name,
      " is gone\nHINT: ", job.record.swapped ? "`pg_restructure finish " : "`pg_restructure abort ",
      job.id(), "` closes the job."));
}

std::string LiveIndex(const Job& job) {
  return absl::StrCat("index now: ", catalog::DisplayIndex(job.index->definition(job.index->live)));
}

}  // namespace

}  // namespace index

const Kind kIndex = {kIndexKind,        index::kPhases,  &index::Load,
                     &index::Reconcile, &index::Abandon, &index::LiveIndex};

}  // namespace restructure
