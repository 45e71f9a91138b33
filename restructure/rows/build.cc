#include <vector>

#include "catalog/ledger.h"
#include "catalog/set_objects.h"
#include "restructure/rows/rows.h"

namespace restructure {

absl::StatusOr<Next> BuildReplacement(Job& job, const std::vector<catalog::QualifiedName>& tables,
                                      const std::function<absl::Status()>& create,
                                      const std::function<absl::Status()>& confirm) {
  const catalog::Target target = job.target();
  GuardOptions options;
  options.timeouts.lock = job.settings.lock_timeout;
  options.hold_source = false;  // There is no source view yet; the lock below is stronger.
  LockHold hold{job.set.member.Display(), "SHARE ROW EXCLUSIVE", {}, 0};
  absl::Status built = RetryForLock(job, job.set.member, "SHARE ROW EXCLUSIVE", [&](int attempt) {
    hold.attempts = attempt;
    absl::Status done = RunGuarded(job, *job.session, "build", options, [&] {
      const auto store_fingerprint = [&] {
        return catalog::StoreFingerprint(*job.session, job.id(), target.structure, target.members);
      };
      // What needs no lock comes first: it makes the time under the lock shorter. So does what the
      // session then has planned and cached.
      absl::Status status = create();
      if (status.ok()) status = store_fingerprint();
      if (!status.ok()) return status;
      status = catalog::LockTables(*job.session, tables, "SHARE ROW EXCLUSIVE");
      if (!status.ok()) return status;
      status = catalog::StartCapture(*job.session, target);
      if (status.ok()) {
        status = catalog::SetStage(*job.session, target.structure.structure_id, "copying");
      }
      if (status.ok()) {
        status = catalog::SetCapture(*job.session, target.structure.structure_id, "log");
      }
      if (!status.ok()) return status;
      status = store_fingerprint();
      return status.ok() && confirm ? confirm() : status;
    });
    hold.times = job.session->lock_times();
    return done;
  });
  if (!built.ok()) return built;
  job.tally->AddLock(hold);
  job.replacement->stage = "copying";
  job.replacement->capture = "log";
  return Next::kGoOn;
}

}  // namespace restructure
