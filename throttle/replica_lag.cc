#include "throttle/replica_lag.h"

#include <algorithm>

namespace throttle {
namespace {

constexpr absl::Duration kRemembered = absl::Hours(1);
constexpr absl::Duration kFine = absl::Seconds(30);   // Each sample is kept for so long,
constexpr absl::Duration kCoarse = absl::Seconds(5);  // older ones this far apart.
constexpr absl::Duration kRateOver = absl::Seconds(10);
constexpr absl::Duration kRateFrom = absl::Seconds(2);

}  // namespace

void ReplicaLag::ObserveServer(absl::Time now, std::int64_t position) {
  // A position that did not move has an age from its first mark on.
  if (!server_.empty() && position <= server_.back().position) return;
  server_.push_back({now, position});
  while (now - server_.front().at > kRemembered) server_.pop_front();
  // Of what leaves the fine part only some marks stay.
  const auto fine = std::find_if(server_.begin(), server_.end(),
                                 [&](const Mark& mark) { return now - mark.at <= kFine; });
  const auto index = fine - server_.begin();
  if (index >= 3 &&
      (server_.begin() + index - 1)->at - (server_.begin() + index - 3)->at < kCoarse) {
    server_.erase(server_.begin() + index - 2);
  }
}

// The first mark beyond the replica's position was written at that time or before: what it says is
// too young by at most the distance of two samples.
absl::Duration ReplicaLag::Age(absl::Time now, std::int64_t replayed) const {
  const auto beyond = std::find_if(server_.begin(), server_.end(), [replayed](const Mark& mark) {
    return mark.position > replayed;
  });
  return beyond == server_.end() ? absl::ZeroDuration() : now - beyond->at;
}

ReplicaLag::State ReplicaLag::ObserveReplica(absl::Time now, const std::string& name,
                                             std::int64_t replayed) {
  Replica& replica = replicas_[name];
  std::deque<Mark>& behind = replica.behind;
  const std::int64_t bytes = server_.empty() ? 0 : server_.back().position - replayed;
  if (bytes <= 0 || replayed != replica.moved.position) replica.moved = {now, replayed};
  if (bytes <= 0) {
    behind.clear();
    return {};
  }
  behind.push_back({now, replayed});
  while (now - behind.front().at > kRateOver) behind.pop_front();
  State state{Age(now, replayed), now - replica.moved.at};
  const absl::Duration over = now - behind.front().at;
  const std::int64_t applied = replayed - behind.front().position;
  if (over >= kRateFrom && applied > 0) {
    const double times = static_cast<double>(bytes) / static_cast<double>(applied);
    state.lag = std::max(state.lag, over * times);
  }
  return state;
}

}  // namespace throttle
