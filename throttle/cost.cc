#include "throttle/cost.h"

#include <algorithm>
#include <cmath>

namespace throttle {
namespace {

constexpr double kSmoothedSeconds = 2.5;
constexpr double kForget = 0.8;  // A breath counts so much of the one after it.
constexpr double kSure = 1.5;    // errors; beyond this it is not possible
constexpr double kKnown = 3;     // errors

double Rate(absl::Duration time) { return 1 / absl::ToDoubleSeconds(time); }
absl::Duration Time(double rate) { return absl::Seconds(1 / rate); }

}  // namespace

void Cost::Tick(absl::Duration interval) {
  const double seconds = absl::ToDoubleSeconds(interval);
  if (seconds <= 0) return;
  const double working = absl::ToDoubleSeconds(worked_) / seconds;
  working_ += (1 - std::exp(-seconds / kSmoothedSeconds)) * (working - working_);
  worked_ = absl::ZeroDuration();
}

void Cost::Learn(absl::Duration alone, double error) {
  if (before_.with_us <= absl::ZeroDuration()) return;
  const double freed = Rate(alone) - Rate(before_.with_us);
  const double weight = 1 / std::pow(error * Rate(alone), 2);
  benefit_ = kForget * benefit_ + weight * freed * before_.working;
  weight_ = kForget * weight_ + weight * before_.working * before_.working;
  before_ = {};
}

bool Cost::known() const { return weight_ > 0 && benefit_ > kKnown * std::sqrt(weight_); }

absl::Duration Cost::Nearest(absl::Duration alone, absl::Duration with_us) const {
  if (weight_ <= 0) return alone;
  const double cost = std::max(benefit_ / weight_, 0.0);
  const double error = kSure / std::sqrt(weight_);
  const double slowest = Rate(with_us) + std::max(cost - error, 0.0) * working_;
  const double fastest = Rate(with_us) + (cost + error) * working_;
  return std::clamp(alone, Time(fastest), Time(slowest));
}

}  // namespace throttle
