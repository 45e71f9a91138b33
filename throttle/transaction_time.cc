#include "throttle/transaction_time.h"

#include <algorithm>
#include <vector>

namespace throttle {
namespace {

constexpr double kPerSecondMin = 20;
// Idle time, of the time in statements.
constexpr double kIdleMax = 6;
constexpr double kJumpMax = 1.5;  // times the usual, and
constexpr double kJumpMore = 0.25;
constexpr double kWeight = 0.1;
constexpr std::size_t kLooks = 3;
// The sessions may all be counted at the same moment of each second.
constexpr absl::Duration kLookMin = absl::Milliseconds(700);
constexpr absl::Duration kLookMax = absl::Seconds(3);
constexpr absl::Duration kFewAfter = absl::Milliseconds(1250);  // What the server has is 1 s old.
constexpr absl::Duration kUndecidedMax = absl::Seconds(6);

}  // namespace

double TransactionTime::IdleShare(absl::Duration active, absl::Duration idle) {
  const double most = idle_share_ ? kJumpMax * *idle_share_ + kJumpMore : kIdleMax;
  const double share = std::clamp(absl::FDivDuration(idle, active), 0.0, std::min(most, kIdleMax));
  idle_share_ = idle_share_ ? *idle_share_ + kWeight * (share - *idle_share_) : share;
  return share;
}

std::optional<TransactionLook> TransactionTime::Observe(absl::Time now, const Usage& all,
                                                        const Usage& ours) {
  const Usage others = {all.active - ours.active, all.transactions - ours.transactions,
                        all.idle - ours.idle};
  const absl::Duration elapsed = now - since_;
  const absl::Duration active = others.active - before_.active;
  const std::int64_t transactions = others.transactions - before_.transactions;
  const absl::Duration idle = others.idle - before_.idle;
  const bool was_reset = all.transactions < all_;
  all_ = all.transactions;
  const bool begins = since_ == absl::InfinitePast() || was_reset || elapsed > kLookMax;
  if (begins) {
    looks_.clear();
    seen_.reset();
    idle_share_.reset();
  }
  // The server knows what ours did a moment later than we do.
  const bool enough =
      elapsed >= kLookMin && active > absl::ZeroDuration() &&
      static_cast<double>(transactions) >= kPerSecondMin * absl::ToDoubleSeconds(elapsed);
  first_ = std::min(first_, now);
  const bool are_few = !begins && !enough && elapsed >= kFewAfter;
  if (are_few || now - first_ >= kUndecidedMax) undecided_ = false;
  if (!begins && !enough) return seen_;
  since_ = now;
  before_ = others;
  if (begins) return seen_;
  looks_.push_back((1 + IdleShare(active, idle)) * active / transactions);
  if (looks_.size() < kLooks) return seen_;
  if (looks_.size() > kLooks) looks_.pop_front();
  std::vector<absl::Duration> sorted(looks_.begin(), looks_.end());
  std::sort(sorted.begin(), sorted.end());
  seen_ = TransactionLook{now, sorted[(sorted.size() - 1) / 2]};
  undecided_ = false;
  return seen_;
}

}  // namespace throttle
