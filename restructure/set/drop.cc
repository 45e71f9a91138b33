#include <functional>

#include "catalog/ledger.h"
#include "catalog/set_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/set/phases.h"

namespace restructure {
namespace {

// Triggers go first and alone: the only lock on the member table that keeps readers out.
absl::Status DropTriggers(Job& job, const char* label, const std::function<absl::Status()>& drop) {
  if (job.set.member.name.empty()) return absl::OkStatus();  // They went with the table.
  return RunUnderTableLock(job, job.set.member, label, drop);
}

// What is taken down with it are the tool's own tables, which others may read, or vacuum.
absl::Status CloseWith(Job& job, const catalog::Structure* structure, const char* outcome,
                       const std::function<absl::Status()>& take_down) {
  const catalog::QualifiedName relation = structure != nullptr ? structure->table : job.set.alias;
  return RetryForLock(job, relation, "ACCESS EXCLUSIVE", [&](int) {
    return RunFenced(job, *job.session, "close_job", job.settings.lock_timeout, [&] {
      absl::Status done = take_down();
      return done.ok() ? catalog::CloseJob(*job.session, job.id(), outcome) : done;
    });
  });
}

}  // namespace

// Before: the retired structure is empty and not kept.
// After:  nothing of the job is left but the ledger's history, the alias and what it shows.
// Lock:   ACCESS EXCLUSIVE on the member table for one short transaction (DROP TRIGGER).
// Undo:   none.
absl::StatusOr<Next> Drop(Job& job) {
  const catalog::Structure* const retired = job.retired();
  const catalog::Structure* const live = job.drops() ? nullptr : job.live();
  catalog::Session& session = *job.session;
  absl::Status status = DropTriggers(job, "drop", [&]() -> absl::Status {
    absl::Status done;
    if (retired != nullptr) {
      done = catalog::DropCaptureTriggers(session, job.set, *retired, false);
    }
    if (done.ok() && live != nullptr) {
      done = catalog::DropCaptureTriggers(session, job.set, *live, true);
    }
    return done;
  });
  if (!status.ok()) return status;
  status = CloseWith(job, retired, "done", [&]() -> absl::Status {
    absl::Status done;
    if (retired != nullptr) done = catalog::DropStructure(session, *retired);
    if (done.ok() && live != nullptr) done = catalog::DropKeyLog(session, *live);
    if (done.ok() && retired != nullptr) {
      done = catalog::DeleteStructure(session, retired->structure_id);
    }
    return done.ok() && job.drops() ? catalog::DeleteSet(session, job.set.set_id) : done;
  });
  if (!status.ok()) return status;
  return Next::kGoOn;
}

absl::Status Abandon(Job& job) {
  catalog::Session& session = *job.session;
  const catalog::Structure& replacement = *job.replacement;
  absl::Status status;
  if (replacement.stage != "building") {
    status = DropTriggers(job, "abandon", [&]() -> absl::Status {
      absl::Status done;
      if (job.set.MembershipIsChosen() && job.old) {
        done = catalog::StopMirror(session, *job.old);
      }
      if (!done.ok()) return done;
      return catalog::DropCaptureTriggers(session, job.set, replacement, false);
    });
    if (!status.ok()) return status;
  }
  return CloseWith(job, &replacement, "aborted", [&]() -> absl::Status {
    absl::Status done = catalog::DropStructure(session, replacement);
    if (done.ok()) done = catalog::DeleteStructure(session, replacement.structure_id);
    return done.ok() && job.creates() ? catalog::DeleteSet(session, job.set.set_id) : done;
  });
}

}  // namespace restructure
