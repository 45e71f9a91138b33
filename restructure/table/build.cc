#include "catalog/ledger.h"
#include "catalog/partition_exchange.h"
#include "catalog/table_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/table/phases.h"
#include "restructure/table/request.h"

namespace restructure::table {

// Before: the job is in the ledger; the table knows nothing of it.
// After:  the new table is there, empty, without indexes and like the old one in all else but what
//         the exchange moves; every change of the old one that commits from now on is in the key
//         log; the triggers for the way back are there, disabled.
// Lock:   SHARE ROW EXCLUSIVE on the table for one short transaction: waits for writers, never
//         blocks readers.
// Undo:   Abandon.
absl::StatusOr<Next> Build(Job& job) {
  if (job.replacement->stage != "building") return Next::kGoOn;
  const absl::StatusOr<TableRequest> request = TableRequestFromJson(job.record.request);
  if (!request.ok()) return request.status();
  catalog::Session& session = *job.session;
  const std::int64_t source = job.set.member_oid;
  std::string version;
  const auto create = [&]() -> absl::Status {
    absl::StatusOr<std::string> now = catalog::TableVersion(session, source);
    if (!now.ok()) return now.status();
    version = *now;
    catalog::TableSide old_side = job.table->old_side;
    catalog::TableSide new_side = job.table->new_side;
    const catalog::QualifiedName& name = new_side.structure.table;
    absl::Status status = catalog::RecordTableParts(session, job.id(), source, name.name);
    if (!status.ok()) return status;
    absl::StatusOr<std::int64_t> created =
        catalog::CreateLike(session, job.id(), source, name, request->wishes);
    if (!created.ok()) return created.status();
    new_side.oid = *created;
    new_side.source_oid = old_side.oid;
    old_side.source_oid = new_side.oid;
    if (job.table->change.is_partition) {
      status = catalog::AddBoundConstraint(session, source, new_side.oid);
      if (!status.ok()) return status;
    }
    status = catalog::RecordSequenceParts(session, job.id(), source, new_side.oid);
    if (status.ok()) status = catalog::RecordSides(session, old_side, new_side);
    if (!status.ok()) return status;
    return catalog::CreateTableHelpers(session, SourceOf(job, old_side), new_side.structure,
                                       SourceOf(job, new_side), old_side.structure);
  };
  // What was copied has to be what the fingerprint was taken of, or the change of somebody else in
  // between would be lost.
  const auto confirm = [&]() -> absl::Status {
    absl::StatusOr<bool> same = catalog::FingerprintIsOf(session, job.id(), version);
    if (!same.ok()) return same.status();
    return *same ? absl::OkStatus() : absl::AbortedError("the table was changed meanwhile");
  };
  absl::StatusOr<Next> built = BuildReplacement(job, {job.set.member}, create, confirm);
  if (!built.ok()) return built;
  if (absl::Status loaded = Load(job); !loaded.ok()) return loaded;
  return built;
}

}  // namespace restructure::table
