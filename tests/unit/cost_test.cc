#include "throttle/cost.h"

#include "gtest/gtest.h"

namespace throttle {
namespace {

// A server on which a commit takes 4 ms, divided by what others and we leave of it.
absl::Duration Commit(double others, double workers, double worker_takes = 0.1) {
  return absl::Milliseconds(4) / (1 - others - worker_takes * workers);
}

class CostTest : public testing::Test {
 protected:
  // So many workers work for 30 s.
  void Work(double workers) {
    for (int i = 0; i < 120; ++i) {
      cost_.Worked(workers * absl::Milliseconds(250));
      cost_.Tick(absl::Milliseconds(250));
    }
  }

  void Breathe(double others, double workers) {
    Work(workers);
    cost_.BreathBegins(Commit(others, workers));
    cost_.Learn(Commit(others, 0), 0.04);
  }

  Cost cost_;
};

TEST_F(CostTest, TellsNothingBeforeABreath) {
  Work(2);
  EXPECT_FALSE(cost_.known());
  EXPECT_EQ(cost_.Nearest(absl::Milliseconds(1), absl::Milliseconds(9)), absl::Milliseconds(1));
}

TEST_F(CostTest, TellsHowFastCommitsWouldBeWhenOthersChangeTheirLoad) {
  for (int i = 0; i < 5; ++i) Breathe(0.25, 2);
  ASSERT_TRUE(cost_.known());
  for (const double others : {0.1, 0.4, 0.6}) {
    const absl::Duration alone = Commit(others, 0);
    const absl::Duration told = cost_.Nearest(Commit(0.25, 0), Commit(others, 2));
    EXPECT_NEAR(absl::FDivDuration(told, alone), 1, 0.15) << others;
  }
  EXPECT_NEAR(absl::FDivDuration(cost_.Nearest(Commit(0.25, 0), Commit(0.25, 2)), Commit(0.25, 0)),
              1, 1e-6)
      << "what was heard stands while it can be true";
}

TEST_F(CostTest, IsSurerWithEachBreath) {
  Breathe(0.25, 2);
  const absl::Duration first = cost_.Nearest(Commit(0.25, 0), Commit(0.6, 2));
  for (int i = 0; i < 5; ++i) Breathe(0.25, 2);
  const absl::Duration later = cost_.Nearest(Commit(0.25, 0), Commit(0.6, 2));
  EXPECT_GT(later, first);
  EXPECT_LT(later, Commit(0.6, 0));
}

TEST_F(CostTest, ABreathThatTellsLittleCountsLittle) {
  for (int i = 0; i < 5; ++i) Breathe(0.25, 2);
  const absl::Duration before = cost_.Nearest(Commit(0.25, 0), Commit(0.6, 2));
  Work(0.1);
  cost_.BreathBegins(Commit(0.25, 0.1));
  cost_.Learn(Commit(0.3, 0), 0.04);  // as if we made it faster
  Work(2);
  const absl::Duration after = cost_.Nearest(Commit(0.25, 0), Commit(0.6, 2));
  EXPECT_NEAR(absl::FDivDuration(after, before), 1, 0.05);
}

TEST_F(CostTest, ForgetsWhenItIsAnotherServer) {
  for (int i = 0; i < 5; ++i) Breathe(0.25, 2);
  cost_.Forget();
  EXPECT_FALSE(cost_.known());
  EXPECT_EQ(cost_.Nearest(absl::Milliseconds(1), absl::Milliseconds(9)), absl::Milliseconds(1));
}

TEST_F(CostTest, LearnsNothingFromABreathThatIsSpoilt) {
  Work(2);
  cost_.BreathBegins(Commit(0.25, 2));
  cost_.BreathIsSpoilt();
  cost_.Learn(Commit(0.25, 0), 0.01);
  EXPECT_FALSE(cost_.known());
}

}  // namespace
}  // namespace throttle
