#include "restructure/progress.h"

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace restructure {
namespace {

absl::Time At(double seconds) { return absl::FromUnixSeconds(1000000) + absl::Seconds(seconds); }

TEST(ProgressTest, StartsEmpty) {
  Progress progress;
  const ProgressSnapshot snapshot = progress.Snapshot(At(0));
  EXPECT_EQ(snapshot.job_id, 0);
  EXPECT_EQ(snapshot.phase, "");
  EXPECT_EQ(snapshot.elapsed, absl::ZeroDuration());
  EXPECT_FALSE(snapshot.time_left.has_value());
}

TEST(ProgressTest, ShowsWhatItWasTold) {
  Progress progress;
  progress.SetJob(12, "set", "public.s");
  progress.StartPhase("connect", At(0));
  progress.StartStep("copy", 1000, At(1));
  progress.AddRows(100);
  progress.AddRows(50);
  progress.SetWorkers(4);
  progress.WorkerBusy(+1);
  progress.WorkerBusy(+1);
  progress.WorkerBusy(-1);
  progress.SetRowsPerBatch(500);
  progress.SetBacklog(7);
  progress.SetWaitingFor("a lock");
  progress.SetLimits("replica lag 5s");
  progress.SetAdjusted("workers 4");
  progress.AddRetry();
  const ProgressSnapshot snapshot = progress.Snapshot(At(3));
  EXPECT_EQ(snapshot.job_id, 12);
  EXPECT_EQ(snapshot.kind, "set");
  EXPECT_EQ(snapshot.name, "public.s");
  EXPECT_EQ(snapshot.phase, "connect");
  EXPECT_EQ(snapshot.step, "copy");
  EXPECT_EQ(snapshot.rows_done, 150);
  EXPECT_EQ(snapshot.rows_total, 1000);
  EXPECT_EQ(snapshot.workers, 4);
  EXPECT_EQ(snapshot.workers_busy, 1);
  EXPECT_EQ(snapshot.rows_per_batch, 500);
  EXPECT_EQ(snapshot.backlog_keys, 7);
  EXPECT_EQ(snapshot.waiting_for, "a lock");
  EXPECT_EQ(snapshot.limits, "replica lag 5s");
  EXPECT_EQ(snapshot.adjusted, "workers 4");
  EXPECT_EQ(snapshot.retries, 1);
  EXPECT_EQ(snapshot.elapsed, absl::Seconds(3));
}

TEST(ProgressTest, TheFirstRateOfAStepStandsAlone) {
  Progress progress;
  progress.StartStep("copy", 1000, At(0));
  progress.AddRows(200);
  EXPECT_EQ(progress.Snapshot(At(0.5)).rows_per_second, 0) << "too early to say";
  const ProgressSnapshot snapshot = progress.Snapshot(At(2));
  EXPECT_DOUBLE_EQ(snapshot.rows_per_second, 100);
  EXPECT_EQ(snapshot.time_left, absl::Seconds(8));
}

TEST(ProgressTest, AskingOftenDoesNotDisturbTheRate) {
  Progress progress;
  progress.StartStep("copy", 100000, At(0));
  for (int i = 1; i <= 200; ++i) {
    progress.AddRows(10);
    progress.Snapshot(At(i * 0.1));
    progress.Snapshot(At(i * 0.1));
  }
  EXPECT_NEAR(progress.Snapshot(At(20)).rows_per_second, 100, 11);
}

TEST(ProgressTest, TheRateFollowsTheLastSeconds) {
  Progress progress;
  progress.StartStep("copy", 1000000, At(0));
  progress.AddRows(1000);
  EXPECT_DOUBLE_EQ(progress.Snapshot(At(1)).rows_per_second, 1000);
  EXPECT_NEAR(progress.Snapshot(At(6)).rows_per_second, 368, 1) << "5 s of standstill";
  EXPECT_LT(progress.Snapshot(At(60)).rows_per_second, 1);
}

TEST(ProgressTest, NoTimeLeftIsPromisedPastTheEstimateOrAtAStandstill) {
  Progress progress;
  progress.StartStep("copy", 100, At(0));
  EXPECT_FALSE(progress.Snapshot(At(2)).time_left.has_value());
  progress.AddRows(150);
  EXPECT_FALSE(progress.Snapshot(At(4)).time_left.has_value());
  progress.StartStep("copy", 1000000000000, At(5));
  progress.AddRows(1);
  EXPECT_FALSE(progress.Snapshot(At(7)).time_left.has_value());
}

TEST(ProgressTest, AStepStartsItsCountsAnew) {
  Progress progress;
  progress.StartPhase("connect", At(0));
  progress.StartStep("copy", 100, At(0));
  progress.AddRows(100);
  progress.SetWaitingFor("a lock");
  progress.Snapshot(At(2));
  progress.StartStep("settle", 0, At(2));
  ProgressSnapshot snapshot = progress.Snapshot(At(3));
  EXPECT_EQ(snapshot.rows_done, 0);
  EXPECT_EQ(snapshot.rows_total, 0);
  EXPECT_EQ(snapshot.rows_per_second, 0);
  EXPECT_EQ(snapshot.waiting_for, "");
  EXPECT_EQ(snapshot.elapsed, absl::Seconds(3));
  progress.StartPhase("verify", At(4));
  snapshot = progress.Snapshot(At(5));
  EXPECT_EQ(snapshot.step, "");
  EXPECT_EQ(snapshot.elapsed, absl::Seconds(1));
}

ProgressSnapshot FullSnapshot() {
  ProgressSnapshot snapshot;
  snapshot.job_id = 12;
  snapshot.kind = "set";
  snapshot.name = "public.\"a\"";
  snapshot.phase = "connect";
  snapshot.step = "catch up";
  snapshot.rows_done = 5000000000;
  snapshot.rows_total = 6000000000;
  snapshot.rows_per_second = 1234.5678;
  snapshot.time_left = absl::Milliseconds(12345);
  snapshot.workers = 4;
  snapshot.workers_busy = 3;
  snapshot.rows_per_batch = 2000;
  snapshot.backlog_keys = 17;
  snapshot.waiting_for = "replica lag 12s >= 5s";
  snapshot.limits = "replica lag 5s";
  snapshot.adjusted = "workers 4 until 14:05";
  snapshot.retries = 2;
  snapshot.elapsed = absl::Milliseconds(61049);
  return snapshot;
}

constexpr char kFullJson[] =
    R"({"job_id":12,"kind":"set","name":"public.\"a\"","phase":"connect","step":"catch up",)"
    R"("rows_done":5000000000,"rows_total":6000000000,"unit":"rows","rows_per_second":1234.6,)"
    R"("time_left_seconds":12.3,"workers":4,"workers_busy":3,"rows_per_batch":2000,)"
    R"("backlog_keys":17,"waiting_for":"replica lag 12s >= 5s","limits":"replica lag 5s",)"
    R"("adjusted":"workers 4 until 14:05","retries":2,)"
    R"("elapsed_seconds":61.0})";

TEST(ProgressJsonTest, IsOneRoundedLine) { EXPECT_EQ(ToJson(FullSnapshot()), kFullJson); }

TEST(ProgressJsonTest, ReadsWhatItWrote) {
  const absl::StatusOr<ProgressSnapshot> read = ProgressFromJson(kFullJson);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read), kFullJson);
  EXPECT_EQ(read->rows_done, 5000000000);
  EXPECT_EQ(read->waiting_for, "replica lag 12s >= 5s");
}

TEST(ProgressJsonTest, TimeLeftMayBeUnknown) {
  const absl::StatusOr<ProgressSnapshot> read = ProgressFromJson(ToJson(ProgressSnapshot()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(read->time_left.has_value());
}

TEST(ProgressJsonTest, MissingAndUnknownKeysAreLetPass) {
  const absl::StatusOr<ProgressSnapshot> read = ProgressFromJson(R"({"retries":3,"later":[1]})");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->retries, 3);
  EXPECT_EQ(read->phase, "");
}

TEST(ProgressJsonTest, BrokenBytesInANameAreReplaced) {
  ProgressSnapshot snapshot;
  snapshot.name = "a\xff";
  const absl::StatusOr<ProgressSnapshot> read = ProgressFromJson(ToJson(snapshot));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->name, "a\xef\xbf\xbd");
}

TEST(ProgressJsonTest, RefusesWhatIsNoProgress) {
  const auto refusal = [](const char* text) {
    return std::string(ProgressFromJson(text).status().ToString());
  };
  EXPECT_EQ(refusal(""), "INVALID_ARGUMENT: progress is not JSON");
  EXPECT_EQ(refusal("{"), "INVALID_ARGUMENT: progress is not JSON");
  EXPECT_EQ(refusal("[]"), "INVALID_ARGUMENT: progress is not a JSON object");
  EXPECT_EQ(refusal(R"({"phase":1})"), "INVALID_ARGUMENT: progress: phase is not a text");
  EXPECT_EQ(refusal(R"({"rows_done":1.5})"),
            "INVALID_ARGUMENT: progress: rows_done is not a whole number");
  EXPECT_EQ(refusal(R"({"rows_done":18446744073709551615})"),
            "INVALID_ARGUMENT: progress: rows_done is not a whole number");
  EXPECT_EQ(refusal(R"({"workers":5000000000})"),
            "INVALID_ARGUMENT: progress: workers is not a small whole number");
  EXPECT_EQ(refusal(R"({"time_left_seconds":"1"})"),
            "INVALID_ARGUMENT: progress: time_left_seconds is not a number");
}

}  // namespace
}  // namespace restructure
