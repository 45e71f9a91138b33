// What may stop or steer a running job from outside: signals, the operator's wishes in the ledger,
// the loss of the lease.

#ifndef RESTRUCTURE_CONTROL_H_
#define RESTRUCTURE_CONTROL_H_

#include <atomic>
#include <mutex>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace restructure {

// Thread-safe; Interrupt may be called from a signal handler.
class Control {
 public:
  void Interrupt() { interrupted_.store(true); }
  bool interrupted() const { return interrupted_.load(); }

  // From the keeper of the lease.
  void SetLeaseLost(bool lost) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetWishes(const std::string& goal, bool pause_requested) ABSL_LOCKS_EXCLUDED(mutex_);

  std::string goal() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool pause_requested() const ABSL_LOCKS_EXCLUDED(mutex_);

  // OK: go on. kCancelled: the operator interrupted the tool, or wants the job undone.
  // kFailedPrecondition: the lease is lost, write nothing more.
  absl::Status Check() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits, and returns early with Check's verdict as soon as that is not OK.
  absl::Status Sleep(absl::Duration duration) const ABSL_LOCKS_EXCLUDED(mutex_);

  // While the job is being undone, the wish to abort is no reason to stop.
  void SetUndoing(bool undoing) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::atomic<bool> interrupted_{false};
  mutable std::mutex mutex_;
  bool lease_lost_ ABSL_GUARDED_BY(mutex_) = false;
  bool pause_requested_ ABSL_GUARDED_BY(mutex_) = false;
  bool undoing_ ABSL_GUARDED_BY(mutex_) = false;
  std::string goal_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace restructure

#endif  // RESTRUCTURE_CONTROL_H_
