// The phases of a job on a set, in run order: the table of contents of this folder. README.md, one
// level up, has the table: before, after, lock, undo.

#ifndef RESTRUCTURE_SET_PHASES_H_
#define RESTRUCTURE_SET_PHASES_H_

#include <cstdint>

#include "restructure/phases.h"

namespace restructure {

absl::StatusOr<Next> Build(Job& job);
absl::StatusOr<Next> Connect(Job& job);
absl::StatusOr<Next> Verify(Job& job);
absl::StatusOr<Next> Swap(Job& job);
absl::StatusOr<Next> Soak(Job& job);  // and revert
absl::StatusOr<Next> Disconnect(Job& job);
absl::StatusOr<Next> Drop(Job& job);

// Everything of the replacement goes, and for a job that creates a set, the set.
absl::Status Abandon(Job& job);

// Restarts the copy where the storage of the member table was replaced.
absl::Status Reconcile(Job& job);

// Applies the key log until about `backlog_max` keys are left, in the window of `work`.
absl::Status CatchUp(Job& job, std::int64_t backlog_max,
                     throttle::Work work = throttle::Work::kBatch);

}  // namespace restructure

#endif  // RESTRUCTURE_SET_PHASES_H_
