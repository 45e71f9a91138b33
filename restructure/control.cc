#include "restructure/control.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "catalog/ledger.h"

namespace restructure {

void Control::SetLeaseLost(bool lost) {
  const std::lock_guard<std::mutex> lock(mutex_);
  lease_lost_ = lost;
}

void Control::SetWishes(const std::string& goal, catalog::Hold hold) {
  const std::lock_guard<std::mutex> lock(mutex_);
  goal_ = goal;
  hold_ = hold;
}

std::string Control::goal() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return goal_;
}

catalog::Hold Control::hold() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return hold_;
}

std::string Control::hold_reason() const {
  switch (hold()) {
    case catalog::Hold::kNone:
      return "";
    case catalog::Hold::kPause:
      return "pause requested by the operator";
    case catalog::Hold::kPanic:
      return "panic: stopped by the operator until it is resumed";
  }
  return "";
}

void Control::SetUndoing(bool undoing) {
  const std::lock_guard<std::mutex> lock(mutex_);
  undoing_ = undoing;
}

void Control::Hibernate(const std::string& reason) {
  const std::lock_guard<std::mutex> lock(mutex_);
  hibernation_ = reason;
}

std::string Control::hibernation() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return hibernation_;
}

absl::Status Control::Check() const {
  if (interrupted()) return absl::CancelledError("interrupted");
  const std::lock_guard<std::mutex> lock(mutex_);
  if (lease_lost_) {
    return absl::FailedPreconditionError(
        "the lease of this job is lost: its keeper could not renew it in time\n"
        "HINT: run the same command again; it goes on where it was.");
  }
  if (goal_ == catalog::kGoalAbort && !undoing_) return absl::CancelledError("abort requested");
  if (!hibernation_.empty()) return absl::CancelledError(hibernation_);
  return absl::OkStatus();
}

absl::Status Control::Sleep(absl::Duration duration) const {
  const absl::Time end = absl::Now() + duration;
  while (true) {
    if (absl::Status status = Check(); !status.ok()) return status;
    const absl::Duration left = end - absl::Now();
    if (left <= absl::ZeroDuration()) return absl::OkStatus();
    absl::SleepFor(std::min(left, absl::Milliseconds(50)));
  }
}

}  // namespace restructure
