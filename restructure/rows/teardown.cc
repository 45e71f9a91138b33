// What sets and tables share when a structure is taken down.

#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/set_objects.h"
#include "catalog/waits.h"
#include "restructure/rows/rows.h"

namespace restructure {

absl::Status WaitOutWriters(Job& job, const std::vector<catalog::QualifiedName>& tables) {
  const Step step(job, "old writers", 0);
  for (const catalog::QualifiedName& table : tables) {
    if (table.name.empty()) continue;  // It was dropped.
    absl::StatusOr<std::vector<catalog::Writer>> writers = catalog::WritersOf(*job.session, table);
    while (writers.ok() && !writers->empty()) {
      job.progress->SetWaitingFor(absl::StrCat(
          writers->size(), writers->size() == 1 ? " transaction" : " transactions", " on ",
          table.Display(), " from before the upkeep ended, first: ", writers->front().description));
      absl::Status slept = job.control->Sleep(absl::Milliseconds(50));
      if (!slept.ok()) return slept;
      writers = catalog::StillWriting(*job.session, table, *writers);
    }
    if (!writers.ok()) return writers.status();
  }
  job.progress->SetWaitingFor("");
  return absl::OkStatus();
}

absl::Status RunUnderTableLock(Job& job, const catalog::QualifiedName& table, const char* label,
                               const std::function<absl::Status()>& body) {
  LockHold hold{table.Display(), "ACCESS EXCLUSIVE", {}, 0};
  absl::Status done = RetryForLock(job, table, "ACCESS EXCLUSIVE", [&](int attempt) {
    hold.attempts = attempt;
    absl::Status status = RunFenced(job, *job.session, label, job.settings.lock_timeout, [&] {
      absl::Status taken = catalog::LockTables(*job.session, {table}, "ACCESS EXCLUSIVE");
      return taken.ok() ? body() : taken;
    });
    hold.times = job.session->lock_times();
    return status;
  });
  if (done.ok()) job.tally->AddLock(hold);
  return done;
}

}  // namespace restructure
