#include "restructure/phases.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/index_ledger.h"
#include "catalog/index_objects.h"
#include "catalog/ledger.h"

namespace restructure {

const Kind& KindNamed(const std::string& name) {
  for (const Kind* kind : {&kIndex, &kTable}) {
    if (name == kind->name) return *kind;
  }
  return kSet;
}

bool IsForwardOnly(const std::string& phase) { return phase == "disconnect" || phase == "drop"; }

const Kind& KindOf(const Job& job) { return KindNamed(job.record.kind); }

Step::Step(Job& job, const char* name, std::int64_t rows_total)
    : job_(job), name_(name), start_(absl::Now()) {
  job_.progress->StartStep(name, rows_total, start_);
}

Step::~Step() { job_.tally->AddPhase(name_, absl::Now() - start_); }

absl::StatusOr<Next> AwaitFinish(Job& job, const std::function<absl::Status()>& exchange_back) {
  while (job.control->goal() != catalog::kGoalFinish) {
    if (job.control->goal() == catalog::kGoalRevert) {
      if (absl::Status status = exchange_back(); !status.ok()) return status;
      job.control->SetWishes(catalog::kGoalSoak, job.control->hold());
      return Next::kStay;
    }
    absl::StatusOr<catalog::JobRecord> now = catalog::GetJob(*job.session, job.id());
    if (!now.ok()) return now.status();
    if (now->goal == catalog::kGoalFinish || now->goal == catalog::kGoalRevert) {
      job.control->SetWishes(now->goal, job.control->hold());
      continue;
    }
    if (!now->soak_until && !job.settings.soak) return Next::kStay;
    if (!now->soak_until) {
      absl::Status noted = catalog::SetSoak(*job.session, job.id(), *job.settings.soak);
      if (!noted.ok()) return noted;
      continue;
    }
    if (*now->soak_until <= now->read_at) break;
    job.progress->SetWaitingFor(absl::StrCat(
        "the soak time, ",
        absl::FormatDuration(absl::Trunc(*now->soak_until - now->read_at, absl::Seconds(1))),
        " left; revert or finish end it"));
    absl::Status slept =
        job.control->Sleep(std::min(absl::Seconds(1), *now->soak_until - now->read_at));
    if (!slept.ok()) return slept;
  }
  job.progress->SetWaitingFor("");
  return Next::kGoOn;
}

absl::Status ValidateForeignKeys(Job& job, const char* label) {
  absl::StatusOr<std::vector<catalog::PendingForeignKey>> keys =
      catalog::ForeignKeysToValidate(*job.session, job.id());
  if (!keys.ok()) return keys.status();
  if (keys->empty()) return absl::OkStatus();
  const Step step(job, "validate foreign keys", 0);
  for (const catalog::PendingForeignKey& key : *keys) {
    bool violated = false;
    absl::Status done = RetryForLock(job, key.table, "SHARE UPDATE EXCLUSIVE", [&](int) {
      return RunFenced(job, *job.session, label, job.settings.lock_timeout, [&] {
        absl::Status status = catalog::ValidateForeignKey(*job.session, key.table, key.name);
        violated = absl::IsFailedPrecondition(status);
        return status.ok() ? catalog::ForgetForeignKey(*job.session, job.id(), key) : status;
      });
    });
    if (violated) {
      // Old rows violate it, which its former validity hid. It is enforced for new ones.
      job.notes.push_back(absl::StrCat("the foreign key ", catalog::DisplayName(key.name), " of ",
                                       key.table.Display(), " stays NOT VALID: ", done.message()));
      done = RunFenced(job, *job.session, label, absl::ZeroDuration(), [&] {
        absl::Status noted = catalog::AddEvent(*job.session, job.id(), job.notes.back());
        return noted.ok() ? catalog::ForgetForeignKey(*job.session, job.id(), key) : noted;
      });
    }
    if (!done.ok()) return done;
  }
  return absl::OkStatus();
}

}  // namespace restructure
