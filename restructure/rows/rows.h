// Moving rows from a source into its replacement: the engine that sets and tables share. In the
// order of a job's life.

#ifndef RESTRUCTURE_ROWS_ROWS_H_
#define RESTRUCTURE_ROWS_ROWS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "catalog/index_build.h"
#include "restructure/phases.h"

namespace restructure {

// The build of any such structure, in one transaction with the ledger's row: `create` makes what
// needs no lock on the source; capture starts under SHARE ROW EXCLUSIVE on `tables`; `confirm` may
// object at the end, with kAborted to have it tried again.
absl::StatusOr<Next> BuildReplacement(Job& job, const std::vector<catalog::QualifiedName>& tables,
                                      const std::function<absl::Status()>& create,
                                      const std::function<absl::Status()>& confirm = nullptr);

// Before: capture logs every change; the replacement is empty or partly filled.
// After:  the replacement holds every row, has its indexes, statistics and visibility map, and is
//         behind the source by the key log alone.
// Lock:   ACCESS SHARE on the source for the time of a batch.
// Undo:   the kind's abandon.
// `copy` fills the heap, `index` builds the indexes and enters stage "indexed".
absl::StatusOr<Next> ConnectRows(Job& job, const std::function<absl::Status()>& copy,
                                 const std::function<absl::Status()>& index);

// Goes over the source by block ranges, each in one transaction with its mark for this pass:
// exactly once, without a unique index. Nothing of the key log is applied meanwhile. Returns the
// rows moved, with those of earlier runs.
using BlockMove = std::function<absl::StatusOr<std::int64_t>(
    catalog::Session&, const catalog::Target&, catalog::BlockRange)>;
absl::StatusOr<std::int64_t> MoveBlocks(Job& job, const std::string& pass, const BlockMove& move);

// Fills the replacement so.
absl::Status CopyByBlocks(Job& job);

// Sorted builds, one on each worker's connection, each in a transaction of its own. A build is told
// what it may use of the server.
using IndexBuild = std::function<absl::Status(catalog::Session&, const catalog::BuildLimits&)>;
absl::Status BuildIndexes(Job& job, const std::vector<IndexBuild>& missing);

// The stage of the replacement, and what brought it about, in one transaction.
absl::Status EnterStage(Job& job, const char* stage,
                        const std::function<absl::Status()>& effect = nullptr);

// Restarts the copy where the storage of the source was replaced since.
absl::Status RestartCopyIfMoved(Job& job);

// Applies the key log until about `backlog_max` keys are left, in the window of `work`.
absl::Status CatchUp(Job& job, std::int64_t backlog_max,
                     throttle::Work work = throttle::Work::kBatch);

// Before: the replacement is ready.
// After:  every row of the source has been compared as an image with the replacement's, both ways,
//         each key range in one snapshot, but for keys that were in the key log at that snapshot.
// Lock:   ACCESS SHARE on the source for the time of a range.
// Undo:   nothing to undo.
absl::StatusOr<Next> VerifyRows(Job& job);

// The first half of a swap. Before: verified. After: writers keep the replacement equal themselves,
// and no snapshot is left that could see it as it was before.
// Lock: SHARE ROW EXCLUSIVE on the source, within the budget.
absl::Status GoSynchronous(Job& job);

// A snapshot from before what was just committed could see the replacement as it never was. Whoever
// holds one is waited for, by name.
absl::Status WaitOutSnapshots(Job& job);

// Waits for every transaction that had its lock on one of these tables before now: it may still run
// a trigger's function as it was.
absl::Status WaitOutWriters(Job& job, const std::vector<catalog::QualifiedName>& tables);

// Runs a transaction that takes ACCESS EXCLUSIVE on a table first, which keeps its readers out, and
// counts how long. Nothing but the fence is checked: what goes may have gone already.
absl::Status RunUnderTableLock(Job& job, const catalog::QualifiedName& table, const char* label,
                               const std::function<absl::Status()>& body);

}  // namespace restructure

#endif  // RESTRUCTURE_ROWS_ROWS_H_
