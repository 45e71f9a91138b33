// The phases of a job on a table, in run order: the table of contents of this folder. The rows move
// as those of a set do: see rows/.

#ifndef RESTRUCTURE_TABLE_PHASES_H_
#define RESTRUCTURE_TABLE_PHASES_H_

#include "restructure/phases.h"

namespace restructure::table {

absl::StatusOr<Next> Build(Job& job);
absl::StatusOr<Next> Connect(Job& job);
absl::StatusOr<Next> Verify(Job& job);
absl::StatusOr<Next> Swap(Job& job);
absl::StatusOr<Next> Soak(Job& job);  // and revert
absl::StatusOr<Next> Disconnect(Job& job);
absl::StatusOr<Next> Drop(Job& job);

absl::Status Abandon(Job& job);

// Shared by the phases.

// Reads what the job works on, under the names that it has now.
absl::Status Load(Job& job);

// A side of the job as the source of the other one.
catalog::SetDefinition SourceOf(const Job& job, const catalog::TableSide& source);
// The side that bears the name, and the other one.
const catalog::TableSide& LiveSide(const Job& job);
const catalog::TableSide& RetiredSide(const Job& job);

// Of a partition: what the other table and the default partition need before the exchange, so that
// nothing is read under its locks. Each step is a transaction of its own and done once.
absl::Status PrepareToAttach(Job& job);
absl::StatusOr<bool> IsReadyToAttach(Job& job);
// Takes away what is left of that outside of the job's tables.
absl::Status DropAttachLeftovers(Job& job);

// Fills the new table in the order that was asked for, range by range.
absl::Status CopyInOrder(Job& job);

}  // namespace restructure::table

#endif  // RESTRUCTURE_TABLE_PHASES_H_
