// Disconnect, drop and abandon: one of the two tables goes.

#include <string>
#include <vector>

#include "catalog/failpoint.h"
#include "catalog/index_objects.h"
#include "catalog/ledger.h"
#include "catalog/set_objects.h"
#include "catalog/table_facts.h"
#include "catalog/table_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/table/phases.h"

namespace restructure::table {
namespace {

// One index for each transaction and throttle slot.
absl::Status DropIndexes(Job& job, const catalog::TableSide& side) {
  const Step step(job, "disconnect steps", 0);
  absl::StatusOr<std::vector<std::string>> statements =
      catalog::DropTableIndexStatements(*job.session, side.oid);
  if (!statements.ok()) return statements.status();
  for (const std::string& statement : *statements) {
    absl::Status done = RetryForLock(job, side.structure.table, "ACCESS EXCLUSIVE", [&](int) {
      return RunFenced(job, *job.session, "empty", job.settings.lock_timeout,
                       [&] { return catalog::ExecuteStatement(*job.session, statement); });
    });
    if (!done.ok()) return done;
  }
  return absl::OkStatus();
}

// The views of both sides stand on the tables, the table's triggers on the functions.
absl::Status DropSide(Job& job, const catalog::TableSide& side) {
  catalog::Session& session = *job.session;
  const catalog::Structure* const structures[] = {&*job.old, &*job.replacement};
  return RetryForLock(job, side.structure.table, "ACCESS EXCLUSIVE", [&](int) {
    return RunFenced(job, session, "table_drop", job.settings.lock_timeout, [&]() -> absl::Status {
      absl::Status done;
      for (const catalog::Structure* structure : structures) {
        if (done.ok()) done = catalog::DropSourceView(session, *structure);
      }
      if (done.ok() && side.oid != 0) done = catalog::DropTable(session, side.structure.table);
      for (const catalog::Structure* structure : structures) {
        if (done.ok()) done = catalog::DropTableHelpers(session, *structure);
      }
      return done;
    });
  });
}

absl::Status Close(Job& job, const char* outcome) {
  return RunFenced(job, *job.session, "close_job", absl::ZeroDuration(), [&]() -> absl::Status {
    absl::Status done;
    for (const catalog::TableSide* side : {&job.table->old_side, &job.table->new_side}) {
      if (!done.ok()) return done;
      done = catalog::DeleteStructure(*job.session, side->structure.structure_id);
    }
    return done.ok() ? catalog::CloseJob(*job.session, job.id(), outcome) : done;
  });
}

// Who renamed the tables by hand has the last word about which one is wanted.
absl::Status CheckNames(Job& job) {
  const catalog::TableSide& live = LiveSide(job);
  const catalog::TableSide& retired = RetiredSide(job);
  if (retired.oid == 0 || !(retired.structure.table == job.table->change.name)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the retired table of job ", job.id(), " bears the name ", job.record.name,
      " again, and the other one is called ", live.structure.table.Display(),
      "\nHINT: it was renamed by hand; rename both back, or drop the one that is not wanted, and ",
      "try again."));
}

// Triggers go first and alone: the only lock on the table of that name that keeps readers out.
absl::Status DropTriggersOf(Job& job, const catalog::TableSide& source, const char* label,
                            const catalog::TableSide& kept) {
  if (source.oid == 0) return absl::OkStatus();  // They went with the table.
  return RunUnderTableLock(job, source.structure.table, label, [&] {
    return catalog::DropCaptureTriggers(*job.session, SourceOf(job, source), kept.structure, false);
  });
}

// Nothing follows rows by the old key any more. But foreign keys may refer to it.
absl::Status DropKeyIndex(Job& job) {
  const TableSides& sides = *job.table;
  if (sides.change.key_index.empty() || &LiveSide(job) != &sides.new_side) return absl::OkStatus();
  const catalog::QualifiedName index = {sides.new_side.structure.table.schema,
                                        sides.change.key_index};
  const absl::StatusOr<bool> referred_to = catalog::IsReferredTo(*job.session, index);
  if (!referred_to.ok() || *referred_to) return referred_to.status();
  const auto cut = [&job] { job.session->Cut(); };
  absl::Status status = catalog::FailpointHit("index_drop_concurrently.before", cut);
  if (status.ok()) status = catalog::DropConcurrently(*job.session, index);
  if (status.ok()) status = catalog::FailpointHit("index_drop_concurrently.after", cut);
  return status;
}

}  // namespace

// Before: one table bears the name; its writers keep the other one equal.
// After:  the other one is no longer kept, and has no index left.
// Lock:   none on the table of that name; the retired one's own.
// Undo:   none: from here on only forward.
absl::StatusOr<Next> Disconnect(Job& job) {
  if (LiveSide(job).oid == 0) return Next::kGoOn;  // Somebody dropped it: the other one stays.
  if (absl::Status names = CheckNames(job); !names.ok()) return names;
  const catalog::TableSide& retired = RetiredSide(job);
  if (retired.structure.capture != "off") {
    absl::Status off = RunFenced(job, *job.session, "disconnect", absl::ZeroDuration(), [&] {
      absl::Status status = catalog::StopCapture(*job.session, SourceOf(job, LiveSide(job)),
                                                 retired.structure, std::nullopt);
      if (!status.ok()) return status;
      return catalog::SetCapture(*job.session, retired.structure.structure_id, "off");
    });
    if (off.ok()) off = Load(job);
    if (!off.ok()) return off;
  }
  if (RetiredSide(job).structure.stage == "emptied") return Next::kGoOn;
  absl::Status waited = WaitOutWriters(job, {LiveSide(job).structure.table});
  if (!waited.ok()) return waited;
  const catalog::TableSide& side = RetiredSide(job);
  absl::Status emptied = DropIndexes(job, side);
  if (emptied.ok()) {
    emptied = RunFenced(job, *job.session, "stage", absl::ZeroDuration(), [&] {
      return catalog::SetStage(*job.session, side.structure.structure_id, "emptied");
    });
  }
  if (emptied.ok()) emptied = Load(job);
  if (!emptied.ok()) return emptied;
  return Next::kGoOn;
}

// Before: the retired table has no index and is not kept.
// After:  nothing of the job is left but the ledger's history and the table.
// Lock:   ACCESS EXCLUSIVE on the table for one short transaction (DROP TRIGGER), then on those to
//         which the retired one refers.
// Undo:   none.
absl::StatusOr<Next> Drop(Job& job) {
  // If somebody dropped the table, the retired one has the last copy of its rows, and stays.
  if (LiveSide(job).oid == 0) {
    absl::Status left = DropTriggersOf(job, RetiredSide(job), "drop", LiveSide(job));
    if (left.ok()) left = DropAttachLeftovers(job);
    if (left.ok()) left = DropSide(job, LiveSide(job));
    if (left.ok()) left = Close(job, "done");
    if (!left.ok()) return left;
    return Next::kGoOn;
  }
  absl::Status status = CheckNames(job);
  if (status.ok()) status = DropTriggersOf(job, LiveSide(job), "drop", RetiredSide(job));
  if (status.ok()) status = DropKeyIndex(job);
  if (status.ok()) status = DropAttachLeftovers(job);
  if (status.ok()) status = DropSide(job, RetiredSide(job));
  if (status.ok()) status = Close(job, "done");
  if (!status.ok()) return status;
  return Next::kGoOn;
}

absl::Status Abandon(Job& job) {
  absl::Status status;
  if (job.replacement->stage != "building") {
    status = DropTriggersOf(job, job.table->old_side, "abandon", job.table->new_side);
    if (status.ok()) status = DropAttachLeftovers(job);
    if (status.ok()) status = DropSide(job, job.table->new_side);
  }
  return status.ok() ? Close(job, "aborted") : status;
}

}  // namespace restructure::table
