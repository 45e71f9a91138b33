#include "throttle/transaction_time.h"

#include "gtest/gtest.h"

namespace throttle {
namespace {

// The server counts 1,000 transactions of others a second, of 2 ms each, when it is said to.
class TransactionTimeTest : public ::testing::Test {
 protected:
  void Others(double transactions, absl::Duration each) {
    all_.transactions += static_cast<std::int64_t>(transactions);
    all_.active += transactions * each;
  }
  void Ours(std::int64_t transactions, absl::Duration each) {
    for (Usage* usage : {&all_, &ours_}) {
      usage->transactions += transactions;
      usage->active += transactions * each;
    }
  }
  std::optional<absl::Duration> After(double seconds) {
    now_ += absl::Seconds(seconds);
    const std::optional<TransactionLook> look = time_.Observe(now_, all_, ours_);
    if (look) at_ = look->at;
    return look ? std::optional<absl::Duration>(look->mean) : std::nullopt;
  }

  // All but the last of the looks that it takes to say anything.
  void Begin(absl::Duration each = absl::Milliseconds(2)) {
    EXPECT_FALSE(After(0));
    for (int look = 0; look < 2; ++look) {
      Others(1000, each);
      EXPECT_FALSE(After(1)) << look;
    }
  }

  TransactionTime time_;
  Usage all_;
  Usage ours_;
  absl::Time now_ = absl::UnixEpoch();
  absl::Time at_ = absl::InfinitePast();
};

TEST_F(TransactionTimeTest, IsOfTheOthersAlone) {
  Begin();
  Others(1000, absl::Milliseconds(2));
  Ours(10, absl::Milliseconds(100));
  EXPECT_EQ(After(1), absl::Milliseconds(2));
  EXPECT_EQ(at_, now_);
}

TEST_F(TransactionTimeTest, MayBeCountedOnceASecond) {
  Begin();
  for (int i = 0; i < 5; ++i) {
    Others(1000, absl::Milliseconds(2));
    Ours(5, absl::Milliseconds(100));
    EXPECT_FALSE(After(0.5).has_value() && i == 0) << "half a second may have none of it";
    const absl::Time before = at_;
    // What ours have just done, the server has not counted yet.
    ours_.active += absl::Milliseconds(50);
    const std::optional<absl::Duration> time = After(0.5);
    all_.active += absl::Milliseconds(50);
    ASSERT_TRUE(time);
    EXPECT_GT(*time, absl::Milliseconds(1.9));
    EXPECT_LT(*time, absl::Milliseconds(2.1));
    EXPECT_GE(at_, before);
  }
}

TEST_F(TransactionTimeTest, WhatOursHaveJustDoneMakesNobodyElseFast) {
  EXPECT_FALSE(After(0));
  Others(1000, absl::Milliseconds(2));
  ours_.active += absl::Seconds(1.5);  // not counted by the server yet
  EXPECT_FALSE(After(1));
  all_.active += absl::Seconds(1.5);
  Others(1000, absl::Milliseconds(2));
  EXPECT_FALSE(After(1));
  Others(1000, absl::Milliseconds(2));
  EXPECT_EQ(After(1), absl::Milliseconds(2));
}

TEST_F(TransactionTimeTest, IsNeverNegative) {
  Begin(absl::Milliseconds(1));
  Others(100, absl::Milliseconds(1));
  ours_.active += absl::Seconds(1);  // not counted by the server yet
  EXPECT_FALSE(After(1));
  all_.active += absl::Seconds(1);
  Others(100, absl::Milliseconds(1));
  EXPECT_EQ(After(1), absl::Milliseconds(1));
}

TEST_F(TransactionTimeTest, AReportThatEndsIsNotSeen) {
  Begin();
  for (int second = 0; second < 10; ++second) {
    Others(1000, absl::Milliseconds(2));
    if (second == 5) Others(1, absl::Minutes(1));
    EXPECT_EQ(After(1), absl::Milliseconds(2)) << second;
  }
}

TEST_F(TransactionTimeTest, WhatLastsIsSeenInTheSecondLook) {
  EXPECT_FALSE(After(0));
  for (int second = 0; second < 3; ++second) {
    Others(1000, absl::Milliseconds(2));
    After(1);
  }
  Others(1000, absl::Milliseconds(6));
  EXPECT_EQ(After(1), absl::Milliseconds(2));
  Others(1000, absl::Milliseconds(6));
  EXPECT_EQ(After(1), absl::Milliseconds(6));
}

TEST_F(TransactionTimeTest, AFewTransactionsSayNothing) {
  EXPECT_FALSE(After(0));
  for (int second = 0; second < 10; ++second) {
    Others(15, absl::Milliseconds(2));
    EXPECT_FALSE(After(1)) << second;
  }
  for (int second = 0; second < 3; ++second) {
    Others(1000, absl::Milliseconds(2));
    After(1);
  }
  ASSERT_TRUE(After(1)) << "what was seen stands for a while";
  EXPECT_TRUE(After(1));
  EXPECT_FALSE(After(2)) << "but not for ever";
}

TEST_F(TransactionTimeTest, BeginsAnewWhenTheCountersAreReset) {
  Begin();
  Others(1000, absl::Milliseconds(2));
  EXPECT_TRUE(After(1));
  all_ = {absl::Milliseconds(10), 5};
  for (int look = 0; look < 3; ++look) {
    EXPECT_FALSE(After(1)) << look;
    Others(1000, absl::Milliseconds(3));
  }
  EXPECT_EQ(After(1), absl::Milliseconds(3));
}

}  // namespace
}  // namespace throttle
