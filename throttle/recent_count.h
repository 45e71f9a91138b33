// How far a cumulative counter of the server has risen in the last minutes.
//
// Not thread-safe. Reads no clock.

#ifndef THROTTLE_RECENT_COUNT_H_
#define THROTTLE_RECENT_COUNT_H_

#include <cstdint>
#include <deque>
#include <utility>

#include "absl/time/time.h"

namespace throttle {

class RecentCount {
 public:
  explicit RecentCount(absl::Duration window) : window_(window) {}

  // Records the counter and returns its rise within the window, of what was seen of it. A counter
  // that falls was reset: what it shows then is its rise.
  std::int64_t Observe(absl::Time now, std::int64_t counter) {
    const std::int64_t rise = counter >= last_ ? counter - last_ : counter;
    if (seen_ && rise > 0) rises_.emplace_back(now, rise);
    seen_ = true;
    last_ = counter;
    while (!rises_.empty() && now - rises_.front().first > window_) rises_.pop_front();
    std::int64_t sum = 0;
    for (const auto& [at, by] : rises_) sum += by;
    return sum;
  }

 private:
  const absl::Duration window_;
  std::deque<std::pair<absl::Time, std::int64_t>> rises_;
  std::int64_t last_ = 0;
  bool seen_ = false;
};

}  // namespace throttle

#endif  // THROTTLE_RECENT_COUNT_H_
