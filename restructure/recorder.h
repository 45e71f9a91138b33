// Records the pacer's decisions while batches run: the noticeable ones in the ledger, where each
// job keeps the newest few thousand, every one in the trace, if the operator wants that; and adds
// up the time of each reason for the summary.
//
// Belongs to the keeper's thread.

#ifndef RESTRUCTURE_RECORDER_H_
#define RESTRUCTURE_RECORDER_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "catalog/session.h"
#include "restructure/job.h"
#include "throttle/decisions.h"
#include "throttle/load.h"

namespace restructure {

class Recorder {
 public:
  explicit Recorder(const Job& job) : job_(job) {}

  // To be called with each sample that the pacer was given. kUnavailable: the session is lost.
  absl::Status Record(catalog::Session& session, const throttle::Load& load);

 private:
  const Job& job_;
  throttle::DecisionFilter filter_;
  absl::Time last_ = absl::InfinitePast();  // the last call
  int recorded_ = 0;
};

}  // namespace restructure

#endif  // RESTRUCTURE_RECORDER_H_
