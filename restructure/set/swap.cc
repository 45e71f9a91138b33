// Swap: go synchronous, exchange the alias. Soak: keep both, revert.

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/ledger.h"
#include "catalog/set_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/set/phases.h"

namespace restructure {
namespace {

// One transaction: the ledger and the capture first, the alias last and for milliseconds.
absl::Status ExchangeOnce(Job& job, const catalog::Structure& to, const catalog::Structure* from,
                          absl::string_view label, const catalog::SetDefinition& set, int attempt,
                          LockHold* hold) {
  GuardOptions options;
  options.timeouts.lock = job.settings.lock_timeout;
  // Afterwards both structures are kept by themselves.
  options.check_source = !job.record.swapped;
  hold->attempts = attempt;
  absl::Status done = RunGuarded(job, *job.session, label, options, [&] {
    absl::StatusOr<bool> kept = catalog::IsKept(*job.session, set, to);
    if (!kept.ok()) return kept.status();
    if (!*kept || to.capture != "sync") {
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
    status = catalog::LockAlias(*job.session, set);
    return status.ok() ? catalog::PointAlias(*job.session, set, to) : status;
  });
  hold->times = job.session->lock_times();
  return done;
}

absl::Status Exchange(Job& job, const catalog::Structure& to, const catalog::Structure* from,
                      absl::string_view label) {
  const Step step(job, "exchange", 0);
  LockHold hold{job.set.alias.Display(), "ACCESS EXCLUSIVE", {}, 0};
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
  if (absl::Status status = GoSynchronous(job); !status.ok()) return status;
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
