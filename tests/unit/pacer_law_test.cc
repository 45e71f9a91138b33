// The pacer by what commits and the transactions of others take.

#include <algorithm>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/unit/pacer_fixture.h"
#include "throttle/pacer.h"

namespace throttle {
namespace {

// Samples of a server whose commits take so long, each 250 ms; 4 ms if it is let alone.
class PacedByCommitsTest : public PacerTest {
 protected:
  void Commits(int samples, absl::Duration canary) {
    for (int i = 0; i < samples; ++i) {
      Load load = IdleLoad(now_ += absl::Milliseconds(250));
      load.canary = Next(0).may_run ? canary : std::min(canary, absl::Milliseconds(4));
      pacer_.Observe(load);
    }
  }
  Decision Next(int worker) { return pacer_.Next(worker, At(now_)); }

  absl::Duration now_;
};

TEST_F(PacedByCommitsTest, NobodyRunsWhileItLearns) {
  Commits(7, absl::Milliseconds(4));
  EXPECT_FALSE(Next(0).may_run);
  EXPECT_FALSE(Next(0).forbidden) << "no limit is passed";
  EXPECT_NE(Next(0).reason, "");
  Commits(1, absl::Milliseconds(4));
  EXPECT_TRUE(Next(0).may_run);
  EXPECT_FALSE(Next(1).may_run) << "it begins with one worker";
}

TEST_F(PacedByCommitsTest, AllRunOnAServerThatFeelsNothing) {
  Commits(90, absl::Milliseconds(4));
  for (int worker = 0; worker < 4; ++worker) {
    EXPECT_TRUE(Next(worker).may_run) << worker;
    EXPECT_EQ(Next(worker).pause, absl::ZeroDuration());
    EXPECT_EQ(Next(worker).reason, "");
  }
}

TEST_F(PacedByCommitsTest, AShareOfTheTimeIsAPauseBeforeTheBatch) {
  Commits(60, absl::Milliseconds(4));
  for (int i = 0; i < 50; ++i) pacer_.BatchDone(2000, absl::Milliseconds(100));
  Commits(25, absl::Milliseconds(12));  // Over the limit of 8 ms, but no panic.
  const Decision decision = Next(0);
  EXPECT_TRUE(decision.may_run);
  EXPECT_FALSE(Next(3).may_run);
  EXPECT_EQ(decision.reason.rfind("commits take 12ms, the limit is 8ms: ", 0), 0U)
      << decision.reason;
  Commits(60, absl::Milliseconds(12));
  EXPECT_GT(Next(0).pause, absl::Milliseconds(100)) << "less than half of one worker's time";
}

TEST_F(PacedByCommitsTest, TheSmallerOfWhatCommitsAndSignalsAllowCounts) {
  Commits(60, absl::Milliseconds(4));
  Load load = IdleLoad(now_ += absl::Milliseconds(250));
  load.canary = absl::Milliseconds(4);
  load.requested_checkpoints = 2;
  pacer_.Observe(load);
  EXPECT_EQ(Next(1).pause, absl::ZeroDuration());
  EXPECT_FALSE(Next(2).may_run) << "half of four";
  EXPECT_EQ(Next(0).reason, "2 requested checkpoints in 10 minutes >= 2: 2 of 4 workers");
  EXPECT_EQ(pacer_.pace().allowance, 2);
  Commits(25, absl::Milliseconds(12));
  load.taken_at = At(now_ += absl::Milliseconds(1));
  load.canary = absl::Milliseconds(12);
  pacer_.Observe(load);
  EXPECT_EQ(Next(0).reason.rfind("commits take", 0), 0U) << Next(0).reason;
}

// A server whose commits feel nothing, and whose other transactions take so long while we run, and
// 200 us while we do not; looked at each second.
class PacedByTransactionsTest : public PacerTest {
 protected:
  void Transactions(int seconds, absl::Duration with_us, int jobs = 1) {
    for (int i = 0; i < 4 * seconds; ++i) {
      Load load = IdleLoad(now_ += absl::Milliseconds(250));
      const bool runs = pacer_.Next(0, At(now_)).may_run;
      load.canary = absl::Milliseconds(4);
      load.workers_busy = runs ? static_cast<int>(pacer_.pace().allowance + 0.99) : 0;
      load.jobs = jobs;
      const absl::Duration look = absl::Floor(now_, look_every_);
      if (there_are_some_) {
        load.transaction = TransactionLook{At(look), runs ? with_us : absl::Microseconds(200)};
      }
      pacer_.Observe(load);
    }
  }
  double Allowance() const { return pacer_.pace().allowance; }

  bool there_are_some_ = true;
  absl::Duration look_every_ = absl::Seconds(1);

  absl::Duration now_ = absl::Seconds(1);
};

TEST_F(PacedByTransactionsTest, NobodyRunsBeforeTheyAreLearnt) {
  look_every_ = absl::Seconds(4);
  Transactions(2, absl::Microseconds(200));
  EXPECT_FALSE(pacer_.Next(0, At(now_)).may_run) << "commits are known, of them there was one look";
  EXPECT_EQ(pacer_.Next(0, At(now_)).reason, "learns how fast the server is without us");
  Transactions(2, absl::Microseconds(200));
  EXPECT_TRUE(pacer_.Next(0, At(now_)).may_run);
}

TEST_F(PacedByTransactionsTest, TheyAreLearntWhenThereWasNoQuietTimeForTenSeconds) {
  there_are_some_ = false;
  Transactions(5, absl::Microseconds(300));
  there_are_some_ = true;
  Transactions(8, absl::Microseconds(300));
  EXPECT_TRUE(pacer_.Next(0, At(now_)).may_run) << "a short job is not held up";
  EXPECT_FALSE(pacer_.listens());
  Transactions(5, absl::Microseconds(300));
  EXPECT_FALSE(pacer_.Next(0, At(now_)).may_run);
  EXPECT_EQ(pacer_.Next(0, At(now_)).reason, "learns how fast the server is without us");
  EXPECT_TRUE(pacer_.listens());
  Transactions(6, absl::Microseconds(300));
  EXPECT_TRUE(pacer_.Next(0, At(now_)).may_run);
}

TEST_F(PacedByTransactionsTest, ThePaceFallsWhenTheyTakeLongerThoughCommitsDoNot) {
  Transactions(30, absl::Microseconds(200));
  EXPECT_EQ(Allowance(), 4);
  bool said = false;
  for (int i = 0; i < 60; ++i) {  // With breaths, to see whether it is our doing.
    Transactions(1, absl::Microseconds(300));
    const std::string expected = "transactions of others take 300us, the limit is 230us: ";
    said = said || (pacer_.pace().pressure > 1 && pacer_.pace().reason.rfind(expected, 0) == 0);
  }
  EXPECT_TRUE(said);
  EXPECT_LT(Allowance(), 0.5);
}

TEST_F(PacedByTransactionsTest, NotWhenOtherJobsAreAmongThem) {
  Transactions(30, absl::Microseconds(200), 2);
  Transactions(10, absl::Microseconds(300), 2);
  EXPECT_EQ(Allowance(), 2) << pacer_.pace().reason;
}

TEST_F(PacedByTransactionsTest, NotWhenATimeIsSaidThatCommitsMayTake) {
  Limits limits;
  limits.commit_max = absl::Milliseconds(12);
  pacer_.SetLimits(limits);
  Transactions(30, absl::Microseconds(200));
  Transactions(10, absl::Microseconds(300));
  EXPECT_EQ(Allowance(), 4) << pacer_.pace().reason;
}

TEST_F(PacedByTransactionsTest, BothListenInTheSameBreath) {
  Transactions(30, absl::Microseconds(200));
  int quiet = 0, pauses = 0;
  bool was_quiet = false;
  for (int i = 0; i < 120; ++i) {
    Transactions(1, absl::Microseconds(200));
    const bool is_quiet = pacer_.listens();
    if (is_quiet && !was_quiet) ++pauses;
    quiet += is_quiet ? 1 : 0;
    was_quiet = is_quiet;
  }
  EXPECT_GE(pauses, 1);
  EXPECT_LE(pauses, 3);
  EXPECT_LE(quiet, 6 * pauses);
}

TEST_F(PacedByCommitsTest, ImpactSaysHowMuchSlowerCommitsMayGet) {
  Limits limits;
  limits.impact = 2;
  pacer_.SetLimits(limits);
  Commits(60, absl::Milliseconds(4));
  Commits(40, absl::Milliseconds(12));  // Over 8 ms, but under 4 + 4 x 4 ms.
  EXPECT_TRUE(Next(3).may_run) << Next(3).reason;
  limits.commit_max = absl::Milliseconds(9);
  pacer_.SetLimits(limits);
  Commits(15, absl::Milliseconds(12));
  EXPECT_FALSE(Next(3).may_run);
  EXPECT_NE(Next(0).reason.find("commits take 12ms, the limit is 9ms"), std::string::npos)
      << Next(0).reason;
}

TEST(ImpactTest, TheLimitIsByShareWithAFloorOrByTime) {
  const absl::Duration none = absl::ZeroDuration();
  const auto ms = [](double count) { return absl::Milliseconds(count); };
  EXPECT_EQ(Controller::SoftLimit(ms(6), 0.5, none), ms(11));
  EXPECT_EQ(Controller::SoftLimit(ms(1), 0.5, none), ms(2))
      << "5 ms more would be six times as slow";
  EXPECT_EQ(Controller::SoftLimit(ms(0.1), 0.5, none), ms(0.6)) << "nobody feels that";
  EXPECT_EQ(Controller::SoftLimit(ms(1), 0.25, none), ms(1.5));
  EXPECT_EQ(Controller::SoftLimit(ms(40), 0.5, none), ms(60));
  EXPECT_EQ(Controller::SoftLimit(ms(6), 0.1, none), ms(7));
  EXPECT_EQ(Controller::SoftLimit(ms(4), 0.5, ms(12)), ms(12));
  EXPECT_EQ(Controller::SoftLimit(ms(20), 0.5, ms(12)), ms(21)) << "12 ms cannot be kept";
}

TEST_F(PacedByCommitsTest, AnOldSampleHalvesThePace) {
  Commits(90, absl::Milliseconds(4));
  now_ += absl::Seconds(3);
  EXPECT_TRUE(Next(3).may_run);
  now_ += absl::Milliseconds(1);
  EXPECT_TRUE(Next(1).may_run);
  EXPECT_FALSE(Next(2).may_run);
}

TEST_F(PacedByCommitsTest, BelowOneWorkerBatchesAreShort) {
  Commits(60, absl::Milliseconds(4));
  EXPECT_EQ(pacer_.rows_per_batch(), 2000);
  Commits(60, absl::Milliseconds(12));
  for (int i = 0; i < 10; ++i) pacer_.BatchDone(pacer_.rows_per_batch(), absl::Milliseconds(100));
  EXPECT_LT(pacer_.rows_per_batch(), 1000) << "100 ms are the target, but not of a share";
}

TEST_F(PacedByCommitsTest, UnlimitedDoesNotHeedThem) {
  Pacer pacer(Limits::Unlimited(), BatchSize::Options(), 4);
  Load load = IdleLoad();
  load.canary = absl::Seconds(1);
  pacer.Observe(load);
  EXPECT_TRUE(pacer.Next(3, At(absl::Seconds(1))).may_run);
}

}  // namespace
}  // namespace throttle
