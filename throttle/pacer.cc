#include "throttle/pacer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace throttle {
namespace {

constexpr absl::Duration kAskAgainAfter = absl::Milliseconds(250);
constexpr absl::Duration kOldSample = absl::Seconds(3);  // Not unknown yet, but doubtful.
constexpr double kAimMin = 0.25;
constexpr absl::Duration kPauseMax = absl::Seconds(5);

// "12s", "1.5s", "80ms": finer than a millisecond is noise to the reader.
std::string Readable(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(duration, absl::Milliseconds(1)));
}

std::string ReadableBytes(std::int64_t bytes) {
  constexpr double kKilobyte = 1024;
  const double kilobytes = static_cast<double>(bytes) / kKilobyte;
  if (kilobytes < kKilobyte) return absl::StrFormat("%.1f kB", kilobytes);
  return absl::StrFormat("%.1f MB", kilobytes / kKilobyte);
}

// One function per check: why it pauses, or empty.

std::string AgeReason(const Load& load, const Limits& limits, absl::Time now) {
  if (limits.sample_age_max <= absl::ZeroDuration()) return "";
  if (load.taken_at == absl::InfinitePast()) return "no load sample yet";
  const absl::Duration age = now - load.taken_at;
  if (age <= limits.sample_age_max) return "";
  return absl::StrCat("load sample is ", Readable(age), " old, limit ",
                      Readable(limits.sample_age_max));
}

std::string WaitReason(const Load& load, const Limits& limits) {
  if (limits.wait_for_us_max <= absl::ZeroDuration()) return "";
  if (load.sessions_waiting_for_us <= 0) return "";
  if (load.longest_wait_for_us < limits.wait_for_us_max) return "";
  return absl::StrCat(load.sessions_waiting_for_us,
                      load.sessions_waiting_for_us == 1 ? " session waits" : " sessions wait",
                      " for our locks, the longest ", Readable(load.longest_wait_for_us),
                      " >= ", Readable(limits.wait_for_us_max));
}

std::string ReplicaReason(const Load& load, const Limits& limits) {
  if (limits.replica_lag_max > absl::ZeroDuration() &&
      load.replica_lag.value_or(absl::ZeroDuration()) >= limits.replica_lag_max) {
    return absl::StrCat("replica lag ", Readable(*load.replica_lag),
                        " >= ", Readable(limits.replica_lag_max));
  }
  if (limits.replica_lag_bytes_max > 0 &&
      load.replica_lag_bytes.value_or(0) >= limits.replica_lag_bytes_max) {
    return absl::StrCat("replica lag ", ReadableBytes(*load.replica_lag_bytes),
                        " >= ", ReadableBytes(limits.replica_lag_bytes_max));
  }
  return "";
}

std::string ActiveReason(const Load& load, const Limits& limits) {
  if (limits.active_sessions_max <= 0) return "";
  if (load.active_sessions < limits.active_sessions_max) return "";
  return absl::StrCat(load.active_sessions, " active sessions >= ", limits.active_sessions_max);
}

}  // namespace

Limits Limits::Unlimited() {
  Limits limits;
  limits.replica_lag_bytes_max = 0;
  limits.replica_lag_max = absl::ZeroDuration();
  limits.wait_for_us_max = absl::ZeroDuration();
  limits.active_sessions_max = 0;
  limits.sample_age_max = absl::ZeroDuration();
  limits.heed_commits = false;
  return limits;
}

Pacer::Pacer(Limits limits, BatchSize::Options batch_size, int workers, Windows windows,
             Controller::Options controller)
    : windows_(std::move(windows)),
      batch_target_(batch_size.target),
      limits_(limits),
      batch_size_(batch_size),
      controller_(workers, controller),
      batch_time_(batch_size.target) {}

void Pacer::SetLimits(const Limits& limits) {
  const std::lock_guard<std::mutex> lock(mutex_);
  limits_ = limits;
}

Limits Pacer::limits() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return limits_;
}

void Pacer::Observe(const Load& load) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // The same sample again is ignored too: a wait that it shows shrinks the batch only once.
  if (load.taken_at <= latest_.taken_at) return;
  latest_ = load;
  if (load.canary) {
    controller_.Observe(load.taken_at, *load.canary, load.workers_busy);
    slower_ = controller_.reason();
    // Of a server that bears less than one worker, short turns are felt less than long ones.
    const double allowed = controller_.effective_workers();
    if (allowed > 0) batch_size_.Aim(std::clamp(allowed, kAimMin, 1.0));
  }
  if (!WaitReason(load, limits_).empty()) batch_size_.Shrink();
}

void Pacer::BatchDone(std::int64_t rows, absl::Duration elapsed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  batch_size_.Record(rows, elapsed);
  if (rows > 0) batch_time_ = 0.7 * batch_time_ + 0.3 * elapsed;
}

void Pacer::BatchRolledBack() {
  const std::lock_guard<std::mutex> lock(mutex_);
  batch_size_.Shrink();
}

// Gives one worker its part of the controller's allowance.
void Pacer::Share(int worker, absl::Time now, Decision* decision) const {
  if (!limits_.heed_commits || !latest_.canary) return;
  double allowed = controller_.ready() ? controller_.effective_workers() : 0;
  const bool heeds_age = limits_.sample_age_max > absl::ZeroDuration();
  if (heeds_age && now - latest_.taken_at > kOldSample) allowed /= 2;
  const double running = std::ceil(allowed);
  decision->reason = slower_;
  if (allowed <= worker) {
    decision->may_run = false;
    decision->pause = kAskAgainAfter;
    return;
  }
  const double share = allowed / running;
  decision->pause = std::min(batch_time_ * (1 / share - 1), kPauseMax);
}

Decision Pacer::Next(int worker, absl::Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Decision decision;
  // The operator's word is a better reason; a closed window is no sign of load.
  if (!latest_.pause_requested) {
    decision.reason = windows_.Reason(Work::kBatch, now, ExpectedBatch());
  }
  if (!decision.reason.empty()) {
    decision.pause = kAskAgainAfter;
    return decision;
  }
  decision.reason = PauseReason(now);
  decision.may_run = decision.reason.empty();
  decision.forbidden = !decision.may_run;
  if (decision.may_run) {
    decision.rows = batch_size_.rows();
    Share(worker, now, &decision);
  } else {
    decision.pause = kAskAgainAfter;
  }
  return decision;
}

std::string Pacer::WindowReason(Work what, absl::Time now) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return windows_.Reason(what, now, ExpectedBatch());
}

// A batch may be shorter than its target at first, and grow.
absl::Duration Pacer::ExpectedBatch() const { return std::max(batch_time_, batch_target_); }

Pace Pacer::pace() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const double allowance = controller_.ready() ? controller_.effective_workers() : 0;
  return {controller_.pressure(), allowance, slower_, batch_size_.rows()};
}

std::int64_t Pacer::rows_per_batch() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return batch_size_.rows();
}

// The first reason found is shown. The operator's word comes first: it stays until it is taken
// back, while the others may pass. What a stale sample says is not looked at.
std::string Pacer::PauseReason(absl::Time now) const {
  if (latest_.pause_requested) return "pause requested by the operator";
  std::string reason = AgeReason(latest_, limits_, now);
  if (reason.empty()) reason = WaitReason(latest_, limits_);
  if (reason.empty()) reason = ReplicaReason(latest_, limits_);
  if (reason.empty()) reason = ActiveReason(latest_, limits_);
  return reason;
}

}  // namespace throttle
