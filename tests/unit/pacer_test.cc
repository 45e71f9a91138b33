#include "throttle/pacer.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/unit/pacer_fixture.h"

namespace throttle {
namespace {

TEST_F(PacerTest, NobodyRunsBeforeTheFirstSample) {
  const Decision decision = pacer_.Next(0, At(absl::ZeroDuration()));
  EXPECT_FALSE(decision.may_run);
  EXPECT_EQ(decision.rows, 0);
  EXPECT_EQ(decision.pause, absl::Milliseconds(250));
  EXPECT_EQ(decision.reason, "no load sample yet");
}

TEST_F(PacerTest, RunsAtOnceOnAnIdleServer) {
  pacer_.Observe(IdleLoad());
  const Decision decision = pacer_.Next(3, At(absl::Seconds(1)));
  EXPECT_TRUE(decision.may_run);
  EXPECT_EQ(decision.rows, 2000);
  EXPECT_EQ(decision.pause, absl::ZeroDuration());
  EXPECT_EQ(decision.reason, "");
}

TEST_F(PacerTest, PausesOnAStaleSample) {
  pacer_.Observe(IdleLoad());
  EXPECT_TRUE(pacer_.Next(0, At(absl::Seconds(10))).may_run);
  EXPECT_EQ(pacer_.Next(0, At(absl::Seconds(12))).reason, "load sample is 12s old, limit 10s");
}

// The job's own part of a sample goes on while the server does not answer.
TEST_F(PacerTest, WhatTheServerSaidGrowsOldAlthoughTheCanaryLives) {
  Load load = IdleLoad(absl::Seconds(12));
  load.answered_at = At(absl::Seconds(2));
  pacer_.Observe(load);
  EXPECT_TRUE(pacer_.Next(0, At(absl::Seconds(12))).may_run);
  EXPECT_EQ(pacer_.Next(0, At(absl::Seconds(13))).reason, "load sample is 11s old, limit 10s");
  load.taken_at = At(absl::Seconds(14));
  load.answered_at = At(absl::Seconds(14));
  pacer_.Observe(load);
  EXPECT_TRUE(pacer_.Next(0, At(absl::Seconds(14))).may_run);
}

TEST_F(PacerTest, AWaitThatWasSeenOnceShrinksTheBatchOnce) {
  Load load = WaitingLoad(absl::Seconds(1));
  load.answered_at = load.taken_at;
  pacer_.Observe(load);
  const std::int64_t rows = pacer_.rows_per_batch();
  EXPECT_LT(rows, 2000);
  load.taken_at = At(absl::Seconds(1.25));
  pacer_.Observe(load);
  EXPECT_EQ(pacer_.rows_per_batch(), rows);
}

TEST_F(PacerTest, IgnoresASampleOlderThanTheLatest) {
  pacer_.Observe(IdleLoad(absl::Seconds(5)));
  pacer_.Observe(WaitingLoad(absl::Seconds(4)));
  EXPECT_TRUE(pacer_.Next(0, At(absl::Seconds(5))).may_run);
  EXPECT_EQ(pacer_.rows_per_batch(), 2000);
}

TEST_F(PacerTest, PausesAtTheLagTimeOfAReplica) {
  Load load = IdleLoad();
  load.replica_lag = absl::Milliseconds(2499);
  EXPECT_EQ(ReasonFor(load), "");
  load.replica_lag = absl::Milliseconds(3750);
  EXPECT_EQ(ReasonFor(load), "slower: replica lag 3.75s >= 2.5s: 1 of 2 workers");
  load.replica_lag = absl::Seconds(12);
  EXPECT_EQ(ReasonFor(load), "replica lag 12s >= 5s");
  load.replica_lag = absl::Microseconds(5000123);
  EXPECT_EQ(ReasonFor(load), "replica lag 5s >= 5s");
}

TEST_F(PacerTest, PausesAtTheLagBytesOfAReplica) {
  Load load = IdleLoad();
  load.replica_lag_bytes = (32 << 20) - 1;
  EXPECT_EQ(ReasonFor(load), "");
  load.replica_lag_bytes = 40 << 20;
  EXPECT_EQ(ReasonFor(load), "slower: replica lag 40.0 MB >= 32.0 MB: 1.5 of 2 workers");
  load.replica_lag_bytes = 81 << 20;
  EXPECT_EQ(ReasonFor(load), "replica lag 81.0 MB >= 64.0 MB");
  Limits limits;
  limits.replica_lag_bytes_max = 1024;
  load.replica_lag_bytes = 1536;
  EXPECT_EQ(ReasonFor(load, limits), "replica lag 1.5 kB >= 1.0 kB");
}

TEST_F(PacerTest, PausesWhenSomebodyWaitsForOurLocks) {
  Load load = WaitingLoad(absl::ZeroDuration());
  EXPECT_EQ(ReasonFor(load), "2 sessions wait for our locks, the longest 80ms >= 50ms");
  load.sessions_waiting_for_us = 1;
  EXPECT_EQ(ReasonFor(load), "1 session waits for our locks, the longest 80ms >= 50ms");
  load.longest_wait_for_us = absl::Milliseconds(49);
  EXPECT_EQ(ReasonFor(load), "");
}

TEST_F(PacerTest, ASampleWithAWaitShrinksTheBatchOnce) {
  pacer_.Observe(WaitingLoad(absl::Seconds(1)));
  pacer_.Observe(WaitingLoad(absl::Seconds(1)));
  pacer_.Next(0, At(absl::Seconds(1)));
  pacer_.Next(1, At(absl::Seconds(1)));
  EXPECT_EQ(pacer_.rows_per_batch(), 1000);
  pacer_.Observe(WaitingLoad(absl::Seconds(2)));
  EXPECT_EQ(pacer_.rows_per_batch(), 500);
}

TEST_F(PacerTest, PausesAtTheLimitOfActiveSessions) {
  Limits limits;
  limits.active_sessions_max = 10;
  Load load = IdleLoad();
  load.active_sessions = 4;
  EXPECT_EQ(ReasonFor(load, limits), "");
  load.active_sessions = 6;
  EXPECT_EQ(ReasonFor(load, limits), "slower: active sessions 6 >= 5: 1.6 of 2 workers");
  load.active_sessions = 12;
  EXPECT_EQ(ReasonFor(load, limits), "active sessions 12 >= 10");
  EXPECT_EQ(ReasonFor(load), "") << "the default has no limit";
}

TEST_F(PacerTest, TheOperatorsPauseIsShownBeforeAnythingElse) {
  pacer_.Observe(WaitingLoad(absl::ZeroDuration()));
  pacer_.SetHold("pause requested by the operator");
  EXPECT_EQ(pacer_.Next(0, At(absl::ZeroDuration())).reason, "pause requested by the operator");
}

TEST_F(PacerTest, TheOperatorsWordStaysUntilItIsTakenBack) {
  pacer_.SetHold("pause requested by the operator");
  pacer_.Observe(IdleLoad());
  EXPECT_EQ(pacer_.Next(0, At(absl::Hours(1))).reason, "pause requested by the operator");
  pacer_.Observe(IdleLoad(absl::Hours(1)));
  EXPECT_TRUE(pacer_.Next(0, At(absl::Hours(1))).forbidden);
  pacer_.SetHold("");
  EXPECT_TRUE(pacer_.Next(0, At(absl::Hours(1))).may_run);
}

TEST_F(PacerTest, UnlimitedHeedsNothingButTheOperator) {
  Pacer pacer(Limits::Unlimited(), BatchSize::Options());
  EXPECT_TRUE(pacer.Next(0, At(absl::ZeroDuration())).may_run);
  Load load = WaitingLoad(absl::ZeroDuration());
  load.replica_lag = absl::Hours(1);
  load.replica_lag_bytes = std::int64_t{1} << 40;
  load.active_sessions = 1000;
  load.replicas = {"standby"};
  load.slots = {{"standby", std::int64_t{1} << 40, "lost"}};
  load.slot_keep_bytes = 1 << 20;
  load.archiver_segments_behind = 1000;
  load.requested_checkpoints = 100;
  load.connections = load.connections_max = 100;
  load.wraparound = "an autovacuum";
  load.unanswered = 100;
  for (int i = 0; i < 100; ++i) pacer.BatchRolledBack();
  pacer.Observe(load);
  EXPECT_EQ(pacer.WindowReason(Work::kExchange, At(absl::Hours(1))), "");
  EXPECT_TRUE(pacer.Next(0, At(absl::Hours(1))).may_run);
  EXPECT_EQ(pacer.Next(0, At(absl::Hours(1))).pause, absl::ZeroDuration());
  pacer.SetHold("pause requested by the operator");
  EXPECT_EQ(pacer.Next(0, At(absl::Hours(1))).reason, "pause requested by the operator");
}

TEST_F(PacerTest, TheLargestSignalIsTheReason) {
  Load load = IdleLoad();
  load.replica_lag = absl::Seconds(3);
  load.archiver_segments_behind = 41;
  EXPECT_EQ(ReasonFor(load), "slower: archiver is 41 segments behind >= 20: 0.1 of 2 workers");
  load.replica_lag = absl::Seconds(6);
  EXPECT_EQ(ReasonFor(load), "replica lag 6s >= 5s");
}

TEST_F(PacerTest, AReplicaThatGoesAwayStopsUntilItIsBack) {
  Load load = IdleLoad();
  load.replicas = {"one", "two at 10.0.0.2"};
  pacer_.Observe(load);
  EXPECT_TRUE(pacer_.Next(0, load.taken_at).may_run);
  load = IdleLoad(absl::Seconds(1));
  load.replicas = {"one"};
  pacer_.Observe(load);
  EXPECT_EQ(pacer_.Next(0, load.taken_at).reason, "replica two at 10.0.0.2 is gone");
  load = IdleLoad(absl::Seconds(2));
  load.replicas = {"two at 10.0.0.2", "one", "three"};
  pacer_.Observe(load);
  EXPECT_TRUE(pacer_.Next(0, load.taken_at).may_run);
}

TEST_F(PacerTest, RolledBackBatchesSlowItDownAndThenStopItForAWhile) {
  Pacer pacer(Limits(), BatchSize::Options(), 2);
  pacer.Observe(IdleLoad());
  const auto next = [&](absl::Duration at) { return pacer.Next(0, At(at)); };
  for (int i = 0; i < 97; ++i) pacer.BatchDone(2000, absl::Milliseconds(100));
  for (int i = 0; i < 2; ++i) pacer.BatchRolledBack();
  EXPECT_EQ(next(absl::Seconds(1)).reason, "") << "two may be chance";
  pacer.BatchRolledBack();
  EXPECT_EQ(next(absl::Seconds(1)).reason,
            "3 of our last 100 batches were rolled back, 3 % >= 1 %: 1 of 2 workers");
  for (int i = 0; i < 3; ++i) pacer.BatchRolledBack();
  EXPECT_EQ(next(absl::Seconds(2)).reason,
            "6 of our last 103 batches were rolled back, 5.83 % >= 5 %");
  EXPECT_TRUE(next(absl::Seconds(2)).forbidden);
  EXPECT_TRUE(next(absl::Seconds(6.9)).forbidden);
  EXPECT_TRUE(next(absl::Seconds(7)).may_run) << "what was before is forgotten";
  EXPECT_EQ(next(absl::Seconds(7)).reason, "");
}

TEST_F(PacerTest, AnAutovacuumThatPreventsWraparoundStopsBatchesAndTheSwap) {
  Load load = IdleLoad();
  EXPECT_EQ(pacer_.WindowReason(Work::kExchange, load.taken_at), "");
  load.wraparound = "an autovacuum to prevent wraparound works on public.orders";
  pacer_.Observe(load);
  EXPECT_EQ(pacer_.Next(0, load.taken_at).reason, load.wraparound);
  EXPECT_EQ(pacer_.WindowReason(Work::kExchange, load.taken_at), load.wraparound);
  EXPECT_EQ(pacer_.WindowReason(Work::kStep, load.taken_at), load.wraparound);
}

TEST_F(PacerTest, NewLimitsAreHeededAtOnce) {
  Load load = IdleLoad();
  load.replica_lag = absl::Seconds(8);
  pacer_.Observe(load);
  EXPECT_EQ(pacer_.Next(0, load.taken_at).reason, "replica lag 8s >= 5s");
  Limits limits = pacer_.limits();
  limits.replica_lag_max = absl::Seconds(20);
  pacer_.SetLimits(limits);
  EXPECT_TRUE(pacer_.Next(0, load.taken_at).may_run);
  limits.replica_lag_max = absl::Seconds(2);
  pacer_.SetLimits(limits);
  EXPECT_EQ(pacer_.Next(0, load.taken_at).reason, "replica lag 8s >= 2s");
}

TEST_F(PacerTest, WorkersMayBecomeFewerOrMore) {
  Pacer pacer(Limits::Unlimited(), BatchSize::Options(), 2);
  EXPECT_TRUE(pacer.Next(1, At(absl::ZeroDuration())).may_run);
  EXPECT_FALSE(pacer.Next(2, At(absl::ZeroDuration())).may_run);
  pacer.SetWorkers(1);
  EXPECT_FALSE(pacer.Next(1, At(absl::ZeroDuration())).may_run);
  EXPECT_FALSE(pacer.Next(1, At(absl::ZeroDuration())).forbidden);
  pacer.SetWorkers(8);
  EXPECT_TRUE(pacer.Next(7, At(absl::ZeroDuration())).may_run);
  EXPECT_EQ(pacer.workers(), 8);
}

// The keeper says it with each renewal of the lease.
TEST_F(PacerTest, TheSameWorkersAgainForgetNothing) {
  const absl::Duration tick = absl::Milliseconds(250);
  for (absl::Duration now; now < absl::Seconds(120); now += tick) {
    pacer_.SetWorkers(4);
    pacer_.Observe(IdleLoad(now));
    // More than two bring nothing.
    const double useful = std::min(pacer_.pace().allowance, 2.0);
    pacer_.BatchDone(static_cast<std::int64_t>(1000 * useful), tick);
  }
  EXPECT_EQ(pacer_.pace().allowance, 2);
}

TEST_F(PacerTest, AShorterTargetShrinksTheNextBatchAndALongerOneLetsItGrow) {
  Pacer pacer(Limits::Unlimited(), BatchSize::Options());
  for (int i = 0; i < 10; ++i) pacer.BatchDone(pacer.rows_per_batch(), absl::Milliseconds(100));
  ASSERT_EQ(pacer.rows_per_batch(), 2000);
  pacer.SetBatchTarget(absl::Milliseconds(25));
  EXPECT_EQ(pacer.rows_per_batch(), 500);
  for (int i = 0; i < 10; ++i) pacer.BatchDone(pacer.rows_per_batch(), absl::Milliseconds(25));
  EXPECT_EQ(pacer.rows_per_batch(), 500);
  pacer.SetBatchTarget(absl::Milliseconds(200));
  EXPECT_EQ(pacer.rows_per_batch(), 500);
  for (int i = 0; i < 2; ++i) pacer.BatchDone(pacer.rows_per_batch(), absl::Milliseconds(25));
  EXPECT_EQ(pacer.rows_per_batch(), 750);
}

class PacerOfSeveralJobsTest : public PacerTest {
 protected:
  static Load With(int jobs, bool other_listens = false) {
    Load load = IdleLoad();
    load.jobs = jobs;
    load.other_listens = other_listens;
    return load;
  }
};

TEST_F(PacerOfSeveralJobsTest, EachHasTheSamePartOfTheAllowance) {
  for (int jobs = 1; jobs <= 8; ++jobs) {
    Pacer pacer(Limits(), BatchSize::Options(), 4);
    pacer.Observe(With(jobs));
    EXPECT_DOUBLE_EQ(pacer.pace().allowance * jobs, 4) << jobs;
    EXPECT_TRUE(pacer.Next(0, At(absl::ZeroDuration())).may_run) << jobs;
  }
  Pacer pacer(Limits(), BatchSize::Options(), 4);
  pacer.Observe(With(2));
  EXPECT_TRUE(pacer.Next(1, At(absl::ZeroDuration())).may_run);
  const Decision decision = pacer.Next(2, At(absl::ZeroDuration()));
  EXPECT_FALSE(decision.may_run);
  EXPECT_FALSE(decision.forbidden);
  EXPECT_EQ(decision.reason, "2 jobs on this server: 2 of 4 workers");
}

TEST_F(PacerOfSeveralJobsTest, ALimitIsSharedToo) {
  Load load = With(2);
  load.replica_lag = absl::Seconds(3);
  Pacer alone(Limits(), BatchSize::Options(), 4);
  alone.Observe(load);
  load.jobs = 1;
  Pacer pacer(Limits(), BatchSize::Options(), 4);
  pacer.Observe(load);
  EXPECT_LT(pacer.pace().allowance, 4);
  EXPECT_DOUBLE_EQ(alone.pace().allowance * 2, pacer.pace().allowance);
  EXPECT_EQ(alone.pace().reason, pacer.pace().reason + ", shared by 2 jobs");
}

TEST_F(PacerOfSeveralJobsTest, NobodyRunsWhileAnotherListens) {
  Pacer pacer(Limits(), BatchSize::Options(), 4);
  pacer.Observe(With(2, true));
  const Decision decision = pacer.Next(0, At(absl::ZeroDuration()));
  EXPECT_FALSE(decision.may_run);
  EXPECT_FALSE(decision.forbidden);
  EXPECT_EQ(decision.reason, "another job listens how fast the server is without us");
}

TEST_F(PacerOfSeveralJobsTest, UnlimitedSharesNothing) {
  Pacer pacer(Limits::Unlimited(), BatchSize::Options(), 4);
  pacer.Observe(With(3, true));
  EXPECT_TRUE(pacer.Next(3, At(absl::ZeroDuration())).may_run);
  EXPECT_FALSE(pacer.listens());
}

TEST_F(PacerTest, BatchesChangeTheSize) {
  pacer_.BatchDone(2000, absl::Milliseconds(1));
  pacer_.BatchDone(2000, absl::Milliseconds(1));
  EXPECT_EQ(pacer_.rows_per_batch(), 3000);
  pacer_.BatchRolledBack();
  EXPECT_EQ(pacer_.rows_per_batch(), 1500);
}

// At() begins on a Monday at 13:46:40 UTC.
class PacerWindowTest : public PacerTest {
 protected:
  static Pacer InWindow(const std::string& text, const Limits& limits = Limits()) {
    const absl::StatusOr<Window> window = Window::Parse(text);
    EXPECT_TRUE(window.ok()) << window.status();
    return Pacer(limits, BatchSize::Options(), 1, {window.value_or(Window()), std::nullopt});
  }
};

TEST_F(PacerWindowTest, NobodyRunsOutsideTheWindow) {
  Pacer pacer = InWindow("14:00-15:00 UTC");
  pacer.Observe(IdleLoad());
  const Decision decision = pacer.Next(0, At(absl::Seconds(1)));
  EXPECT_FALSE(decision.may_run);
  EXPECT_FALSE(decision.forbidden);  // An index build that has begun is not ended by it.
  EXPECT_TRUE(decision.outside);
  EXPECT_TRUE(pacer.IsOutside(Work::kStep, At(absl::Seconds(1))));
  EXPECT_EQ(decision.rows, 0);
  EXPECT_EQ(decision.pause, absl::Milliseconds(250));
  EXPECT_EQ(decision.reason, "outside the window, opens Mon 14:00 UTC in 14m");
  pacer.Observe(IdleLoad(absl::Minutes(14)));
  EXPECT_TRUE(pacer.Next(0, At(absl::Minutes(14))).may_run);
  EXPECT_FALSE(pacer.Next(0, At(absl::Minutes(14))).outside);
  EXPECT_FALSE(pacer.IsOutside(Work::kStep, At(absl::Minutes(14))));
}

TEST_F(PacerWindowTest, TheWindowHoldsWithoutAnyLimit) {
  Pacer pacer = InWindow("14:00-15:00 UTC", Limits::Unlimited());
  EXPECT_FALSE(pacer.Next(0, At(absl::Seconds(1))).may_run);
  EXPECT_TRUE(pacer.Next(0, At(absl::Minutes(14))).may_run);
}

TEST_F(PacerWindowTest, TheOperatorsWordIsTheReasonShown) {
  Pacer pacer = InWindow("14:00-15:00 UTC");
  pacer.Observe(IdleLoad());
  pacer.SetHold("pause requested by the operator");
  EXPECT_EQ(pacer.Next(0, At(absl::Seconds(1))).reason, "pause requested by the operator");
}

TEST_F(PacerWindowTest, BatchesStopTwoOfThemBeforeTheEnd) {
  Pacer pacer = InWindow("13:00-14:00 UTC", Limits::Unlimited());
  const absl::Duration end = absl::Seconds(800);  // 14:00:00
  EXPECT_TRUE(pacer.Next(0, At(end - absl::Milliseconds(200))).may_run);
  EXPECT_FALSE(pacer.Next(0, At(end - absl::Milliseconds(199))).may_run);
  for (int i = 0; i < 50; ++i) pacer.BatchDone(2000, absl::Seconds(3));
  EXPECT_EQ(pacer.Next(0, At(end - absl::Seconds(5))).reason,
            "the window closes in 5s: too soon for another batch");
  EXPECT_TRUE(pacer.Next(0, At(end - absl::Seconds(7))).may_run);
}

TEST_F(PacerWindowTest, StepsAndTheSwapAskByThemselves) {
  const Pacer pacer = InWindow("13:00-14:00 UTC");
  EXPECT_EQ(pacer.WindowReason(Work::kStep, At(absl::ZeroDuration())), "");
  EXPECT_EQ(pacer.WindowReason(Work::kStep, At(absl::Seconds(560))),
            "the window closes in 4m: too soon for a long step");
  EXPECT_EQ(pacer.WindowReason(Work::kExchange, At(absl::Seconds(560))),
            "the window closes in 4m: no swap in its last 5m");
}

}  // namespace
}  // namespace throttle
