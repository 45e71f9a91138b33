// The phases of a job on an index, in run order: the table of contents of this folder.

#ifndef RESTRUCTURE_INDEX_PHASES_H_
#define RESTRUCTURE_INDEX_PHASES_H_

#include "catalog/index_ledger.h"
#include "restructure/phases.h"

namespace restructure::index {

absl::StatusOr<Next> Build(Job& job);
absl::StatusOr<Next> Connect(Job& job);
absl::StatusOr<Next> Verify(Job& job);
absl::StatusOr<Next> Swap(Job& job);
absl::StatusOr<Next> Soak(Job& job);  // and revert
absl::StatusOr<Next> Drop(Job& job);

absl::Status Abandon(Job& job);

// Shared by the phases.

// Builds what is missing of one side, partition by partition, and cleans up after builds that
// failed. Everything is there and valid when it returns OK.
absl::Status BuildSide(Job& job, catalog::Side side);

// Takes one side away. Requires: it is not the live one.
absl::Status RemoveSide(Job& job, catalog::Side side);

}  // namespace restructure::index

#endif  // RESTRUCTURE_INDEX_PHASES_H_
