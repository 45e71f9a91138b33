// Swap and soak: the two indexes exchange their names, or their place under the constraint.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "catalog/ledger.h"
#include "catalog/set_objects.h"
#include "restructure/index/phases.h"

namespace restructure::index {
namespace {

using catalog::IndexPart;
using catalog::Side;

absl::Status NotThere(const Job& job, const catalog::PartIndex& index) {
  return absl::FailedPreconditionError(absl::StrCat(
      "index ", index.name.Display(), " is gone or invalid: somebody else dropped it", "\nHINT: ",
      job.record.swapped ? "`finish` keeps the one that is there."
                         : "run the same command again to build it."));
}

// A name alone does not say that it is the index which the job knows.
absl::Status CheckDefinition(const Job& job, const catalog::PartIndex& index, Side side) {
  const absl::StatusOr<catalog::IndexDefinition> found =
      catalog::ReadDefinition(*job.session, index.oid);
  if (!found.ok()) return found.status();
  const catalog::IndexDefinition& expected = job.index->definition(side);
  const bool same = found->unique == expected.unique && found->method == expected.method &&
                    found->keys == expected.keys && found->include == expected.include &&
                    found->predicate == expected.predicate;
  if (same) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "index ", index.name.Display(), " is ", catalog::DisplayIndex(*found), ", expected ",
      catalog::DisplayIndex(expected), ": somebody else made or changed it; nothing was exchanged",
      "\nHINT: put back the one that the job knows, or ",
      job.record.swapped ? "`pg_restructure finish " : "`pg_restructure abort ", job.id(), "`."));
}

// The names of all parts go over at once. `from` is the side that bears them now.
absl::Status ExchangeNames(Job& job, const std::vector<IndexPart>& parts, Side from) {
  const catalog::IndexChange& change = *job.index;
  for (const IndexPart& part : parts) {
    const catalog::PartIndex& now = part.index(from);
    const catalog::PartIndex& then = part.index(Other(from));
    absl::StatusOr<catalog::Marks> marks = catalog::ReadMarks(*job.session, now.oid);
    if (!marks.ok()) return marks.status();
    absl::StatusOr<std::string> retired_name =
        catalog::RetiredName(*job.session, job.id(), part.part, from);
    if (!retired_name.ok()) return retired_name.status();
    absl::Status status = catalog::RenameIndex(*job.session, now.name, *retired_name);
    if (status.ok()) status = catalog::RenameIndex(*job.session, then.name, now.name.name);
    if (status.ok()) {
      const catalog::QualifiedName& table = part.table.name.empty() ? change.table : part.table;
      status = catalog::SetMarks(*job.session, table, now.name.name, *marks);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// The old index goes with its constraint.
absl::Status ExchangeUnderConstraint(Job& job, const IndexPart& part, Side from) {
  const catalog::IndexChange& change = *job.index;
  const catalog::PartIndex& now = part.index(from);
  absl::StatusOr<std::vector<catalog::ForeignKey>> keys =
      catalog::ReadForeignKeys(*job.session, now.oid);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<catalog::Marks> marks = catalog::ReadMarks(*job.session, now.oid);
  if (!marks.ok()) return marks.status();
  absl::Status status = catalog::RememberForeignKeys(*job.session, job.id(), *keys);
  if (!status.ok()) return status;
  const catalog::Constraint constraint{change.constraint_name, change.primary, change.deferrable,
                                       change.deferred};
  status = catalog::ReplaceConstraint(*job.session, change.table, constraint,
                                      part.index(Other(from)).name.name, *keys);
  if (!status.ok()) return status;
  return catalog::SetMarks(*job.session, change.table, now.name.name, *marks);
}

// The strongest lock that the exchange needs comes first: ACCESS EXCLUSIVE on a table whose
// constraint or replica identity it changes, and on those that refer to it.
absl::Status LockForExchange(Job& job, const std::vector<IndexPart>& parts, Side from) {
  std::vector<catalog::QualifiedName> tables;
  const auto add = [&tables](const catalog::QualifiedName& table) {
    if (std::find(tables.begin(), tables.end(), table) == tables.end()) tables.push_back(table);
  };
  if (job.index->has_constraint()) {
    add(job.index->table);
    absl::StatusOr<std::vector<catalog::ForeignKey>> keys =
        catalog::ReadForeignKeys(*job.session, parts.front().index(from).oid);
    if (!keys.ok()) return keys.status();
    for (const catalog::ForeignKey& key : *keys) add(key.table);
  }
  for (const IndexPart& part : parts) {
    absl::StatusOr<catalog::Marks> marks = catalog::ReadMarks(*job.session, part.index(from).oid);
    if (!marks.ok()) return marks.status();
    if (marks->replica_identity) add(part.table);
  }
  if (tables.empty()) return absl::OkStatus();
  return catalog::LockTables(*job.session, tables, "ACCESS EXCLUSIVE");
}

absl::Status ExchangeOnce(Job& job, absl::string_view label, int attempt, LockHold* hold) {
  const Side from = job.index->live;
  hold->attempts = attempt;
  absl::Status done =
      RunFenced(job, *job.session, label, job.settings.lock_timeout, [&]() -> absl::Status {
        absl::StatusOr<std::vector<IndexPart>> parts = catalog::ReadParts(*job.session, job.id());
        if (!parts.ok()) return parts.status();
        if (parts->empty()) return absl::FailedPreconditionError("the job has no parts");
        for (const IndexPart& part : *parts) {
          if (!part.index(from).oid) return NotThere(job, part.index(from));
          if (!part.index(Other(from)).valid) return NotThere(job, part.index(Other(from)));
          for (const Side side : {from, Other(from)}) {
            const absl::Status same = CheckDefinition(job, part.index(side), side);
            if (!same.ok()) return same;
          }
        }
        absl::Status status = catalog::SetSwapped(*job.session, job.id());
        if (status.ok()) {
          status = catalog::AddEvent(
              *job.session, job.id(),
              absl::StrCat(job.record.name, " is ",
                           catalog::DisplayIndex(job.index->definition(Other(from))),
                           " from now on"));
        }
        if (status.ok() && label == "index_revert") {
          status = catalog::SetGoal(*job.session, job.id(), catalog::kGoalSoak);
          if (status.ok()) status = catalog::ClearSoak(*job.session, job.id());
        }
        if (status.ok()) {
          status = catalog::SetLiveSide(*job.session, job.id(), Other(from),
                                        parts->front().index(Other(from)).oid);
        }
        if (status.ok()) status = catalog::CommitWithoutFlush(*job.session);
        if (!status.ok()) return status;
        status = LockForExchange(job, *parts, from);
        if (!status.ok()) return status;
        return job.index->has_constraint() ? ExchangeUnderConstraint(job, parts->front(), from)
                                           : ExchangeNames(job, *parts, from);
      });
  hold->times = job.session->lock_times();
  return done;
}

absl::Status Exchange(Job& job, absl::string_view label) {
  const Step step(job, "exchange", 0);
  const char* const mode =
      job.index->has_constraint() ? "ACCESS EXCLUSIVE" : "SHARE UPDATE EXCLUSIVE";
  LockHold hold{
      job.index->has_constraint() ? job.index->table.Display() : job.record.name, mode, {}, 0};
  absl::Status done = RetryForLock(
      job, job.index->table, mode,
      [&](int attempt) { return ExchangeOnce(job, label, attempt, &hold); },
      throttle::Work::kExchange);
  if (!done.ok()) return done;
  job.tally->AddLock(hold);
  job.index->live = Other(job.index->live);
  job.record.swapped = true;
  return absl::OkStatus();
}

}  // namespace

// Before: the new index is verified; the old one bears the name.
// After:  the new one bears it; the old one stays beside it, or went with its constraint.
// Lock:   SHARE UPDATE EXCLUSIVE on the indexes, or with a constraint ACCESS EXCLUSIVE on the table
//         and those that refer to it, for milliseconds.
// Undo:   before it Abandon, after it Soak's revert.
absl::StatusOr<Next> Swap(Job& job) {
  if (!job.record.swapped) {
    if (job.control->goal() == catalog::kGoalHold) return Next::kStay;
    if (absl::Status done = Exchange(job, "index_exchange"); !done.ok()) return done;
  }
  if (absl::Status valid = ValidateForeignKeys(job, "index_validate"); !valid.ok()) return valid;
  return Next::kGoOn;
}

// Before: the exchange has taken place.
// After:  the operator, or the soak time, has said that it is for good.
// Lock:   as Swap for a revert. With a constraint the old index is built anew, concurrently.
// Undo:   revert.
absl::StatusOr<Next> Soak(Job& job) {
  if (job.control->goal() != catalog::kGoalFinish) {
    absl::Status kept = BuildSide(job, Other(job.index->live));
    if (!kept.ok()) return kept;
  }
  return AwaitFinish(job, [&]() -> absl::Status {
    if (absl::Status done = Exchange(job, "index_revert"); !done.ok()) return done;
    if (absl::Status valid = ValidateForeignKeys(job, "index_validate"); !valid.ok()) return valid;
    return BuildSide(job, Other(job.index->live));
  });
}

}  // namespace restructure::index
