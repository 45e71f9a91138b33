#include "restructure/planned_step.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace restructure {

std::string Megabytes(std::int64_t bytes) {
  return absl::StrFormat("%.1f MB", static_cast<double>(bytes) / (1 << 20));
}

std::string TriedFor(absl::Duration lock_timeout) {
  return absl::StrCat(", milliseconds, tried for ", absl::FormatDuration(lock_timeout),
                      " at a time");
}

std::string SoakText(const Settings& settings, const std::string& what) {
  return settings.soak
             ? absl::StrCat(what, " for ", absl::FormatDuration(*settings.soak), ", revertible")
             : absl::StrCat(what, ", revertible, until `finish`");
}

std::string RenderSteps(const std::vector<PlannedStep>& steps) {
  std::string text;
  for (const PlannedStep& step : steps) {
    absl::StrAppendFormat(&text, "  %-11s %s\n              lock: %s\n", step.phase, step.what,
                          step.lock);
  }
  return text;
}

nlohmann::ordered_json StepsToJson(const std::vector<PlannedStep>& steps) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const PlannedStep& step : steps) {
    list.push_back({{"phase", step.phase}, {"what", step.what}, {"lock", step.lock}});
  }
  return list;
}

}  // namespace restructure
