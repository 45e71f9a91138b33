#include "restructure/stopper.h"

#include <algorithm>

#include "catalog/steering.h"

namespace restructure {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(50);  // between two cancels
constexpr absl::Duration kLongStop = absl::Seconds(2);        // from here on seldom
constexpr absl::Duration kLongInterval = absl::Milliseconds(500);
constexpr absl::Duration kGrace = absl::Milliseconds(150);  // for batches that are short
constexpr absl::Duration kShort = absl::Milliseconds(250);  // A batch of this age is long.
constexpr absl::Duration kPatienceMin = absl::Seconds(2);
constexpr absl::Duration kPatienceMax = absl::Seconds(60);
constexpr absl::Duration kForgive = absl::Seconds(60);  // without a cancel: patience starts anew

}  // namespace

absl::Duration StopClock::CancelFrom(Stop stop, absl::Time now) {
  if (stop != stop_) {
    stop_ = stop;
    since_ = now;
    last_cancel_ = absl::InfinitePast();
    if (stop == Stop::kLimit) {
      const bool again = now - last_limit_ <= kForgive;
      patience_ =
          again ? std::clamp(2 * patience_, kPatienceMin, kPatienceMax) : absl::ZeroDuration();
    }
  }
  if (stop == Stop::kNone) return absl::InfiniteDuration();
  absl::Duration elapsed = now - since_;
  const absl::Duration interval = elapsed < kLongStop ? kInterval : kLongInterval;
  if (now - last_cancel_ < interval) return absl::InfiniteDuration();
  if (stop == Stop::kLimit) elapsed -= patience_;
  if (elapsed < absl::ZeroDuration()) return absl::InfiniteDuration();
  const bool first = last_cancel_ == absl::InfinitePast();
  last_cancel_ = now;
  // Later than at first, only what does not end by itself: the job itself looks around meanwhile.
  if (stop == Stop::kAtOnce) return first ? absl::ZeroDuration() : kInterval;
  return elapsed < kGrace ? kShort : absl::ZeroDuration();
}

void StopClock::Cancelled(absl::Time now) {
  if (stop_ == Stop::kLimit) last_limit_ = now;
}

StopClock::Stop Stopper::Wanted(absl::Time now) const {
  if (absl::IsCancelled(job_.control->Check())) return StopClock::Stop::kAtOnce;
  const catalog::Hold hold = job_.control->hold();
  if (hold == catalog::Hold::kPanic) return StopClock::Stop::kAtOnce;
  if (hold == catalog::Hold::kPause) return StopClock::Stop::kPause;
  return job_.pacer->Next(0, now).must_stop ? StopClock::Stop::kLimit : StopClock::Stop::kNone;
}

absl::Status Stopper::Enforce(catalog::Session& session, absl::Time now) {
  const StopClock::Stop stop = Wanted(now);
  const absl::Duration age = clock_.CancelFrom(stop, now);
  if (age == absl::InfiniteDuration()) return absl::OkStatus();
  if (stop == StopClock::Stop::kAtOnce) {
    if (job_.control->hold() == catalog::Hold::kPanic) job_.control->NotePanic();
    return catalog::CancelStatements(session, job_.id(), age);
  }
  if (job_.progress->workers_busy() == 0) return absl::OkStatus();
  absl::StatusOr<int> cancelled = catalog::CancelBatches(session, job_.id(), age);
  if (cancelled.ok() && *cancelled > 0) clock_.Cancelled(now);
  return cancelled.status();
}

}  // namespace restructure
