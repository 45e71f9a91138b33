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
#include "catalog/steering.h"

namespace restructure {

// Thread-safe; Interrupt may be called from a signal handler.
class Control {
 public:
  void Interrupt() { interrupted_.store(true); }
  bool interrupted() const { return interrupted_.load(); }

  // From the keeper of the lease.
  void SetLeaseLost(bool lost) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetWishes(const std::string& goal, catalog::Hold hold) ABSL_LOCKS_EXCLUDED(mutex_);

  std::string goal() const ABSL_LOCKS_EXCLUDED(mutex_);
  catalog::Hold hold() const ABSL_LOCKS_EXCLUDED(mutex_);
  // By a pause or a panic: nothing new may begin.
  bool held() const { return hold() != catalog::Hold::kNone; }
  // For people; empty if it is not held.
  std::string hold_reason() const;

  // A panic has cancelled what may have been any statement of the job: who fails by that begins
  // anew. Taking it clears it.
  void NotePanic() { panicked_.store(true); }
  bool TakePanic() { return panicked_.exchange(false); }

  // The job is to rest until its window opens: it ends as if it had been interrupted.
  void Hibernate(const std::string& reason) ABSL_LOCKS_EXCLUDED(mutex_);
  // Why it rests; empty: it does not.
  std::string hibernation() const ABSL_LOCKS_EXCLUDED(mutex_);

  // OK: go on. kCancelled: the operator interrupted the tool, or wants the job undone, or it rests.
  // kFailedPrecondition: the lease is lost, write nothing more.
  absl::Status Check() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits, and returns early with Check's verdict as soon as that is not OK.
  absl::Status Sleep(absl::Duration duration) const ABSL_LOCKS_EXCLUDED(mutex_);

  // While the job is being undone, the wish to abort is no reason to stop.
  void SetUndoing(bool undoing) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> panicked_{false};
  mutable std::mutex mutex_;
  bool lease_lost_ ABSL_GUARDED_BY(mutex_) = false;
  catalog::Hold hold_ ABSL_GUARDED_BY(mutex_) = catalog::Hold::kNone;
  bool undoing_ ABSL_GUARDED_BY(mutex_) = false;
  std::string goal_ ABSL_GUARDED_BY(mutex_);
  std::string hibernation_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace restructure

#endif  // RESTRUCTURE_CONTROL_H_
