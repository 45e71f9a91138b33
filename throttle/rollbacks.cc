#include "throttle/rollbacks.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "throttle/readable.h"

namespace throttle {
namespace {

constexpr std::size_t kKept = 200;
constexpr int kSoftMin = 3;
constexpr int kHardMin = 5;
constexpr absl::Duration kStopFor = absl::Seconds(5);

}  // namespace

void Rollbacks::Record(bool rolled_back) {
  last_.push_back(rolled_back);
  rolled_back_ += rolled_back ? 1 : 0;
  if (last_.size() <= kKept) return;
  rolled_back_ -= last_.front() ? 1 : 0;
  last_.pop_front();
}

Signal Rollbacks::Judge(double share_max) const {
  Signal signal;
  signal.name = "rolled back";
  signal.soft = ReadableShare(share_max / 5);
  signal.hard = ReadableShare(share_max);
  signal.why = "of our last 200 batches, by deadlocks, timeouts, serialization failures";
  // A share of few is chance: as if there were at least so many.
  constexpr std::size_t kFew = 50;
  const double share =
      static_cast<double>(rolled_back_) / static_cast<double>(std::max(last_.size(), kFew));
  signal.now = ReadableShare(share);
  if (share_max <= 0 || rolled_back_ < kSoftMin || share < share_max / 5) {
    signal.pressure = share_max <= 0 ? 0 : std::min(share / share_max * 5, 0.99);
    return signal;
  }
  const bool stops = rolled_back_ >= kHardMin && share >= share_max;
  signal.pressure = stops ? 2 : 1 + std::min((share * 5 / share_max - 1) / 4, 0.9);
  signal.reason =
      absl::StrCat(rolled_back_, " of our last ", last_.size(), " batches were rolled back, ",
                   signal.now, " >= ", stops ? signal.hard : signal.soft);
  return signal;
}

void Rollbacks::Elapse(double share_max, absl::Time now) {
  if (until_ != absl::InfinitePast() && now >= until_) *this = Rollbacks();
  if (until_ == absl::InfinitePast() && Judge(share_max).stops()) until_ = now + kStopFor;
}

}  // namespace throttle
