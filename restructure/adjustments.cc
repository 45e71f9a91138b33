#include "restructure/adjustments.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace restructure {
namespace {

struct Key {
  const char* name;
  void (*apply)(double amount, Pacing& pacing);
};

const Key kKeys[] = {
    {"workers",
     [](double amount, Pacing& pacing) {
       pacing.workers = std::clamp(static_cast<int>(amount), 1, kWorkersMax);
     }},
    {"batch-target",
     [](double amount, Pacing& pacing) {
       pacing.batch_target = absl::Milliseconds(std::max(amount, 1.0));
     }},
    {"replica-lag",
     [](double amount, Pacing& pacing) {
       pacing.limits.replica_lag_max = absl::Milliseconds(amount);
     }},
    {"replica-lag-bytes",
     [](double amount, Pacing& pacing) {
       pacing.limits.replica_lag_bytes_max = std::llround(amount);
     }},
    {"active-sessions",
     [](double amount, Pacing& pacing) {
       pacing.limits.active_sessions_max = static_cast<int>(amount);
     }},
    {"wait-for-us",
     [](double amount, Pacing& pacing) {
       pacing.limits.wait_for_us_max = absl::Milliseconds(amount);
     }},
    {"controller",
     [](double amount, Pacing& pacing) {
       pacing.limits.heed_commits = pacing.limits.heed_knee = amount != 0;
     }},
    {"impact",
     [](double amount, Pacing& pacing) {
       const bool is_share = amount < 1;
       if (is_share) pacing.limits.impact = 100 * amount;
       pacing.limits.commit_max = is_share ? absl::ZeroDuration() : absl::Milliseconds(amount);
     }},
};

}  // namespace

const std::vector<std::string>& AdjustableKeys() {
  static const auto& names = *new std::vector<std::string>([] {
    std::vector<std::string> all;
    for (const Key& key : kKeys) all.emplace_back(key.name);
    return all;
  }());
  return names;
}

Pacing Adjusted(const Settings& settings, const std::vector<catalog::Adjustment>& adjustments) {
  Pacing pacing{settings.workers, settings.batch_size.target, settings.limits};
  for (const catalog::Adjustment& adjustment : adjustments) {
    for (const Key& key : kKeys) {
      if (adjustment.key == key.name) key.apply(adjustment.amount, pacing);
    }
  }
  return pacing;
}

std::string Describe(const std::vector<catalog::Adjustment>& adjustments, absl::Time now,
                     absl::TimeZone zone) {
  const absl::CivilDay today = absl::ToCivilDay(now, zone);
  return absl::StrJoin(
      adjustments, ", ", [&](std::string* out, const catalog::Adjustment& adjustment) {
        absl::StrAppend(out, adjustment.key, " ", adjustment.value);
        if (!adjustment.until) return;
        const bool is_today = absl::ToCivilDay(*adjustment.until, zone) == today;
        absl::StrAppend(out, " until ",
                        absl::FormatTime(is_today ? "%H:%M" : "%a %H:%M", *adjustment.until, zone));
      });
}

}  // namespace restructure
