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
  std::string (*show)(const Pacing& pacing);
};

const Key kKeys[] = {
    {"workers",
     [](double amount, Pacing& pacing) {
       pacing.workers = std::clamp(static_cast<int>(amount), 1, kWorkersMax);
     },
     [](const Pacing& pacing) { return absl::StrCat(pacing.workers); }},
    {"batch-target",
     [](double amount, Pacing& pacing) {
       pacing.batch_target = absl::Milliseconds(std::max(amount, 1.0));
     },
     [](const Pacing& pacing) { return absl::FormatDuration(pacing.batch_target); }},
    {"replica-lag",
     [](double amount, Pacing& pacing) {
       pacing.limits.replica_lag_max = absl::Milliseconds(amount);
     },
     [](const Pacing& pacing) { return absl::FormatDuration(pacing.limits.replica_lag_max); }},
    {"replica-lag-bytes",
     [](double amount, Pacing& pacing) {
       pacing.limits.replica_lag_bytes_max = std::llround(amount);
     },
     [](const Pacing& pacing) { return absl::StrCat(pacing.limits.replica_lag_bytes_max); }},
    {"active-sessions",
     [](double amount, Pacing& pacing) {
       pacing.limits.active_sessions_max = static_cast<int>(amount);
     },
     [](const Pacing& pacing) { return absl::StrCat(pacing.limits.active_sessions_max); }},
    {"wait-for-us",
     [](double amount, Pacing& pacing) {
       pacing.limits.wait_for_us_max = absl::Milliseconds(amount);
     },
     [](const Pacing& pacing) { return absl::FormatDuration(pacing.limits.wait_for_us_max); }},
    {"controller",
     [](double amount, Pacing& pacing) {
       pacing.limits.heed_commits = pacing.limits.heed_knee = amount != 0;
     },
     [](const Pacing& pacing) { return std::string(pacing.limits.heed_commits ? "on" : "off"); }},
    {"impact",
     [](double amount, Pacing& pacing) {
       const bool is_share = amount < 1;
       if (is_share) pacing.limits.impact = 100 * amount;
       pacing.limits.commit_max = is_share ? absl::ZeroDuration() : absl::Milliseconds(amount);
     },
     [](const Pacing& pacing) {
       return pacing.limits.commit_max > absl::ZeroDuration()
                  ? absl::FormatDuration(pacing.limits.commit_max)
                  : absl::StrCat(std::llround(100 * pacing.limits.impact), "%");
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

std::vector<std::pair<std::string, std::string>> BegunWith(const Settings& settings) {
  const Pacing pacing = Adjusted(settings, {});
  std::vector<std::pair<std::string, std::string>> values;
  for (const Key& key : kKeys) values.emplace_back(key.name, key.show(pacing));
  return values;
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
