// What readers and writers feel: never an empty or mixed set, never a long wait.

#include "gtest/gtest.h"
#include "tests/server/alias_readers.h"
#include "tests/server/fixture.h"
#include "tests/server/lock_meter.h"
#include "tests/server/writers.h"

namespace server {
namespace {

// What the contract allows a foreground session to wait for us. Loaded machines and sanitizers
// make everything slower but the lock timeout itself.
constexpr milliseconds kWaitMax{200};

class ReadersTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    CreateSet(10000);
  }

  static AliasReadersOptions BothOrders() {
    AliasReadersOptions options;
    options.orders = {kFirstKey, kSecondKey};
    return options;
  }
};

TEST_F(ReadersTest, NeverSeeAnEmptyOrMixedSetAcrossSwapAndReverts) {
  LockMeter meter(target());
  Writers writers(target(), 2);
  AliasReaders readers(target(), BothOrders());
  ASSERT_TRUE(readers.Await(1));
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments())));
  ASSERT_TRUE(readers.Await(1));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
    ASSERT_TRUE(readers.Await(1));
  }
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ASSERT_TRUE(readers.Await(1));
  EXPECT_TRUE(None(readers.Complaints()));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  const LockMeter::Report& report = meter.Stop();
  EXPECT_EQ(report.error, "");
  EXPECT_GT(report.samples, 10);
  EXPECT_LE(report.longest_wait, kWaitMax) << report.longest;
}

// Somebody writes the member table and does not commit: the tool has to come again and again, and
// nobody may have to wait behind it.
TEST_F(ReadersTest, NobodyWaitsForLongBehindALongTransaction) {
  constexpr milliseconds kHeld{2500};
  LockMeter meter(target());
  Writers writers(target(), 2);
  AliasReaders readers(target(), BothOrders());
  Client holder(target().Conninfo("holder"));
  const auto hold = [&] {
    holder.Exec("BEGIN; UPDATE members SET hits = hits WHERE id = 8; SELECT FROM members_of_owner");
  };

  hold();
  Tool run(target(), RunSetArguments({"--no-throttle"}));
  ASSERT_TRUE(AwaitPhase("build")) << run.Written();
  std::this_thread::sleep_for(kHeld);
  EXPECT_EQ(Phase(), "build");
  holder.Exec("COMMIT");
  ASSERT_TRUE(Eventually([&] { return Phase() != "build"; }));
  hold();
  std::this_thread::sleep_for(kHeld);
  EXPECT_TRUE(run.Running()) << "swapped beside an open transaction:\n" << run.Written();
  holder.Exec("COMMIT");
  ASSERT_TRUE(Exits(kDone, run.Wait()));

  EXPECT_TRUE(None(readers.Complaints()));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  EXPECT_TRUE(None(Differences()));
  const LockMeter::Report& report = meter.Stop();
  EXPECT_EQ(report.error, "");
  EXPECT_LE(report.longest_wait, kWaitMax) << report.longest;
  EXPECT_LE(writers.Report().longest_statement, kWaitMax * 4) << writers.Report().longest_sql;
}

TEST_F(ReadersTest, ASnapshotOlderThanTheReplacementIsWaitedOut) {
  Client reader(target().Conninfo("old_reader"));
  Tool run(target(), RunSetArguments({"--no-throttle"}),
           {"PG_RESTRUCTURE_FAIL=swap.enter:sleep=500"});
  ASSERT_TRUE(AwaitPhase("verify"));
  reader.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ");
  const std::string members =
      reader.Text("SELECT count(*) || ' ' || sum(id) FROM members WHERE owner_id IS NOT NULL");
  sql().Exec("DELETE FROM members WHERE id % 100 = 0");
  // The tool says whom it waits for.
  ASSERT_TRUE(Eventually([&] {
    const std::string status = RunTool(target(), {"status", Job()}).text();
    return status.find(std::to_string(reader.backend_pid())) != std::string::npos ||
           status.find("old_reader") != std::string::npos || !run.Running();
  }));
  EXPECT_TRUE(run.Running()) << run.Written();
  EXPECT_EQ(reader.Text("SELECT count(*) || ' ' || sum(id) FROM members_of_owner"), members);
  reader.Exec("COMMIT");
  ASSERT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_TRUE(None(Differences()));
}

TEST_F(ReadersTest, APreparedTransactionIsWaitedOut) {
  Tool run(target(), RunSetArguments({"--no-throttle"}),
           {"PG_RESTRUCTURE_FAIL=swap.enter:sleep=500"});
  ASSERT_TRUE(AwaitPhase("verify"));
  const std::string id = Literal(target().database + "-left");
  sql().Exec("BEGIN; UPDATE members SET rank = 77.70 WHERE id = 16; PREPARE TRANSACTION " + id);
  ASSERT_TRUE(Eventually([&] {
    return !run.Running() ||
           RunTool(target(), {"status", Job()}).text().find("prepared") != std::string::npos;
  }));
  EXPECT_TRUE(run.Running()) << run.Written();
  sql().Exec("COMMIT PREPARED " + id);
  ASSERT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_TRUE(None(Differences()));
}

TEST_F(ReadersTest, WhoeverHoldsTheAliasIsNamedWhenThePatienceIsOver) {
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--hold-before-swap", "--no-throttle"}))));
  Client holder(target().Conninfo("holder"));
  holder.Exec("BEGIN; SELECT FROM members_of_owner LIMIT 1");
  const Outcome outcome = Run({"swap", Job(), "--lock-patience", "1s"});
  EXPECT_TRUE(Exits(kLockNotObtained, outcome));
  EXPECT_NE(outcome.text().find(std::to_string(holder.backend_pid())), std::string::npos)
      << outcome;
  holder.Exec("COMMIT");
  EXPECT_TRUE(Exits(kDone, Run({"swap", Job()})));
  EXPECT_TRUE(None(Differences()));
}

}  // namespace
}  // namespace server
