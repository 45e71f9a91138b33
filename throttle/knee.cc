#include "throttle/knee.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace throttle {
namespace {

constexpr double kMoreMin = 0.1;
constexpr double kOfEqualShare = 0.5;
constexpr int kWorthALook =
    3;  // Of fewer, what stands back is too large a part, if they are not all.
constexpr double kSlack = 0.15;  // of a worker: so much the allowance may waver
constexpr absl::Duration kSettled = absl::Seconds(2);  // until the batches under way are over
constexpr absl::Duration kCount = absl::Seconds(6);
constexpr absl::Duration kSoon = absl::Seconds(10);
constexpr absl::Duration kLater = absl::Seconds(30);  // at first; twice as late each time
constexpr absl::Duration kAgain = absl::Minutes(5);

double Needed(int workers) { return std::min(kMoreMin, kOfEqualShare / (workers - 1)); }

}  // namespace

void Knee::SetWorkersMax(int workers_max) {
  workers_max_ = cap_ = running_ = std::max(workers_max, 1);
  proven_ = 1;
  look_ = Look::kNone;
  next_ = absl::InfinitePast();
  forget_at_ = absl::InfiniteFuture();
  later_ = kLater;
}

void Knee::Begin(absl::Time now, Look look, int running) {
  look_ = look;
  running_ = running;
  looks_since_ = now;
  counts_since_ = absl::InfiniteFuture();
}

void Knee::Rest(absl::Time now, absl::Duration length) {
  look_ = Look::kNone;
  running_ = cap_;
  next_ = now + length;
}

void Knee::Observe(absl::Time now, double allowed) {
  if (next_ == absl::InfinitePast()) next_ = now + kSoon;
  if (look_ == Look::kNone) {
    if (now >= forget_at_) {
      cap_ = running_ = std::min(cap_ + 1, workers_max_);
      proven_ = 1;
      forget_at_ = absl::InfiniteFuture();
    }
    const int whole = std::min(static_cast<int>(std::floor(allowed + kSlack)), cap_);
    const bool is_worth = whole >= kWorthALook || whole == cap_;
    if (now >= next_ && whole > proven_ && is_worth) Begin(now, Look::kBefore, whole);
    return;
  }
  // A breath, a panic, a limit: what is counted now is no comparison.
  if (allowed < running_ - kSlack || now - looks_since_ > 2 * (kSettled + kCount)) {
    Rest(now, later_);
    later_ = std::min(2 * later_, kAgain);
    return;
  }
  if (now - looks_since_ < kSettled) return;
  if (counts_since_ == absl::InfiniteFuture()) {
    counts_since_ = now;
    rows_ = 0;
  }
  if (now - counts_since_ < kCount) return;
  const double rows_per_second =
      static_cast<double>(rows_) / absl::ToDoubleSeconds(now - counts_since_);
  Counted(now, rows_per_second);
}

void Knee::Counted(absl::Time now, double rows_per_second) {
  if (rows_per_second <= 0) {
    Rest(now, kSoon);
  } else if (look_ == Look::kBefore) {
    before_ = rows_per_second;
    Begin(now, Look::kWithout, running_ - 1);
  } else if (look_ == Look::kWithout) {
    without_ = rows_per_second;
    Begin(now, Look::kAfter, running_ + 1);
  } else {
    after_ = rows_per_second;
    Compare(now);
  }
}

void Knee::Compare(absl::Time now) {
  later_ = kLater;
  if (std::abs(after_ - before_) > kMoreMin * std::min(after_, before_)) {
    Rest(now, kSoon);
    return;
  }
  const double more = (before_ + after_) / 2 / without_ - 1;
  forget_at_ = now + kAgain;
  if (more >= Needed(running_)) {
    proven_ = running_;
    Rest(now, kSoon);
    return;
  }
  brought_ = more;
  cap_ = proven_ = running_ - 1;
  Rest(now, kSoon);
  // The one before it may bring nothing, either: without the one is with the other.
  if (cap_ < 2) return;
  before_ = without_;
  Begin(now, Look::kWithout, cap_ - 1);
}

std::string Knee::reason() const {
  if (running_ >= workers_max_) return "";
  if (running_ < cap_) return absl::StrFormat("tries whether worker %d is worth it", running_ + 1);
  return absl::StrFormat("worker %d brought %.0f%% more rows/s, less than %.0f%%: %d of %d workers",
                         cap_ + 1, 100 * std::max(brought_, 0.0), 100 * Needed(cap_ + 1), cap_,
                         workers_max_);
}

}  // namespace throttle
