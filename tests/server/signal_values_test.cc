// The signals that take a server of their own to see, read from one: its archiver, its slots, its
// checkpoints, an autovacuum to prevent wraparound, and what others' transactions take. The
// reader's clock is the test's, but for the last.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "catalog/session.h"
#include "gtest/gtest.h"
#include "restructure/signal_reader.h"
#include "tests/server/fixture.h"
#include "throttle/signals.h"

namespace server {
namespace {

class SignalValuesTest : public ServerTest {
 protected:
  static void SetUpTestSuite() {
    {
      Client client(Cluster::Get().InDatabase("postgres").Conninfo());
      for (const char* setting : {"archive_mode = 'on'", "archive_command = '/bin/true'",
                                  "autovacuum_freeze_max_age = 100000", "autovacuum_naptime = 1"}) {
        client.Exec(absl::StrCat("ALTER SYSTEM SET ", setting));
      }
    }
    Cluster::Get().Stop(Cluster::Shutdown::kFast);
    Cluster::Get().Start();
  }

  restructure::SignalReader Reader(const std::vector<std::int64_t>& tables = {}) {
    return {target().Conninfo("sampler"), "pg_restructure test", {}, tables};
  }

  // What the reader says five seconds later, when the slow set is due.
  const throttle::Load& Look(restructure::SignalReader& reader) {
    now_ += absl::Seconds(5);
    EXPECT_EQ(reader.Read(now_), absl::OkStatus());
    baseline_.Learn(reader.load());
    return reader.load();
  }
  // The reasons of the signals that are past their soft points.
  std::string Reasons(restructure::SignalReader& reader) {
    std::string reasons;
    const throttle::Load& load = Look(reader);
    for (const throttle::Signal& signal : throttle::Signals(load, throttle::Limits(), baseline_)) {
      if (!signal.reason.empty()) absl::StrAppend(&reasons, signal.reason, "; ");
    }
    return reasons;
  }
  bool AwaitReason(restructure::SignalReader& reader, const std::string& part) {
    return Eventually([&] { return absl::StrContains(Reasons(reader), part); }, seconds(30));
  }

  void Set(const std::string& setting) {
    sql().Exec("ALTER SYSTEM SET " + setting);
    sql().Exec("SELECT pg_reload_conf()");
  }

  // Ends so many WAL segments.
  void SwitchWal(int segments) {
    for (int i = 0; i < segments; ++i) {
      sql().Exec("SELECT pg_logical_emit_message(false, 'test', 'something to end')");
      sql().Exec("SELECT pg_switch_wal()");
    }
  }

  absl::Time now_ = absl::FromUnixSeconds(1000000);
  throttle::Baseline baseline_;
};

TEST_F(SignalValuesTest, AnArchiverThatFailsFallsBehindUntilItIsMended) {
  restructure::SignalReader reader = Reader();
  const auto behind = [&] { return Look(reader).archiver_segments_behind.value_or(-1); };
  SwitchWal(1);
  ASSERT_TRUE(Eventually([&] { return behind() == 0; })) << behind();
  EXPECT_EQ(reader.load().archiver_failing, absl::ZeroDuration());

  Set("archive_command = '/bin/false'");
  SwitchWal(4);
  ASSERT_TRUE(Eventually([&] {
    return behind() == 4 && reader.load().archiver_failing > absl::ZeroDuration();
  })) << behind();
  // By the test's clock, which each look moves on.
  const std::string reasons = Reasons(reader);
  EXPECT_EQ(reasons.empty(), reader.load().archiver_failing < absl::Minutes(5)) << reasons;
  now_ += absl::Minutes(5);
  EXPECT_TRUE(AwaitReason(reader, "archiver has failed for "));
  SwitchWal(16);
  EXPECT_TRUE(Eventually([&] { return behind() == 20; })) << behind();

  Set("archive_command = '/bin/true'");
  SwitchWal(1);
  EXPECT_TRUE(Eventually([&] { return behind() == 0; })) << behind();
  EXPECT_EQ(reader.load().archiver_failing, absl::ZeroDuration());
  EXPECT_EQ(Reasons(reader), "");
}

TEST_F(SignalValuesTest, ASlotRetainsWalUntilItLosesIt) {
  sql().Exec("SELECT pg_create_physical_replication_slot('laggard', true)");
  restructure::SignalReader reader = Reader();
  ASSERT_EQ(Look(reader).slots.size(), 1U);
  EXPECT_EQ(reader.load().slots[0].name, "laggard");
  EXPECT_EQ(reader.load().slots[0].wal_status, "reserved");
  EXPECT_LT(reader.load().slots[0].retained_bytes, 16 << 20);
  SwitchWal(3);
  ASSERT_TRUE(Eventually([&] { return Look(reader).slots[0].retained_bytes >= 32 << 20; }));
  EXPECT_EQ(Reasons(reader), "") << "there is no bound";

  Set("max_slot_wal_keep_size = '64MB'");
  restructure::SignalReader bounded = Reader();  // The bound is read when it connects.
  EXPECT_TRUE(AwaitReason(bounded, " >= 32.0 MB by slot laggard"));
  SwitchWal(3);
  EXPECT_TRUE(AwaitReason(bounded, "WAL of slot laggard is unreserved"));
  sql().Exec("CHECKPOINT");
  EXPECT_TRUE(AwaitReason(bounded, "WAL of slot laggard is lost"));
  baseline_ = throttle::Baseline();
  EXPECT_TRUE(Eventually([&] { return Reasons(bounded).empty(); }))
      << "of a job that begins now it has nothing more to lose";
  sql().Exec("SELECT pg_drop_replication_slot('laggard')");
  Set("max_slot_wal_keep_size = -1");
}

TEST_F(SignalValuesTest, RequestedCheckpointsAreCountedForTenMinutes) {
  restructure::SignalReader reader = Reader();
  EXPECT_EQ(Look(reader).requested_checkpoints, 0) << "those before us are none of ours";
  for (int count = 1; count <= 2; ++count) {
    sql().Exec("CHECKPOINT");
    EXPECT_TRUE(Eventually([&] { return Look(reader).requested_checkpoints == count; }))
        << *reader.load().requested_checkpoints;
  }
  EXPECT_EQ(Reasons(reader), "2 requested checkpoints in 10 minutes >= 2; ");
  now_ += absl::Minutes(10);
  EXPECT_EQ(Look(reader).requested_checkpoints, 0);
}

TEST_F(SignalValuesTest, AnAutovacuumToPreventWraparoundIsNotHeldUp) {
  // A page in a tenth of a second, so that its autovacuum can be seen.
  sql().Exec(
      "CREATE TABLE aged (id int, filler text) WITH (autovacuum_vacuum_cost_delay = 100,"
      " autovacuum_vacuum_cost_limit = 1);"
      "INSERT INTO aged SELECT i, repeat('x', 4000) FROM generate_series(1, 400) i");
  restructure::SignalReader reader = Reader({sql().Number("SELECT 'aged'::regclass::oid")});
  EXPECT_EQ(Look(reader).wraparound, "");

  // It waits for this lock, however old the table becomes.
  Client holder(target().Conninfo("holder"));
  holder.Exec("BEGIN; LOCK TABLE aged IN SHARE UPDATE EXCLUSIVE MODE");
  Set("vacuum_failsafe_age = 0");  // The server takes 105 % of autovacuum_freeze_max_age.
  sql().Exec(
      "DO $$ BEGIN FOR i IN 1..106000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$");
  EXPECT_TRUE(AwaitReason(reader, " transactions old >= 105000"));
  Set("vacuum_failsafe_age = 1600000000");
  EXPECT_TRUE(Eventually([&] { return Look(reader).wraparound.empty(); }));

  // One that began before that would hurry, and be over before it is seen.
  sql().Exec(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
      " WHERE backend_type = 'autovacuum worker'");
  holder.Exec("COMMIT");
  EXPECT_TRUE(AwaitReason(reader, "an autovacuum to prevent wraparound works on "));
  EXPECT_TRUE(absl::EndsWith(reader.load().wraparound, "aged")) << reader.load().wraparound;
}

// Four clients have transactions of 5 ms; two sessions of ours are busy all the time beside them.
TEST_F(SignalValuesTest, WhatTransactionsOfOthersTakeIsKnownBesideOurs) {
  // The server counts what touches a table.
  sql().Exec("CREATE TABLE one AS SELECT 1 AS id");
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      Client client(target().Conninfo("other"));
      while (!stop) client.Exec("SELECT pg_sleep(0.005) FROM one");
    });
  }
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      const auto session = catalog::Session::Open(target().Conninfo("ours"), "ours");
      while (session.ok() && !stop) {
        absl::StatusOr<catalog::Transaction> transaction =
            catalog::Transaction::Begin(**session, "copy");
        if (!transaction.ok()) continue;
        (void)(*session)->Execute("SELECT pg_sleep(0.1) FROM public.one");
        (void)transaction->Commit();
      }
    });
  }
  restructure::SignalReader reader = Reader();
  std::vector<double> seen;
  EXPECT_TRUE(Eventually([&] {
    std::this_thread::sleep_for(milliseconds(500));
    EXPECT_EQ(reader.Read(absl::Now()), absl::OkStatus());
    const std::optional<throttle::TransactionLook>& look = reader.load().transaction;
    if (look) seen.push_back(absl::ToDoubleMilliseconds(look->mean));
    return seen.size() >= 12;
  }));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  ASSERT_FALSE(seen.empty());
  std::sort(seen.begin(), seen.end());
  const double median = seen[seen.size() / 2];
  // With ours it would be two seconds in each second more: about 8 ms.
  EXPECT_GT(median, 4.9);
  EXPECT_LT(median, 6.5);
}

}  // namespace
}  // namespace server
