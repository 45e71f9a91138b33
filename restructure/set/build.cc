#include <vector>

#include "catalog/set_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/set/phases.h"

namespace restructure {

// Before: the job is in the ledger; the member table knows nothing of it.
// After:  the replacement is there, empty and without index; every change of the member table that
//         commits from now on is in the key log.
// Lock:   SHARE ROW EXCLUSIVE on the member table for one short transaction: waits for writers,
//         never blocks readers.
// Undo:   Abandon.
absl::StatusOr<Next> Build(Job& job) {
  if (job.drops() || job.replacement->stage != "building") return Next::kGoOn;
  const catalog::Target target = job.target();
  std::vector<catalog::QualifiedName> tables = {job.set.member};
  if (target.members) tables.push_back(target.members->table);
  return BuildReplacement(job, tables,
                          [&] { return catalog::BuildStructure(*job.session, target); });
}

}  // namespace restructure
