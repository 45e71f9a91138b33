// The phases of a job. Each kind of structure has its own, in run order, in its folder's kind.cc.
//
// A phase first asks the ledger and the server where it stands and returns at once if its After
// holds; it may be run twice at any time. README.md has the table: before, after, lock, undo.

#ifndef RESTRUCTURE_PHASES_H_
#define RESTRUCTURE_PHASES_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "restructure/job.h"

namespace restructure {

enum class Next {
  kGoOn,  // the phase's After holds
  kStay,  // the job rests here until the operator says more
};

struct Phase {
  const char* name;
  absl::StatusOr<Next> (*run)(Job& job);
};

// Whether a job that has begun this phase can no longer be reverted.
bool IsForwardOnly(const std::string& phase);

// What a kind of structure brings along. Its folder has it: set/, index/, table/.
struct Kind {
  const char* name;  // as the ledger has it
  absl::Span<const Phase> phases;
  // Reads from the ledger what the job works on.
  absl::Status (*load)(Job& job);
  // Makes ready again for a run what an earlier one left.
  absl::Status (*reconcile)(Job& job);
  // Undoes a job that has not swapped yet, as if it had never been.
  absl::Status (*abandon)(Job& job);
  // What stands behind the name now, in words.
  std::string (*live)(const Job& job);
};
extern const Kind kSet;
extern const Kind kIndex;
extern const Kind kTable;

inline constexpr char kSetKind[] = "set";
inline constexpr char kIndexKind[] = "index";
inline constexpr char kTableKind[] = "table";
const Kind& KindNamed(const std::string& name);
const Kind& KindOf(const Job& job);

// Shared by the kinds' phases.

// After an exchange: waits until the operator or the soak time says that it is for good. A wish to
// revert runs `exchange_back`, and the soak begins anew.
absl::StatusOr<Next> AwaitFinish(Job& job, const std::function<absl::Status()>& exchange_back);

// Foreign keys that an exchange left NOT VALID: they were enforced all the time, this says so.
// Writers and readers go on meanwhile.
absl::Status ValidateForeignKeys(Job& job, const char* label);

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
