#include "throttle/signals.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "throttle/replica_lag.h"

namespace throttle {
namespace {

constexpr std::int64_t kMegabyte = 1 << 20;

// The largest signal of one sample.
Signal Of(const Load& load, const Limits& limits = Limits()) {
  Baseline baseline;
  return Largest(Signals(load, limits, baseline));
}

Signal Named(const std::string& name, const Load& load, const Limits& limits = Limits()) {
  for (const Signal& signal : Signals(load, limits, Baseline())) {
    if (signal.name == name) return signal;
  }
  ADD_FAILURE() << "no signal " << name;
  return {};
}

TEST(SignalsTest, TheChosenLimitsAreALine) {
  Limits limits;
  EXPECT_EQ(Summarize(limits),
            "commit time +50 %, replica lag 5s or 64.0 MB, waits for our locks 50ms, archiver 42");
  limits.commit_max = absl::Milliseconds(12);
  limits.replica_lag_bytes_max = 0;
  limits.slot_wal_max = 20480 * kMegabyte;
  limits.active_sessions_max = 30;
  limits.custom.push_back({"queue", 80, 120});
  EXPECT_EQ(Summarize(limits),
            "commit time 12ms, replica lag 5s, waits for our locks 50ms, WAL retained 20.0 GB,"
            " archiver 42, active sessions 30, queue 120");
  EXPECT_EQ(Summarize(Limits::Unlimited()), "none");
}

TEST(SignalsTest, AServerThatFeelsNothingPressesNobody) {
  EXPECT_EQ(Of(Load()).pressure, 0);
  EXPECT_EQ(Of(Load()).share(), 1);
  EXPECT_EQ(Of(Load()).reason, "");
  EXPECT_EQ(Largest({}).pressure, 0);
}

TEST(SignalsTest, ThePaceFallsInALineFromTheSoftPointToTheHardOne) {
  Load load;
  std::vector<double> shares;
  for (const int seconds : {4, 5, 6, 8, 16}) {
    load.replica_lag = absl::Seconds(seconds);
    Limits limits;
    limits.replica_lag_max = absl::Seconds(8);
    shares.push_back(Of(load, limits).share());
  }
  EXPECT_EQ(shares, (std::vector<double>{1, 0.75, 0.5, 0, 0}));
  load.replica_lag = absl::Seconds(4.99);
  EXPECT_DOUBLE_EQ(Of(load).share(), 0.05) << "a little runs until it has to stop";
}

TEST(SignalsTest, TheFurthestReplicaIsNamed) {
  Load load;
  load.replica_lag = absl::Seconds(12);
  load.furthest_replica = "standby at 10.0.0.2";
  EXPECT_EQ(Of(load).reason, "replica lag 12s >= 5s of standby at 10.0.0.2");
}

TEST(SignalsTest, AReplicaThatNoLongerAnswersStops) {
  Load load;
  load.silent_replica = "standby";
  load.silence = absl::Seconds(19);
  EXPECT_EQ(Of(load).pressure, 0);
  load.silence = absl::Seconds(31);
  EXPECT_EQ(Of(load).reason, "replica standby has not answered for 31s >= 20s");
  EXPECT_TRUE(Of(load).stops());
}

TEST(SignalsTest, AReplicaThatStandsStillStopsLongBeforeItsLagDoes) {
  Load load;
  load.stalled_replica = "standby";
  load.stall = absl::Milliseconds(700);
  EXPECT_EQ(Of(load).pressure, 0);
  load.stall = absl::Milliseconds(1500);
  EXPECT_EQ(Of(load).reason, "replica standby has stood still for 1.5s >= 750ms");
  Limits limits;
  limits.replica_lag_max = absl::Minutes(1);
  EXPECT_EQ(Of(load, limits).pressure, 0) << "who bears a minute bears this";
}

TEST(SignalsTest, ARequiredReplicaMustBeThere) {
  Limits limits;
  limits.required_replicas = {"reports", "spare"};
  Load load;
  load.replicas = {"reports at 10.0.0.2"};
  EXPECT_EQ(Of(load, limits).reason, "replica spare is gone");
  load.replicas = {"reports2", "spare"};
  EXPECT_EQ(Of(load, limits).reason, "replica reports is gone");
  load.replicas = {"spare", "reports"};
  EXPECT_EQ(Of(load, limits).reason, "");
}

TEST(SignalsTest, ReplicasOfTheSameNameAreCounted) {
  Load load;
  load.replicas = {"walreceiver", "walreceiver"};
  Baseline baseline;
  baseline.Learn(load);
  load.replicas = {"walreceiver"};
  EXPECT_EQ(baseline.Missing(load, Limits()), std::vector<std::string>{"walreceiver"});
  baseline.Learn(load);
  EXPECT_EQ(baseline.Missing(load, Limits()).size(), 1U) << "what was there first counts";
  Limits limits;
  limits.replicas_must_stay = false;
  EXPECT_TRUE(baseline.Missing(load, limits).empty());
  load.replicas.reset();
  EXPECT_TRUE(baseline.Missing(load, Limits()).empty()) << "not known is not gone";
}

TEST(SignalsTest, ASlotMayRetainHalfOfWhatIsKeptForIt) {
  Load load;
  load.slots = {{"one", 10 * kMegabyte, "reserved"}, {"two", 300 * kMegabyte, "extended"}};
  EXPECT_EQ(Of(load).pressure, 0) << "the server sets no bound";
  load.slot_keep_bytes = 400 * kMegabyte;
  EXPECT_EQ(Of(load).reason, "WAL retained 300.0 MB >= 200.0 MB by slot two");
  EXPECT_EQ(Of(load).share(), 0.5);
  Limits limits;
  limits.slot_wal_max = 300 * kMegabyte;
  EXPECT_EQ(Of(load, limits).reason, "WAL retained 300.0 MB >= 300.0 MB by slot two");
  EXPECT_TRUE(Of(load, limits).stops());
}

TEST(SignalsTest, ASlotThatLosesItsWalStops) {
  Load load;
  load.replicas.emplace();
  load.slots = {{"one", 1, "unreserved"}};
  EXPECT_EQ(Of(load).reason, "WAL of slot one is unreserved");
  EXPECT_TRUE(Of(load).stops());
  load.slots = {{"one", 1, "lost"}};
  EXPECT_EQ(Of(load).reason, "WAL of slot one is lost");
  Baseline baseline;
  baseline.Learn(load);
  EXPECT_EQ(Largest(Signals(load, Limits(), baseline)).pressure, 0) << "it was lost before us";
}

TEST(SignalsTest, TheArchiverMustKeepUp) {
  Load load;
  load.archiver_segments_behind = 19;
  EXPECT_EQ(Of(load).reason, "");
  load.archiver_segments_behind = 25;
  EXPECT_EQ(Of(load).reason, "archiver is 25 segments behind >= 20");
  EXPECT_FALSE(Of(load).stops());
  load.archiver_segments_behind = 42;
  EXPECT_EQ(Of(load).reason, "archiver is 42 segments behind >= 42");
  EXPECT_TRUE(Of(load).stops());
  load.archiver_segments_behind = 3;
  load.archiver_failing = absl::Minutes(6);
  EXPECT_EQ(Of(load).reason, "archiver has failed for 6m >= 5m");
  EXPECT_TRUE(Of(load).stops());
}

TEST(SignalsTest, RequestedCheckpointsHalveTheWorkersAndNeverStop) {
  Load load;
  load.requested_checkpoints = 1;
  EXPECT_EQ(Of(load).share(), 1);
  for (const int count : {2, 20}) {
    load.requested_checkpoints = count;
    EXPECT_EQ(Of(load).share(), 0.5);
  }
  EXPECT_EQ(Of(load).reason, "20 requested checkpoints in 10 minutes >= 2");
}

TEST(SignalsTest, ConnectionsMustBeLeft) {
  Load load;
  load.connections_max = 200;
  load.connections = 159;
  EXPECT_EQ(Of(load).reason, "");
  load.connections = 170;
  EXPECT_EQ(Of(load).reason, "connections 170 >= 160");
  EXPECT_EQ(Of(load).share(), 0.5);
  load.connections = 180;
  EXPECT_EQ(Of(load).reason, "connections 180 >= 180");
  EXPECT_TRUE(Of(load).stops());
}

TEST(SignalsTest, AServerThatDoesNotAnswerIsPressure) {
  Load load;
  load.unanswered = 2;
  EXPECT_EQ(Of(load).reason, "unanswered samples 2 >= 1");
  EXPECT_EQ(Of(load).share(), 0.5);
  load.unanswered = 3;
  EXPECT_TRUE(Of(load).stops());
}

TEST(SignalsTest, ASignalOfTheOperatorsOwnHasItsOwnLimits) {
  Limits limits;
  limits.custom = {{"queue", 80, 120}};
  Load load;
  load.custom = {{"other", 1000, ""}, {"queue", 79, ""}};
  EXPECT_EQ(Of(load, limits).reason, "");
  load.custom[1].value = 90;
  EXPECT_EQ(Of(load, limits).reason, "queue 90 >= 80");
  EXPECT_EQ(Of(load, limits).share(), 0.75);
  load.custom[1].value = 120;
  EXPECT_TRUE(Of(load, limits).stops());
  load.custom[1].failure = "no answer in 300ms";
  EXPECT_EQ(Of(load, limits).reason, "signal queue: no answer in 300ms");
  EXPECT_TRUE(Of(load, limits).stops());
}

TEST(SignalsTest, WhatIsNotKnownIsShownAndPressesNobody) {
  Load load;
  EXPECT_EQ(Named("replica lag", load).why, "the role may not see it: GRANT pg_monitor");
  load.replicas.emplace();
  EXPECT_EQ(Named("replica lag", load).why, "there is no replica");
  EXPECT_EQ(Named("replica lag", load).now, "-");
  EXPECT_EQ(Named("replica lag", load).hard, "5s");
  EXPECT_EQ(Named("archiver", load).why, "nothing is archived");
  Limits limits;
  limits.active_sessions_max = 10;
  EXPECT_EQ(Named("active sessions", load, limits).now, "-");
  EXPECT_EQ(Of(load, limits).pressure, 0);
}

TEST(SignalsTest, WithoutLimitsThereIsNone) {
  EXPECT_TRUE(Signals(Load(), Limits::Unlimited(), Baseline()).empty());
}

// A server that writes a megabyte each half second, and a replica.
class ReplicaLagTest : public testing::Test {
 protected:
  // Half a second later: where the replica is now, in megabytes.
  absl::Duration Next(double replayed) {
    now_ += absl::Milliseconds(500);
    written_ += kMegabyte;
    lag_.ObserveServer(now_, written_);
    state_ = lag_.ObserveReplica(now_, "r", static_cast<std::int64_t>(replayed * kMegabyte));
    return state_.lag;
  }

  ReplicaLag lag_;
  ReplicaLag::State state_;
  absl::Time now_ = absl::FromUnixSeconds(1000000);
  std::int64_t written_ = 0;
};

TEST_F(ReplicaLagTest, OneThatKeepsUpHasNone) {
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(Next(i), absl::ZeroDuration());
}

TEST_F(ReplicaLagTest, ItGrowsWhileTheReplicaStandsStill) {
  for (int i = 1; i <= 20; ++i) Next(i);
  absl::Duration lag;
  for (int i = 0; i < 20; ++i) lag = Next(20);
  EXPECT_EQ(lag, absl::Seconds(9.5));
  EXPECT_EQ(state_.still, absl::Seconds(10));
  for (int i = 0; i < 400; ++i) lag = Next(20);
  EXPECT_NEAR(absl::ToDoubleSeconds(lag), 209.5, 5);
}

TEST_F(ReplicaLagTest, ASlowReplicaIsBehindByTheTimeThatItNeeds) {
  // It applies a quarter of what is written: 15 of 20 MB are left, at half a megabyte a second.
  absl::Duration lag;
  for (int i = 1; i <= 20; ++i) lag = Next(i / 4.0);
  EXPECT_EQ(lag, absl::Seconds(30));
  EXPECT_EQ(state_.still, absl::ZeroDuration()) << "it moves";
}

TEST_F(ReplicaLagTest, ABurstAfterIdleTimesIsNoLag) {
  for (int i = 1; i <= 20; ++i) Next(i);
  written_ += 100 * kMegabyte;
  EXPECT_EQ(Next(20), absl::ZeroDuration()) << "it came just now";
}

TEST_F(ReplicaLagTest, AServerThatWritesNothingDoesNotMakeItSmaller) {
  for (int i = 1; i <= 20; ++i) Next(i);
  Next(20);
  for (int i = 0; i < 10; ++i) {
    now_ += absl::Milliseconds(500);
    lag_.ObserveServer(now_, written_);
  }
  EXPECT_EQ(lag_.ObserveReplica(now_, "r", 20 * kMegabyte).lag, absl::Seconds(5));
}

}  // namespace
}  // namespace throttle
