#include "throttle/pacer.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace throttle {
namespace {

class PacerTest : public testing::Test {
 protected:
  static absl::Time At(absl::Duration since_start) {
    return absl::FromUnixSeconds(1000000) + since_start;
  }

  // A sample at `since_start` of a server that feels nothing.
  static Load IdleLoad(absl::Duration since_start = absl::ZeroDuration()) {
    Load load;
    load.taken_at = At(since_start);
    return load;
  }

  static Load WaitingLoad(absl::Duration since_start) {
    Load load = IdleLoad(since_start);
    load.sessions_waiting_for_us = 2;
    load.longest_wait_for_us = absl::Milliseconds(80);
    return load;
  }

  // What two workers are told right after `load` was observed: why nobody may run or, after
  // "slower: ", why not at full speed; empty if nothing is in the way.
  static std::string ReasonFor(const Load& load, const Limits& limits = Limits()) {
    Pacer pacer(limits, BatchSize::Options(), 2);
    pacer.Observe(load);
    const Decision decision = pacer.Next(0, load.taken_at);
    EXPECT_NE(decision.may_run, decision.forbidden);
    if (decision.forbidden) return decision.reason;
    return decision.reason.empty() ? "" : "slower: " + decision.reason;
  }

  Pacer pacer_{Limits(), BatchSize::Options(), 4};
};

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

  Pacer pacer_{Limits(), BatchSize::Options(), 4};
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
  Commits(60, absl::Milliseconds(4));
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
      const absl::Duration look = absl::Floor(now_, absl::Seconds(1));
      if (there_are_some_) {
        load.transaction = TransactionLook{At(look), runs ? with_us : absl::Microseconds(200)};
      }
      pacer_.Observe(load);
    }
  }
  double Allowance() const { return pacer_.pace().allowance; }

  bool there_are_some_ = true;

  Pacer pacer_{Limits(), BatchSize::Options(), 4};
  absl::Duration now_ = absl::Seconds(1);
};

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
  Commits(60, absl::Milliseconds(4));
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
