// Drop and abandon: one of the two indexes goes.

#include <algorithm>

#include "catalog/failpoint.h"
#include "catalog/ledger.h"
#include "restructure/index/phases.h"
#include "restructure/rows/rows.h"

namespace restructure::index {
namespace {

using catalog::IndexPart;
using catalog::Side;

absl::Status DropConcurrently(Job& job, const catalog::PartIndex& index) {
  if (index.oid == 0) return absl::OkStatus();
  const auto cut = [&job] { job.session->Cut(); };
  absl::Status status = catalog::FailpointHit("index_drop_concurrently.before", cut);
  if (status.ok()) status = catalog::DropConcurrently(*job.session, index.name);
  if (status.ok()) status = catalog::FailpointHit("index_drop_concurrently.after", cut);
  return status;
}

// PostgreSQL drops the index of a partitioned table and all that is attached to it at once, under
// ACCESS EXCLUSIVE on the whole tree: one short transaction.
absl::Status DropTree(Job& job, const catalog::PartIndex& root) {
  if (root.oid == 0) return absl::OkStatus();
  return RunUnderTableLock(job, job.index->table, "index_drop",
                           [&] { return catalog::DropIndex(*job.session, root.name); });
}

absl::Status Close(Job& job, const std::string& outcome) {
  return RunFenced(job, *job.session, "close_job", absl::ZeroDuration(),
                   [&] { return catalog::CloseJob(*job.session, job.id(), outcome); });
}

}  // namespace

absl::Status RemoveSide(Job& job, Side side) {
  absl::StatusOr<std::vector<IndexPart>> parts = catalog::ReadParts(*job.session, job.id());
  if (!parts.ok()) return parts.status();
  for (const IndexPart& part : *parts) {
    absl::Status status;
    if (job.index->partitioned && part.parent == 0) {
      status = DropTree(job, part.index(side));
    } else if (!part.index(side).attached && part.is_leaf) {
      status = DropConcurrently(job, part.index(side));
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Before: the exchange is for good.
// After:  nothing of the job is left but the ledger's history and the index under its name.
// Lock:   none that anybody waits for; a partitioned table: ACCESS EXCLUSIVE until all parts are.
// Undo:   none.
absl::StatusOr<Next> Drop(Job& job) {
  if (absl::Status open = AwaitWindow(job, throttle::Work::kStep); !open.ok()) return open;
  const Step step(job, "drop index", 0);
  if (absl::Status gone = RemoveSide(job, Other(job.index->live)); !gone.ok()) return gone;
  if (absl::Status closed = Close(job, "done"); !closed.ok()) return closed;
  return Next::kGoOn;
}

absl::Status Abandon(Job& job) {
  if (absl::Status gone = RemoveSide(job, Side::kNew); !gone.ok()) return gone;
  return Close(job, "aborted");
}

}  // namespace restructure::index
