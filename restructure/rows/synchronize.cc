// Log mode becomes synchronous mode; old snapshots are waited out.

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/ledger.h"
#include "catalog/set_objects.h"
#include "catalog/waits.h"
#include "restructure/rows/rows.h"

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

// What is done under the lock, until its statements are as long as the budget.
absl::Status MakeSynchronousUnderLock(Job& job, const catalog::Target& target) {
  const absl::Time locked = absl::Now();
  absl::StatusOr<std::vector<std::string>> changed =
      catalog::Guard(*job.session, job.id(), job.token);
  if (!changed.ok()) return changed.status();
  if (!changed->empty()) return ChangedError(job, *changed);
  absl::Status status = DrainUnderLock(job, target);
  if (!status.ok()) return status;
  if (absl::Now() - locked > job.settings.swap_lock_budget) {
    return absl::DeadlineExceededError("the drain did not fit the lock budget");
  }
  status = catalog::MakeSynchronous(*job.session, target);
  if (status.ok()) {
    status = catalog::SetCapture(*job.session, target.structure.structure_id, "sync");
  }
  if (!status.ok()) return status;
  return catalog::StoreFingerprint(*job.session, job.id(), target.structure, target.members);
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
  absl::Status status = catalog::LockTables(*job.session, tables, "SHARE ROW EXCLUSIVE");
  if (!status.ok()) return status;
  status = catalog::LimitTransaction(*job.session, job.settings.swap_lock_budget);
  if (!status.ok()) return status;
  status = MakeSynchronousUnderLock(job, target);
  if (absl::IsDeadlineExceeded(status)) {
    return OverBudget(job);
  }
  if (!status.ok()) return status;
  status = transaction->Commit();
  hold->times = job.session->lock_times();
  return status;
}

// From this commit on every snapshot sees the member table and the replacement equal.
absl::Status Synchronize(Job& job) {
  const Step step(job, "synchronize", 0);
  LockHold hold{job.set.member.Display(), "SHARE ROW EXCLUSIVE", {}, 0};
  absl::Status done = RetryForLock(
      job, job.set.member, "SHARE ROW EXCLUSIVE",
      [&](int attempt) { return SynchronizeOnce(job, attempt, &hold); }, throttle::Work::kExchange);
  if (!done.ok()) return done;
  job.tally->AddLock(hold);
  job.replacement->capture = "sync";
  return absl::OkStatus();
}

}  // namespace

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

absl::Status GoSynchronous(Job& job) {
  if (job.replacement->capture == "log") {
    if (absl::Status status = Synchronize(job); !status.ok()) return status;
  }
  return WaitOutSnapshots(job);
}

}  // namespace restructure
