// The phases of a job, in run order: the table of contents of this folder.
//
// A phase first asks the ledger and the server where it stands and returns at once if its After
// holds; it may be run twice at any time. README.md has the table: before, after, lock, undo.

#ifndef RESTRUCTURE_PHASES_H_
#define RESTRUCTURE_PHASES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "restructure/job.h"

namespace restructure {

enum class Next {
  kGoOn,  // the phase's After holds
  kStay,  // the job rests here until the operator says more
};

absl::StatusOr<Next> Build(Job& job);
absl::StatusOr<Next> Connect(Job& job);
absl::StatusOr<Next> Verify(Job& job);
absl::StatusOr<Next> Swap(Job& job);
absl::StatusOr<Next> Soak(Job& job);  // and revert
absl::StatusOr<Next> Disconnect(Job& job);
absl::StatusOr<Next> Drop(Job& job);

struct Phase {
  const char* name;
  absl::StatusOr<Next> (*run)(Job& job);
};

inline constexpr Phase kPhases[] = {
    {"build", &Build}, {"connect", &Connect},       {"verify", &Verify}, {"swap", &Swap},
    {"soak", &Soak},   {"disconnect", &Disconnect}, {"drop", &Drop},
};

// Undoes a job that has not swapped yet: everything of the replacement goes, and for a job that
// creates a set, the set.
absl::Status Abandon(Job& job);

// Shared by phases.

// Applies the key log until about `backlog_max` keys are left. `step` is what progress shows.
absl::Status CatchUp(Job& job, std::int64_t backlog_max);

// Makes ready again for a run what an earlier one left: restarts the copy where the storage of the
// member table was replaced.
absl::Status Reconcile(Job& job);

// Adds the time of its scope to the tally and shows the step.
class Step {
 public:
  Step(Job& job, const char* name, std::int64_t rows_total);
  ~Step();
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  Job& job_;
  const char* const name_;
  const absl::Time start_;
};

}  // namespace restructure

#endif  // RESTRUCTURE_PHASES_H_
