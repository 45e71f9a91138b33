#include "throttle/knee.h"

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

namespace throttle {
namespace {

constexpr absl::Duration kKneeTick = absl::Milliseconds(250);

// Each worker writes as fast as the others, up to a number of workers; beyond it none brings more.
class KneeTest : public testing::Test {
 protected:
  // Until `to` seconds.
  void Run(Knee& knee, double useful, double to, double allowed = 100) {
    while (now_ < absl::UnixEpoch() + absl::Seconds(to)) {
      const double running = std::min<double>(knee.workers(), allowed);
      knee.BatchDone(static_cast<std::int64_t>(1000 * std::min(running, useful)));
      knee.Observe(now_ += kKneeTick, allowed);
    }
  }
  absl::Time now_ = absl::UnixEpoch();
};

TEST_F(KneeTest, KeepsWorkersThatAreWorthIt) {
  for (const int workers : {1, 2, 4, 16, 64}) {
    now_ = absl::UnixEpoch();
    Knee knee(workers);
    Run(knee, 100, 250);
    EXPECT_EQ(knee.workers(), workers);
    EXPECT_EQ(knee.reason(), "");
  }
}

TEST_F(KneeTest, SendsWorkersBackThatBringNothing) {
  Knee knee(6);
  Run(knee, 3, 120);
  EXPECT_EQ(knee.workers(), 3);
  EXPECT_EQ(knee.reason(), "worker 4 brought 0% more rows/s, less than 10%: 3 of 6 workers");
}

TEST_F(KneeTest, DoesNotTryAgainForFiveMinutes) {
  Knee knee(4);
  Run(knee, 2, 80);
  ASSERT_EQ(knee.workers(), 2);
  int most = 0;
  for (int to = 81; to < 320; ++to) {
    Run(knee, 2, to);
    most = std::max(most, knee.workers());
  }
  EXPECT_EQ(most, 2);
  // Then the third is worth it, and later the fourth.
  Run(knee, 4, 420);
  EXPECT_EQ(knee.workers(), 3);
  Run(knee, 4, 900);
  EXPECT_EQ(knee.workers(), 4);
}

TEST_F(KneeTest, TellsNothingWhileTheServerBearsLess) {
  Knee knee(4);
  for (int to = 10; to < 200; to += 10) {
    Run(knee, 1, to);         // 10 s are too short for a look,
    Run(knee, 1, to + 1, 0);  // and here is a breath.
  }
  EXPECT_EQ(knee.workers(), 4);
}

TEST_F(KneeTest, IsNotMisledByRowsOfAnotherKind) {
  Knee knee(4);
  Run(knee, 4, 24);  // The fourth stands back now, and rows get twice as fast.
  ASSERT_EQ(knee.workers(), 3);
  while (now_ < absl::UnixEpoch() + absl::Seconds(100)) {
    knee.BatchDone(2000 * knee.workers());
    knee.Observe(now_ += kKneeTick, 4);
  }
  EXPECT_EQ(knee.workers(), 4);
}

TEST_F(KneeTest, BeginsAnewWithOtherWorkers) {
  Knee knee(4);
  Run(knee, 2, 80);
  ASSERT_EQ(knee.workers(), 2);
  knee.SetWorkersMax(8);
  EXPECT_EQ(knee.workers(), 8);
  EXPECT_EQ(knee.reason(), "");
}

}  // namespace
}  // namespace throttle
