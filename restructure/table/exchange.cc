// Swap and soak: the two tables exchange their names, and with them all that hangs on the table.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/ledger.h"
#include "catalog/set_objects.h"
#include "catalog/table_facts.h"
#include "catalog/table_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/table/phases.h"

namespace restructure::table {
namespace {

constexpr std::int64_t kAll = 1000000000;

absl::Status NotKept(const Job& job, const catalog::TableSide& to) {
  return absl::FailedPreconditionError(absl::StrCat(
      to.structure.table.Display(), " is not kept equal any more: its triggers on ",
      job.record.name, " were disabled or dropped, or it is gone itself\nHINT: the name stays ",
      "where it is; ",
      job.record.swapped ? "`finish` keeps it there." : "`abort` the job and start again."));
}

absl::Status ChangedSince(const Job& job) {
  return absl::FailedPreconditionError(absl::StrCat(
      job.record.name, " was changed since the swap (a column, constraint, index, trigger, ",
      "privilege or dependant): the old table does not have that\nHINT: undo the change and ",
      "revert again, or `pg_restructure finish ", job.id(), "`."));
}

absl::Status NothingBringsBack(const Job& job) {
  return absl::FailedPreconditionError(absl::StrCat(
      "job ", job.id(), " cannot be reverted: nothing brings back ",
      absl::StrJoin(job.table->change.lost, ", "), " of the old table\nHINT: `pg_restructure ",
      "finish ", job.id(), "`; next time say how with --reverse."));
}

// Changes that could not be brought over when they were made, at most `keys_max` of them. Under the
// lock, with all of them, the other table becomes what this one is.
absl::Status BringOver(Job& job, const catalog::TableSide& from, const catalog::TableSide& to,
                       std::int64_t keys_max) {
  const catalog::Target target{SourceOf(job, from), to.structure, std::nullopt};
  absl::StatusOr<std::int64_t> keys = catalog::TakeKeys(*job.session, target, keys_max);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<bool> any = catalog::AnyTaken(*job.session, to.structure);
  if (!any.ok() || !*any) return any.status();
  absl::Status applied = catalog::ApplyTaken(*job.session, target, keys_max).status();
  if (applied.ok()) applied = catalog::CheckConstraintsNow(*job.session);
  if (applied.ok() || absl::IsUnavailable(applied) || absl::IsDeadlineExceeded(applied) ||
      absl::IsAborted(applied)) {
    return applied;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      *keys, " changes of ", job.record.name, " do not fit into the other table: ",
      applied.message(), "\nHINT: change those rows and try again; nothing was exchanged."));
}

// The same while writers stand still, no statement longer than the budget: what one of them deletes
// between the two statements of a batch would come back. kResourceExhausted: one took longer.
absl::Status BringOverAlone(Job& job, const catalog::TableSide& from, const catalog::TableSide& to,
                            std::int64_t keys_max) {
  GuardOptions options;
  options.hold_source = false;
  options.fence_only = true;
  options.timeouts = {job.settings.lock_timeout, job.settings.swap_lock_budget};
  bool locked = false;
  const absl::Status done = RunGuarded(job, *job.session, "apply", options, [&] {
    absl::Status status =
        catalog::LockTables(*job.session, {from.structure.table}, "SHARE ROW EXCLUSIVE");
    locked = status.ok();
    return locked ? BringOver(job, from, to, keys_max) : status;
  });
  return locked && absl::IsDeadlineExceeded(done) ? OverBudget(job) : done;
}

// All of them before the lock that keeps readers out, but for what is written meanwhile. Says
// whether there were any. Values that change places need all their rows in one batch; a change that
// fits into none is refused here.
absl::StatusOr<bool> BringOverEarly(Job& job, const catalog::TableSide& from,
                                    const catalog::TableSide& to) {
  constexpr std::int64_t kKeys = 1000, kKeysMin = 100, kCountMax = 1000000;
  constexpr int kBatchesMore = 10;  // that may pass without fewer being left
  std::int64_t keys = kKeys, least = kCountMax + 1;
  absl::Status misfit;
  bool any = false;
  for (int in_vain = 0; in_vain < kBatchesMore;) {
    absl::StatusOr<std::int64_t> backlog = catalog::Backlog(*job.session, to.structure, kCountMax);
    if (!backlog.ok()) return backlog.status();
    if (*backlog == 0) break;
    in_vain = *backlog < least ? 0 : in_vain + 1;
    least = std::min(least, *backlog);
    const absl::Status done = BringOverAlone(job, from, to, keys);
    if (done.ok()) {
      any = true;
      misfit = absl::OkStatus();
      keys = std::min(keys, kKeys);
    } else if (absl::IsFailedPrecondition(done) && keys < *backlog) {
      misfit = done;
      keys *= 2;
    } else if (absl::IsResourceExhausted(done) && misfit.ok() && keys > kKeysMin) {
      keys /= 2;
    } else {
      return absl::IsResourceExhausted(done) && !misfit.ok() ? misfit : done;
    }
    if (absl::Status check = job.control->Check(); !check.ok()) return check;
  }
  return any;
}

// Before the exchange the two tables are equal to every snapshot that may see it. Where writers
// add keys all the time, the last of them are brought over under its lock.
absl::Status MakeEqual(Job& job, const catalog::TableSide& from, const catalog::TableSide& to) {
  constexpr int kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    absl::StatusOr<bool> any = BringOverEarly(job, from, to);
    if (!any.ok() || !*any) return any.status();
    if (absl::Status waited = WaitOutSnapshots(job); !waited.ok()) return waited;
  }
  return absl::OkStatus();
}

// A sequence follows its column. Whoever drew a number holds its lock until his transaction ends,
// so that this is a matter of its own.
absl::Status GiveSequences(Job& job) {
  const catalog::TableSide& live = LiveSide(job);
  absl::StatusOr<std::vector<std::string>> statements =
      catalog::GiveSequencesStatements(*job.session, RetiredSide(job).oid, live.structure.table);
  if (!statements.ok()) return statements.status();
  for (const std::string& statement : *statements) {
    absl::Status done = RetryForLock(job, live.structure.table, "SHARE ROW EXCLUSIVE", [&](int) {
      return RunFenced(job, *job.session, "table_sequence", job.settings.lock_timeout,
                       [&] { return catalog::ExecuteStatement(*job.session, statement); });
    });
    if (!done.ok()) return done;
  }
  return absl::OkStatus();
}

// A set that was made meanwhile stands on the table that is about to be retired.
absl::Status RefuseSetsSince(Job& job, const catalog::TableSide& from,
                             const catalog::TableSide& to) {
  for (const catalog::TableSide* side : {&from, &to}) {
    absl::StatusOr<catalog::TableShape> shape = catalog::ReadTableShape(*job.session, side->oid);
    if (!shape.ok()) return shape.status();
    if (shape->sets.empty()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(side->structure.table.Display(), " has become the member table of ",
                     absl::StrJoin(shape->sets, ", "), "\nHINT: drop those sets and try again."));
  }
  return absl::OkStatus();
}

// The ledger first: it needs no lock of the table.
absl::Status NoteExchange(Job& job, const catalog::TableSide& from, const catalog::TableSide& to,
                          absl::string_view label,
                          const std::vector<catalog::ForeignKey>& to_validate) {
  catalog::Session& session = *job.session;
  absl::Status status = catalog::SetSwapped(session, job.id());
  if (status.ok()) {
    status = catalog::AddEvent(
        session, job.id(),
        absl::StrCat(job.record.name, " is ", to.structure.table.Display(), " from now on"));
  }
  if (status.ok() && label == "table_revert") {
    // Who goes back does not want the old soak time to end in a finish.
    status = catalog::SetGoal(session, job.id(), catalog::kGoalSoak);
    if (status.ok()) status = catalog::ClearSoak(session, job.id());
  }
  if (status.ok()) {
    status = catalog::SetCapture(session, from.structure.structure_id,
                                 job.table->change.lost.empty() ? "sync" : "off");
  }
  if (status.ok()) status = catalog::SetCapture(session, to.structure.structure_id, "off");
  if (status.ok()) status = catalog::ForgetFingerprint(session, job.id());
  if (status.ok()) status = catalog::RememberForeignKeys(session, job.id(), to_validate);
  if (status.ok()) status = catalog::CommitWithoutFlush(session);
  return status;
}

absl::StatusOr<catalog::TableExchange> Prepare(Job& job, const catalog::TableSide& from,
                                               const catalog::TableSide& to) {
  catalog::TableExchange exchange;
  exchange.from = from.oid;
  exchange.to = to.oid;
  exchange.name = job.table->change.name;
  exchange.from_now = from.structure.table;
  exchange.to_now = to.structure.table;
  exchange.side = &from == &job.table->old_side ? catalog::Side::kOld : catalog::Side::kNew;
  absl::StatusOr<std::vector<catalog::TablePart>> parts =
      catalog::ReadTableParts(*job.session, job.id());
  if (!parts.ok()) return parts.status();
  if (parts->empty()) return absl::FailedPreconditionError("the job has no parts");
  exchange.parts = *std::move(parts);
  exchange.retired = exchange.parts.front().spare(exchange.side);
  exchange.is_partition = job.table->change.is_partition;
  return exchange;
}

absl::Status ExchangeOnce(Job& job, absl::string_view label, int attempt, LockHold* hold) {
  catalog::Session& session = *job.session;
  const catalog::TableSide from = LiveSide(job);
  const catalog::TableSide to = RetiredSide(job);
  if (job.record.swapped && !job.table->change.lost.empty()) return NothingBringsBack(job);
  if (to.structure.capture != "sync") return NotKept(job, to);
  if (absl::Status ready = PrepareToAttach(job); !ready.ok()) return ready;
  if (absl::Status equal = MakeEqual(job, from, to); !equal.ok()) return equal;
  GuardOptions options;
  options.timeouts.lock = job.settings.lock_timeout;
  options.hold_source = false;  // The lock comes at once, and is the strongest.
  bool under_lock = false;
  hold->attempts = attempt;
  absl::Status done = RunGuarded(job, session, label, options, [&]() -> absl::Status {
    absl::StatusOr<bool> kept = catalog::IsKept(session, SourceOf(job, from), to.structure);
    if (!kept.ok()) return kept.status();
    if (!*kept) return NotKept(job, to);
    if (absl::Status refused = RefuseSetsSince(job, from, to); !refused.ok()) return refused;
    if (job.record.swapped) {
      absl::StatusOr<bool> same = catalog::IsLiveTableUnchanged(session, job.id());
      if (!same.ok()) return same.status();
      if (!*same) return ChangedSince(job);
    }
    absl::StatusOr<std::string> version = catalog::TableVersion(session, from.oid);
    if (!version.ok()) return version.status();
    absl::StatusOr<catalog::TableExchange> exchange = Prepare(job, LiveSide(job), RetiredSide(job));
    if (!exchange.ok()) return exchange.status();
    absl::StatusOr<catalog::ExchangeText> text = catalog::WriteExchange(session, *exchange);
    if (!text.ok()) return text.status();
    catalog::TableSide live = to, retired = from;  // under their new names
    live.structure.table = exchange->name;
    retired.structure.table.name = exchange->retired;
    absl::StatusOr<std::string> turned = catalog::TurnCaptureText(
        session, SourceOf(job, retired), live.structure, SourceOf(job, live), retired.structure,
        job.table->change.lost.empty());
    if (!turned.ok()) return turned.status();
    absl::StrAppend(&text->statements, ";\n", *turned);
    absl::Status status = NoteExchange(job, from, to, label, text->to_validate);
    if (!status.ok()) return status;
    status = catalog::LockForTableExchange(session, *exchange, *text, attempt % 2 == 0);
    if (status.ok()) {
      status = catalog::LimitTransaction(session, job.settings.swap_lock_budget);
      under_lock = true;
    }
    if (!status.ok()) return status;
    // What was written is what is there, or all of it is done again.
    absl::StatusOr<std::string> now = catalog::TableVersion(session, from.oid);
    if (!now.ok()) return now.status();
    absl::StatusOr<bool> ready = IsReadyToAttach(job);
    if (!ready.ok()) return ready.status();
    if (*now != *version || !*ready) {
      return absl::AbortedError("the table was changed meanwhile");
    }
    status = BringOver(job, from, to, kAll);
    if (status.ok()) status = catalog::ExchangeTables(session, *text);
    return status.ok() ? catalog::SetLiveTable(session, job.id(), live) : status;
  });
  hold->times = session.lock_times();
  return under_lock && absl::IsDeadlineExceeded(done) ? OverBudget(job) : done;
}

// What needs no lock that anybody feels for long.
absl::Status AfterExchange(Job& job) {
  if (absl::Status given = GiveSequences(job); !given.ok()) return given;
  return ValidateForeignKeys(job, "table_validate");
}

absl::Status Exchange(Job& job, const char* label) {
  {
    const Step step(job, "exchange", 0);
    LockHold hold{job.record.name, "ACCESS EXCLUSIVE", {}, 0};
    absl::Status done = RetryForLock(
        job, job.table->change.name, "ACCESS EXCLUSIVE",
        [&](int attempt) { return ExchangeOnce(job, label, attempt, &hold); },
        throttle::Work::kExchange);
    if (!done.ok()) return done;
    job.tally->AddLock(hold);
    job.record.swapped = true;
    if (absl::Status loaded = Load(job); !loaded.ok()) return loaded;
  }
  return AfterExchange(job);
}

}  // namespace

// Before: the new table is verified; the old one bears the name.
// After:  the new one bears it, with all that hung on the old one; writers keep the old one equal;
//         foreign keys are validated.
// Lock:   SHARE ROW EXCLUSIVE on the table, within the budget, to go synchronous; later ACCESS
//         EXCLUSIVE on it, on the views over it and on the tables that foreign keys connect with
//         it, both ways, for milliseconds, to exchange.
// Undo:   before the exchange Abandon, after it Soak's revert.
absl::StatusOr<Next> Swap(Job& job) {
  if (!job.record.swapped) {
    if (absl::Status status = GoSynchronous(job); !status.ok()) return status;
    if (absl::Status loaded = Load(job); !loaded.ok()) return loaded;
    if (job.control->goal() == catalog::kGoalHold) return Next::kStay;
    if (absl::Status done = Exchange(job, "table_exchange"); !done.ok()) return done;
  }
  if (absl::Status done = AfterExchange(job); !done.ok()) return done;
  return Next::kGoOn;
}

// Before: the exchange has taken place.
// After:  the operator, or the soak time, has said that it is for good.
// Lock:   as the exchange for a revert, else none.
// Undo:   revert: the same exchange the other way round. It can be reverted, too.
absl::StatusOr<Next> Soak(Job& job) {
  return AwaitFinish(job, [&job] { return Exchange(job, "table_revert"); });
}

}  // namespace restructure::table
