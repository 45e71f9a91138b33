#include "throttle/decisions.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace throttle {
namespace {

constexpr absl::Duration kAtLeastEach = absl::Seconds(10);
constexpr absl::Duration kAtMostEach = absl::Seconds(1);
constexpr double kNoticeable = 0.25;  // Of the allowance, and of a worker.

bool HasDigit(const std::string& word) {
  return std::any_of(word.begin(), word.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

}  // namespace

std::string ReasonName(const std::string& reason) {
  for (const std::string& clause :
       std::vector<std::string>(absl::StrSplit(reason, ": ", absl::SkipEmpty()))) {
    if (absl::StrContains(clause, " workers")) continue;  // "1.3 of 4 workers, rising"
    if (absl::StartsWith(clause, "worker ")) return "the knee";
    std::vector<std::string> name;
    for (const std::string& word :
         std::vector<std::string>(absl::StrSplit(clause, ' ', absl::SkipEmpty()))) {
      if (HasDigit(word) && name.empty()) continue;
      if (HasDigit(word)) break;
      const bool last = absl::EndsWith(word, ",");
      name.push_back(last ? word.substr(0, word.size() - 1) : word);
      if (last) break;
    }
    while (!name.empty() && (name.back() == ">=" || name.back() == "take")) name.pop_back();
    if (!name.empty()) return absl::StrJoin(name, " ");
  }
  return "full speed";
}

bool DecisionFilter::IsWorth(const TraceRow& row) {
  bool is_worth = !recorded_;
  if (recorded_ && row.time - recorded_->time >= kAtMostEach) {
    const double change = std::abs(row.effective_workers - recorded_->effective_workers);
    is_worth = row.time - recorded_->time >= kAtLeastEach || row.workers != recorded_->workers ||
               change > kNoticeable * std::max(1.0, recorded_->effective_workers) ||
               ReasonName(row.reason) != ReasonName(recorded_->reason);
  }
  if (is_worth) recorded_ = row;
  return is_worth;
}

}  // namespace throttle
