#include "throttle/controller.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace throttle {
namespace {

constexpr std::size_t kSamplesToLearn = 8;
constexpr double kSoftFactor = 1.5;
constexpr absl::Duration kSoftMore = absl::Milliseconds(5);

// Smoothing: a rise counts at once, a fall slowly.
constexpr double kWeightUp = 0.6;
constexpr double kWeightDown = 0.25;

// The law, per worker of the ceiling: set-point, gains, slopes per second.
constexpr double kSetPoint = 0.9;
constexpr double kProportional = 0.25;
constexpr double kIntegral = 0.15;
constexpr double kRiseMax = 0.2;
constexpr double kFallMax = 1.0;
constexpr double kFloor = 0.1;  // of one worker: a restructure ends even on a server that is full

constexpr double kPanic = 1.6;
constexpr absl::Duration kBackOffMin = absl::Seconds(2);
constexpr absl::Duration kBackOffMax = absl::Seconds(60);
constexpr absl::Duration kForgive = absl::Seconds(60);  // without a panic: back-off starts anew

constexpr absl::Duration kBreathEvery = absl::Seconds(60);
constexpr absl::Duration kBreath = absl::Milliseconds(2000);
constexpr absl::Duration kSettle = absl::Milliseconds(1200);  // until what we began has ended

std::string Readable(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(duration, absl::Microseconds(100)));
}

absl::Duration Median(std::vector<absl::Duration> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Controller::Controller(int workers_max)
    : workers_max_(workers_max),
      effective_(std::min(1.0, workers_max_)),
      borne_(effective_),
      back_off_(kBackOffMin) {}

absl::Duration Controller::Soft() const {
  return std::max(kSoftFactor * baseline_, baseline_ + kSoftMore);
}

// The slowest of a few canaries is near their 95th percentile; half of the way each time, so that
// one hiccup does not move the limit for long.
void Controller::Learn(absl::Duration canary) {
  alone_.push_back(canary);
  if (ready_) return;
  if (alone_.size() < kSamplesToLearn) return;
  baseline_ = *std::max_element(alone_.begin(), alone_.end());
  // One outlier is no baseline.
  baseline_ = std::min(baseline_, 4 * Median(alone_));
  alone_.clear();
  ready_ = true;
}

void Controller::BeQuiet(absl::Time now, absl::Duration length, const char* why) {
  quiet_ = true;
  quiet_why_ = why;
  quiet_since_ = now;
  quiet_until_ = now + length;
  alone_.clear();
}

void Controller::Observe(absl::Time taken_at, absl::Duration canary) {
  latest_ = canary;
  if (!ready_) {
    Learn(canary);
    last_ = taken_at;
    next_breath_ = taken_at + kBreathEvery;
    return;
  }
  const double raw = absl::FDivDuration(canary, Soft());
  const double weight = raw > pressure_ ? kWeightUp : kWeightDown;
  pressure_ += weight * (raw - pressure_);
  if (quiet_) {
    if (taken_at - quiet_since_ >= kSettle) Learn(canary);
    if (taken_at < quiet_until_) return;
    if (!alone_.empty()) {
      const absl::Duration alone = *std::max_element(alone_.begin(), alone_.end());
      baseline_ = (baseline_ + std::min(alone, 4 * Median(alone_))) / 2;
    }
    quiet_ = false;
    alone_.clear();
    over_panic_ = 0;
    // What was seen meanwhile was seen without us: the law begins anew from here.
    pressure_ = absl::FDivDuration(canary, Soft());
    error_ = -std::log(std::max(pressure_, 0.05) / kSetPoint);
    last_ = taken_at;
    next_breath_ = taken_at + kBreathEvery;
    return;
  }
  Steer(taken_at, raw);
}

void Controller::Steer(absl::Time now, double raw) {
  const double floor = std::min(kFloor, workers_max_);
  over_panic_ = raw > kPanic ? over_panic_ + 1 : 0;
  if (over_panic_ >= 2) {
    effective_ = std::max(borne_ / 2, floor);
    borne_ = effective_;
    back_off_ = now - last_panic_ > kForgive ? kBackOffMin : std::min(2 * back_off_, kBackOffMax);
    last_panic_ = now;
    BeQuiet(now, back_off_, "");
    return;
  }
  if (now >= next_breath_) {
    BeQuiet(now, kBreath, "a breath: how fast the server is without us");
    return;
  }
  // A sample that comes late moves no more than one in time: silence never lets it grow.
  const double seconds = std::clamp(absl::ToDoubleSeconds(now - last_), 0.0, 1.0);
  last_ = now;
  const double error = -std::log(std::max(pressure_, 0.05) / kSetPoint);
  double change = workers_max_ * (kProportional * (error - error_) + kIntegral * error * seconds);
  error_ = error;
  change =
      std::clamp(change, -kFallMax * workers_max_ * seconds, kRiseMax * workers_max_ * seconds);
  effective_ = std::clamp(effective_ + change, floor, workers_max_);
  if (raw <= 1) borne_ = effective_;
}

std::string Controller::reason() const {
  if (!ready_) return "learns how fast the server commits without us";
  if (quiet_ && *quiet_why_ != '\0') return quiet_why_;
  if (!quiet_ && effective_ >= workers_max_) return "";
  const std::string why =
      absl::StrCat("commits take ", Readable(latest_), ", the limit is ", Readable(Soft()));
  if (quiet_) return absl::StrCat(why, ": all workers wait");
  const std::string pace = absl::StrFormat("%.1f of %.0f workers", effective_, workers_max_);
  if (pressure_ < kSetPoint) return absl::StrCat(pace, ", rising: ", why);
  return absl::StrCat(why, ": ", pace);
}

}  // namespace throttle
