#include <algorithm>
#include <cmath>

#include "throttle/simulation.h"

namespace throttle {
namespace {

constexpr double kWarmUp = 20;  // seconds: learning the baseline and the first rise
constexpr double kLimitTolerance = 1.15;

// The pace fits while the work is within these shares of the safe work, for so many seconds.
constexpr double kFitsFrom = 0.7;
constexpr double kFitsTo = 1.2;
constexpr int kFitsSeconds = 3;

bool Fits(const Moment& moment) {
  return moment.felt >= kFitsFrom * moment.safe && moment.felt <= kFitsTo * moment.safe;
}

// What follows one step: seconds of violation, and seconds until the pace fits.
struct Aftermath {
  double violated = 0;
  double settling = 0;
};

Aftermath After(const std::vector<Moment>& moments, double step, double next) {
  Aftermath after;
  int fits = 0;
  after.settling = next - step;
  for (const Moment& moment : moments) {
    if (moment.seconds <= step || moment.seconds > next) continue;
    if (IsViolated(moment)) ++after.violated;
    if (fits >= kFitsSeconds) continue;
    fits = Fits(moment) ? fits + 1 : 0;
    if (fits == kFitsSeconds) after.settling = moment.seconds - step - kFitsSeconds;
  }
  return after;
}

// A breath, and what follows it, are not chatter.
double Chatter(const std::vector<Moment>& moments) {
  double change = 0;
  double sum = 0;
  for (std::size_t i = 1; i < moments.size(); ++i) {
    if (moments[i].seconds <= kWarmUp) continue;
    if (moments[i].allowance <= 0 || moments[i - 1].allowance <= 0) continue;
    change += std::abs(moments[i].allowance - moments[i - 1].allowance);
    sum += moments[i].allowance;
  }
  return sum > 0 ? change / sum : 0;
}

}  // namespace

bool IsViolated(const Moment& moment) {
  return moment.harms_replica || moment.commit > kLimitTolerance * moment.limit;
}

Figures Judge(const std::vector<Moment>& moments, const std::vector<double>& steps) {
  Figures figures;
  double seconds = 0;
  double safe = 0;
  double used = 0;
  for (const Moment& moment : moments) {
    if (moment.seconds <= kWarmUp) continue;
    ++seconds;
    safe += moment.safe;
    used += moment.used;
    if (IsViolated(moment)) ++figures.violation;
    figures.rows_per_second += moment.rows;
  }
  figures.utilisation = safe > 0 ? used / safe : 1;
  figures.violation /= std::max(seconds, 1.0);
  figures.rows_per_second /= std::max(seconds, 1.0);
  figures.chatter = Chatter(moments);
  for (std::size_t i = 0; i < steps.size() && !moments.empty(); ++i) {
    const double next = i + 1 < steps.size() ? steps[i + 1] : moments.back().seconds;
    const Aftermath after = After(moments, steps[i], next);
    figures.step_seconds = std::max(figures.step_seconds, after.violated);
    figures.settling += after.settling / static_cast<double>(steps.size());
  }
  return figures;
}

}  // namespace throttle
