// Swap: go synchronous, wait out old snapshots, exchange the alias. Soak: keep both, revert.

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/ledger.h"
#include "catalog/set_objects.h"
#include "catalog/waits.h"
#include "restructure/set/phases.h"

namespace restructure {
namespace {

// What a drain under the lock may have to do: what a third of the budget suffices for, at the speed
// at which the log was caught up. More than that is caught up first.
std::int64_t KeysUnderLockMax(const Job& job) {
  constexpr double kKeysMin = 100, kKeysMax = 50000;
  const double seconds = absl::ToDoubleSeconds(job.settings.swap_lock_budget) / 3;
  return static_cast<std::int64_t>(
      std::clamp(seconds * job.keys_applied_per_second, kKeysMin, kKeysMax));
}

// Takes and applies all that the log holds. Under SHARE ROW EXCLUSIVE every writer has ended, so
// what is visible is all there is.
absl::Status DrainUnderLock(const Job& job, const catalog::Target& target) {
  constexpr std::int64_t kAll = 1000000000;
  absl::StatusOr<std::int64_t> keys = catalog::TakeKeys(*job.session, target, kAll);
  if (!keys.ok()) return keys.status();
  return catalog::ApplyTaken(*job.session, target, kAll).status();
}

absl::Status SynchronizeOnce(Job& job, int attempt, LockHold* hold) {
  if (absl::Status status = CatchUp(job, KeysUnderLockMax(job), throttle::Work::kExchange);
      !status.ok()) {
    return status;
  }
  const catalog::Target target = job.target();
  std::vector<catalog::QualifiedName> tables = {job.set.member};
  if (target.members) tables.push_back(target.members->table);
  hold->attempts = attempt;
  // The strongest lock comes first, in a fresh transaction; fence and fingerprint are checked under
  // it, so that nothing can slip in between.
  absl::StatusOr<catalog::Transaction> transaction = catalog::Transaction::Begin(
      *job.session, "synchronize", {job.settings.lock_timeout, absl::ZeroDuration()});
  if (!transaction.ok()) return transaction.status();
  const absl::Time asked = absl::Now();
  absl::Status status = catalog::LockTables(*job.session, tables, "SHARE ROW EXCLUSIVE");
  if (!status.ok()) return status;
  const absl::Time locked = absl::Now();
  hold->waited = locked - asked;
  status = transaction->LimitStatements(job.settings.swap_lock_budget);
  if (!status.ok()) return status;
  absl::StatusOr<std::vector<std::string>> changed =
      catalog::Guard(*job.session, job.id(), job.token);
  if (!changed.ok()) return changed.status();
  if (!changed->empty()) return ChangedError(job, *changed);
  status = DrainUnderLock(job, target);
  if (!status.ok()) return status;
  if (absl::Now() - locked > job.settings.swap_lock_budget) {
    return absl::DeadlineExceededError("the drain did not fit the lock budget");
  }
  status = catalog::MakeSynchronous(*job.session, target);
  if (status.ok())
    status = catalog::SetCapture(*job.session, target.structure.structure_id, "sync");
  if (status.ok()) {
    status = catalog::StoreFingerprint(*job.session, job.id(), target.structure, target.members);
  }
  if (!status.ok()) return status;
  status = transaction->Commit();
  hold->held = absl::Now() - locked;
  return status;
}

// From this commit on every snapshot sees the member table and the replacement equal.
absl::Status Synchronize(Job& job) {
  const Step step(job, "synchronize", 0);
  LockHold hold{job.set.member.Display(), "SHARE ROW EXCLUSIVE", {}, {}, 0};
  absl::Status done = RetryForLock(
      job, job.set.member, "SHARE ROW EXCLUSIVE",
      [&](int attempt) { return SynchronizeOnce(job, attempt, &hold); }, throttle::Work::kExchange);
  if (!done.ok()) return done;
  job.tally->AddLock(hold);
  job.replacement->capture = "sync";
  return absl::OkStatus();
}

// A snapshot from before the synchronous mode could see the replacement as it never was. Whoever
// holds one is waited for, by name.
absl::Status WaitOutSnapshots(Job& job) {
  const Step step(job, "old snapshots", 0);
  absl::StatusOr<std::vector<catalog::SnapshotHolder>> holders =
      catalog::SnapshotHolders(*job.session);
  const absl::Time start = absl::Now();
  bool told = false;
  while (true) {
    if (!holders.ok()) return holders.status();
    if (holders->empty()) break;
    const absl::Duration waited = absl::Now() - start;
    job.progress->SetWaitingFor(absl::StrCat(
        holders->size(), holders->size() == 1 ? " old snapshot: " : " old snapshots, first: ",
        holders->front().description));
    if (waited > job.settings.snapshot_wait && !told) {
      told = true;
      absl::Status noted = catalog::AddEvent(
          *job.session, job.id(),
          absl::StrCat("waits for an old snapshot: ", holders->front().description));
      if (!noted.ok()) return noted;
    }
    if (absl::Status slept = job.control->Sleep(absl::Milliseconds(50)); !slept.ok()) return slept;
    holders = catalog::StillHolding(*job.session, *holders);
  }
  job.progress->SetWaitingFor("");
  return absl::OkStatus();
}

// One transaction: the ledger and the capture first, the alias last and for milliseconds.
absl::Status ExchangeOnce(Job& job, const catalog::Structure& to, const catalog::Structure* from,
                          absl::string_view label, const catalog::SetDefinition& set, int attempt,
                          LockHold* hold) {
  GuardOptions options;
  options.timeouts.lock = job.settings.lock_timeout;
  absl::Time asked, locked;
  hold->attempts = attempt;
  absl::Status done = RunGuarded(job, *job.session, label, options, [&] {
    absl::StatusOr<bool> kept = catalog::IsKept(*job.session, set, to);
    if (!kept.ok()) return kept.status();
    if (!*kept) {
      return absl::FailedPreconditionError(absl::StrCat(
          to.table.Display(), " is not kept equal any more: its triggers on ",
          job.set.member.Display(), " were disabled or dropped, or it is gone itself\n",
          "HINT: the alias stays where it is; ",
          job.record.swapped ? "`finish` keeps it there." : "`abort` the job and start again."));
    }
    absl::Status status = catalog::SetSwapped(*job.session, job.id());
    if (status.ok()) {
      status = catalog::AddEvent(
          *job.session, job.id(),
          absl::StrCat(job.set.alias.Display(), " shows ", to.table.Display(), " from now on"));
    }
    if (status.ok() && label == "revert") {
      // Who goes back does not want the old soak time to end in a finish.
      status = catalog::SetGoal(*job.session, job.id(), catalog::kGoalSoak);
      if (status.ok()) status = catalog::ClearSoak(*job.session, job.id());
    }
    if (status.ok() && from == nullptr) status = catalog::CreateAlias(*job.session, set, to);
    if (status.ok()) status = catalog::SetLive(*job.session, set, to.structure_id);
    if (!status.ok() || from == nullptr) return status;
    status = catalog::PrepareExchange(*job.session, set, to, *from);
    if (!status.ok()) return status;
    asked = absl::Now();
    status = catalog::LockAlias(*job.session, set);
    locked = absl::Now();
    return status.ok() ? catalog::PointAlias(*job.session, set, to) : status;
  });
  hold->held = absl::Now() - locked;
  hold->waited = locked - asked;
  return done;
}

absl::Status Exchange(Job& job, const catalog::Structure& to, const catalog::Structure* from,
                      absl::string_view label) {
  const Step step(job, "exchange", 0);
  LockHold hold{job.set.alias.Display(), "ACCESS EXCLUSIVE", {}, {}, 0};
  const catalog::SetDefinition set = SetAfterExchange(job);
  absl::Status done = RetryForLock(
      job, job.set.alias, "ACCESS EXCLUSIVE",
      [&](int attempt) { return ExchangeOnce(job, to, from, label, set, attempt, &hold); },
      throttle::Work::kExchange);
  if (!done.ok()) return done;
  if (from != nullptr) job.tally->AddLock(hold);
  job.set.live_structure = to.structure_id;
  job.set.shown = set.shown;
  job.record.swapped = true;
  return absl::OkStatus();
}

}  // namespace

// Before: the replacement is verified; the alias shows the old structure.
// After:  the alias shows the replacement; both are kept equal by the writers themselves.
// Lock:   SHARE ROW EXCLUSIVE on the member table, within the budget, to go synchronous; later
//         ACCESS EXCLUSIVE on the alias alone, for milliseconds, to exchange.
// Undo:   before the exchange Abandon, after it Soak's revert.
absl::StatusOr<Next> Swap(Job& job) {
  if (job.drops() || job.record.swapped) return Next::kGoOn;
  if (job.replacement->capture == "log") {
    if (absl::Status status = Synchronize(job); !status.ok()) return status;
  }
  if (absl::Status status = WaitOutSnapshots(job); !status.ok()) return status;
  if (job.control->goal() == catalog::kGoalHold) return Next::kStay;
  const catalog::Structure* from = job.creates() ? nullptr : &*job.old;
  if (absl::Status status = Exchange(job, *job.replacement, from, "exchange"); !status.ok()) {
    return status;
  }
  return Next::kGoOn;
}

// Before: the exchange has taken place.
// After:  the operator, or the soak time, has said that it is for good.
// Lock:   none; for a revert ACCESS EXCLUSIVE on the alias, for milliseconds.
// Undo:   revert: the same exchange the other way round. It can be reverted, too.
absl::StatusOr<Next> Soak(Job& job) {
  if (job.drops() || job.creates()) return Next::kGoOn;
  return AwaitFinish(job, [&] {
    const catalog::Structure to = *job.retired();
    const catalog::Structure from = *job.live();
    return Exchange(job, to, &from, "revert");
  });
}

}  // namespace restructure
