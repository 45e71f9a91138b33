#include "throttle/decisions.h"

#include "gtest/gtest.h"

namespace throttle {
namespace {

TEST(ReasonNameTest, IsTheReasonWithoutItsFigures) {
  EXPECT_EQ(ReasonName(""), "full speed");
  EXPECT_EQ(ReasonName("replica lag 12s >= 5s"), "replica lag");
  EXPECT_EQ(ReasonName("replica lag 3s >= 2.5s: 1.2 of 4 workers"), "replica lag");
  EXPECT_EQ(ReasonName("commits take 18ms, the limit is 12ms: 0.7 of 4 workers"), "commits");
  EXPECT_EQ(ReasonName("1.3 of 4 workers, rising: commits take 5ms, the limit is 12ms"), "commits");
  EXPECT_EQ(ReasonName("commits take 18ms, the limit is 12ms: all workers wait"), "commits");
  EXPECT_EQ(ReasonName("3 sessions wait for our locks, the longest 80ms >= 50ms"),
            "sessions wait for our locks");
  EXPECT_EQ(ReasonName("a breath: how fast the server is without us"), "a breath");
  EXPECT_EQ(ReasonName("learns how fast the server is without us"),
            "learns how fast the server is without us");
  EXPECT_EQ(ReasonName("outside the window, opens Sat 14:00 UTC in 4h28m"), "outside the window");
  EXPECT_EQ(ReasonName("worker 4 brought 0% more rows/s, less than 10%: 3 of 6 workers"),
            "the knee");
  EXPECT_EQ(ReasonName("2 jobs on this server: 2 of 4 workers"), "jobs on this server");
  EXPECT_EQ(ReasonName("pause requested by the operator"), "pause requested by the operator");
}

TraceRow Row(double seconds, const std::string& reason, double workers) {
  TraceRow row;
  row.time = absl::FromUnixSeconds(1792504800) + absl::Seconds(seconds);
  row.reason = reason;
  row.effective_workers = workers;
  row.workers = static_cast<int>(workers + 0.999);
  return row;
}

TEST(DecisionFilterTest, TheFirstIsWorthAndTheSameAgainAfterTenSeconds) {
  DecisionFilter filter;
  EXPECT_TRUE(filter.IsWorth(Row(0, "", 4)));
  for (double seconds = 0.25; seconds < 10; seconds += 0.25) {
    EXPECT_FALSE(filter.IsWorth(Row(seconds, "", 4))) << seconds;
  }
  EXPECT_TRUE(filter.IsWorth(Row(10, "", 4)));
  EXPECT_FALSE(filter.IsWorth(Row(12, "", 4)));
}

TEST(DecisionFilterTest, AnotherReasonIsWorthAndOtherFiguresAreNot) {
  DecisionFilter filter;
  EXPECT_TRUE(filter.IsWorth(Row(0, "replica lag 12s >= 5s", 0)));
  EXPECT_FALSE(filter.IsWorth(Row(2, "replica lag 13s >= 5s", 0)));
  EXPECT_TRUE(filter.IsWorth(Row(3, "12 active sessions >= 10", 0)));
}

TEST(DecisionFilterTest, ANoticeableChangeOfTheAllowanceIsWorth) {
  DecisionFilter filter;
  EXPECT_TRUE(filter.IsWorth(Row(0, "commits take 9ms", 3.1)));
  EXPECT_FALSE(filter.IsWorth(Row(2, "commits take 9ms", 3.6)));
  EXPECT_TRUE(filter.IsWorth(Row(3, "commits take 9ms", 3.95)));
  EXPECT_TRUE(filter.IsWorth(Row(5, "commits take 9ms", 2.9)));
}

TEST(DecisionFilterTest, OneASecondAtMostAndTheLastStateIsNotMissed) {
  DecisionFilter filter;
  EXPECT_TRUE(filter.IsWorth(Row(0, "", 4)));
  EXPECT_FALSE(filter.IsWorth(Row(0.25, "replica lag 12s >= 5s", 0)));
  EXPECT_TRUE(filter.IsWorth(Row(1, "replica lag 12s >= 5s", 0)));
}

}  // namespace
}  // namespace throttle
