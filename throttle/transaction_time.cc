#include "throttle/transaction_time.h"

#include <algorithm>
#include <vector>

namespace throttle {
namespace {

constexpr double kPerSecondMin = 20;
constexpr std::size_t kLooks = 3;
// The sessions may all be counted at the same moment of each second.
constexpr absl::Duration kLookMin = absl::Milliseconds(700);
constexpr absl::Duration kLookMax = absl::Seconds(3);

}  // namespace

std::optional<TransactionLook> TransactionTime::Observe(absl::Time now, const Usage& all,
                                                        const Usage& ours) {
  const Usage others = {all.active - ours.active, all.transactions - ours.transactions};
  const absl::Duration elapsed = now - since_;
  const absl::Duration active = others.active - before_.active;
  const std::int64_t transactions = others.transactions - before_.transactions;
  const bool was_reset = all.transactions < all_;
  all_ = all.transactions;
  const bool begins = since_ == absl::InfinitePast() || was_reset || elapsed > kLookMax;
  if (begins) {
    looks_.clear();
    seen_.reset();
  }
  // The server knows what ours did a moment later than we do.
  const bool enough =
      elapsed >= kLookMin && active > absl::ZeroDuration() &&
      static_cast<double>(transactions) >= kPerSecondMin * absl::ToDoubleSeconds(elapsed);
  if (!begins && !enough) return seen_;
  since_ = now;
  before_ = others;
  if (begins) return seen_;
  looks_.push_back(active / transactions);
  if (looks_.size() < kLooks) return seen_;
  if (looks_.size() > kLooks) looks_.pop_front();
  std::vector<absl::Duration> sorted(looks_.begin(), looks_.end());
  std::sort(sorted.begin(), sorted.end());
  seen_ = TransactionLook{now, sorted[(sorted.size() - 1) / 2]};
  return seen_;
}

}  // namespace throttle
