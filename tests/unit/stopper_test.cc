#include "restructure/stopper.h"

#include "gtest/gtest.h"

namespace restructure {
namespace {

using Stop = StopClock::Stop;

constexpr absl::Duration kNothing = absl::InfiniteDuration();

absl::Time At(int milliseconds) {
  return absl::FromUnixSeconds(1792504800) + absl::Milliseconds(milliseconds);
}

TEST(StopClockTest, WithoutAStopNothingIsCancelled) {
  StopClock clock;
  EXPECT_EQ(clock.CancelFrom(Stop::kNone, At(0)), kNothing);
  EXPECT_EQ(clock.CancelFrom(Stop::kNone, At(5000)), kNothing);
}

TEST(StopClockTest, APauseEndsLongBatchesAtOnceAndShortOnesSoon) {
  StopClock clock;
  EXPECT_EQ(clock.CancelFrom(Stop::kPause, At(0)), absl::Milliseconds(250));
  EXPECT_EQ(clock.CancelFrom(Stop::kPause, At(20)), kNothing) << "not so often";
  EXPECT_EQ(clock.CancelFrom(Stop::kPause, At(60)), absl::Milliseconds(250));
  EXPECT_EQ(clock.CancelFrom(Stop::kPause, At(150)), absl::ZeroDuration());
}

TEST(StopClockTest, APanicEndsEverythingAtOnce) {
  StopClock clock;
  EXPECT_EQ(clock.CancelFrom(Stop::kAtOnce, At(0)), absl::ZeroDuration());
  EXPECT_EQ(clock.CancelFrom(Stop::kAtOnce, At(50)), absl::Milliseconds(50));
  EXPECT_EQ(clock.CancelFrom(Stop::kAtOnce, At(3000)), absl::Milliseconds(50));
  EXPECT_EQ(clock.CancelFrom(Stop::kAtOnce, At(3300)), kNothing) << "a long stop is watched less";
}

TEST(StopClockTest, APauseThatBecomesAPanicBeginsAnew) {
  StopClock clock;
  EXPECT_EQ(clock.CancelFrom(Stop::kPause, At(0)), absl::Milliseconds(250));
  EXPECT_EQ(clock.CancelFrom(Stop::kAtOnce, At(10)), absl::ZeroDuration());
}

// What is cancelled when a limit is passed from `at` on.
absl::Duration UntilCancelled(StopClock& clock, int at) {
  EXPECT_EQ(clock.CancelFrom(Stop::kNone, At(at - 1)), kNothing);
  for (int wait = 0; wait < 120000; wait += 50) {
    if (clock.CancelFrom(Stop::kLimit, At(at + wait)) == kNothing) continue;
    clock.Cancelled(At(at + wait));
    return absl::Milliseconds(wait);
  }
  return kNothing;
}

TEST(StopClockTest, ALimitThatIsPassedAgainAndAgainLetsBatchesTakeLonger) {
  StopClock clock;
  EXPECT_EQ(UntilCancelled(clock, 0), absl::ZeroDuration());
  EXPECT_EQ(UntilCancelled(clock, 10000), absl::Seconds(2));
  EXPECT_EQ(UntilCancelled(clock, 20000), absl::Seconds(4));
  EXPECT_EQ(UntilCancelled(clock, 30000), absl::Seconds(8));
  EXPECT_EQ(UntilCancelled(clock, 130000), absl::ZeroDuration()) << "after a quiet minute";
}

TEST(StopClockTest, AStopThatFoundNothingToCancelCostsNoPatience) {
  StopClock clock;
  EXPECT_EQ(clock.CancelFrom(Stop::kLimit, At(0)), absl::Milliseconds(250));
  EXPECT_EQ(UntilCancelled(clock, 1000), absl::ZeroDuration());
}

}  // namespace
}  // namespace restructure
