// A partition's place in its tree: what has to be ready before another table can take it.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/partition_exchange.h"
#include "catalog/partition_facts.h"
#include "catalog/table_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/table/phases.h"

namespace restructure::table {
namespace {

absl::Status DoAlone(Job& job, const catalog::Preparation& todo, throttle::Work work) {
  return RetryForLock(
      job, todo.table, todo.mode,
      [&](int) {
        return RunFenced(job, *job.session, "table_attach", job.settings.lock_timeout,
                         [&] { return catalog::ExecuteStatement(*job.session, todo.statement); });
      },
      work);
}

}  // namespace

absl::StatusOr<bool> IsReadyToAttach(Job& job) {
  if (!job.table->change.is_partition) return true;
  absl::StatusOr<std::optional<catalog::Preparation>> next =
      catalog::NextPreparation(*job.session, job.id(), LiveSide(job).oid, RetiredSide(job).oid);
  if (!next.ok()) return next.status();
  absl::StatusOr<catalog::PartitionShape> shape =
      catalog::ReadPartitionShape(*job.session, LiveSide(job).oid);
  if (!shape.ok()) return shape.status();
  return !next->has_value() && shape->missing_indexes.empty();
}

absl::Status PrepareToAttach(Job& job) {
  constexpr int kStatementsMax = 1000;  // two for each foreign key, and four
  if (!job.table->change.is_partition) return absl::OkStatus();
  absl::StatusOr<catalog::PartitionShape> shape =
      catalog::ReadPartitionShape(*job.session, LiveSide(job).oid);
  if (!shape.ok()) return shape.status();
  if (!shape->missing_indexes.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(shape->parent.Display(), " has got indexes that ", job.record.name,
                     " lacks, and to attach would build them under the lock: ",
                     absl::StrJoin(shape->missing_indexes, ", "),
                     "\nHINT: drop them there and try again; make them when the job is over."));
  }
  for (int count = 0; count < kStatementsMax; ++count) {
    absl::StatusOr<std::optional<catalog::Preparation>> next =
        catalog::NextPreparation(*job.session, job.id(), LiveSide(job).oid, RetiredSide(job).oid);
    if (!next.ok()) return next.status();
    if (!next->has_value()) return absl::OkStatus();
    absl::Status done = DoAlone(job, **next, throttle::Work::kExchange);
    if (absl::IsFailedPrecondition(done) || absl::IsAlreadyExists(done)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "rows are not what the constraints of ", job.record.name, " say: ", done.message(),
          "\nHINT: change those rows and try again; nothing was exchanged."));
    }
    if (!done.ok()) return done;
  }
  return absl::InternalError("the preparation of the exchange does not end");
}

absl::Status DropAttachLeftovers(Job& job) {
  if (!job.table->change.is_partition) return absl::OkStatus();
  absl::StatusOr<std::vector<catalog::Preparation>> leftovers =
      catalog::PreparationLeftovers(*job.session, job.id());
  if (!leftovers.ok()) return leftovers.status();
  for (const catalog::Preparation& leftover : *leftovers) {
    absl::Status dropped = DoAlone(job, leftover, throttle::Work::kBatch);
    if (!dropped.ok()) return dropped;
  }
  return absl::OkStatus();
}

}  // namespace restructure::table
