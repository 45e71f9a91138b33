// The server or the tool dies at a moment that nobody chose.

#include <csignal>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/writers.h"

namespace server {
namespace {

class RestartTest : public ServerTest {
 protected:
  static void RestartServer() {
    Cluster::Get().Stop(Cluster::Shutdown::kImmediate);
    Cluster::Get().Start();
  }

  // Copies done so far by the newest job.
  bool CopyIsUnderWay() {
    if (Phase() != "connect") return false;
    return sql().Holds(
        "EXISTS (SELECT FROM restructure.batch WHERE done AND rows > 0 AND job_id ="
        " (SELECT max(job_id) FROM restructure.job))");
  }

  // Either the tool comes through by itself or the same command does.
  void ExpectDoneAgain(Tool& run, const Arguments& arguments) {
    const Outcome first = run.Wait();
    if (first.exit_code == kDone) return;
    EXPECT_TRUE(Exits(kResumable, first));
    EXPECT_TRUE(Exits(kDone, Run(arguments)));
  }
};

// Each batch rests a little, so that there is a middle to be hit.
const Environment kSlowCopy = {"PG_RESTRUCTURE_JOB_BATCH_ROWS=200",
                               "PG_RESTRUCTURE_FAIL=copy.after_commit@3:sleep=1200"};

TEST_F(RestartTest, TheServerCrashesDuringTheCopy) {
  CreateSet(6000);
  WriterOptions options;
  options.survives_restarts = true;
  Writers writers(target(), 2, options);
  const Arguments arguments = RunSetArguments({"--no-throttle", "--soak", "0"});
  Tool run(target(), arguments, kSlowCopy);
  ASSERT_TRUE(Eventually([&] { return CopyIsUnderWay(); }));
  RestartServer();
  ExpectDoneAgain(run, arguments);
  sql() = Client(target().Conninfo("test"));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Clean());
}

TEST_F(RestartTest, TheServerCrashesDuringTheSwap) {
  CreateSet(2000);
  const Arguments arguments = RunSetArguments({"--no-throttle", "--soak", "0"});
  for (const char* place : {"exchange.before_commit", "exchange.after_commit"}) {
    SCOPED_TRACE(place);
    const Arguments again = place == std::string("exchange.before_commit")
                                ? arguments
                                : Arguments{"run",
                                            "set",
                                            "public.members_of_owner",
                                            "--key",
                                            "label desc, id",
                                            "--no-throttle",
                                            "--soak",
                                            "0"};
    Tool run(target(), again, {absl::StrCat("PG_RESTRUCTURE_FAIL=", place, ":sleep=700")});
    ASSERT_TRUE(AwaitPhase("swap"));
    ASSERT_TRUE(Eventually([&] {
      return Phase() != "swap" || !run.Running() ||
             sql().Holds(
                 "EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND"
                 " granted AND relation = 'members_of_owner'::regclass)");
    }));
    RestartServer();
    sql() = Client(target().Conninfo("test"));
    ExpectDoneAgain(run, again);
    EXPECT_TRUE(None(Differences()));
    EXPECT_TRUE(Clean());
  }
}

TEST_F(RestartTest, TheServerIsShutDownInOrderAndTheToolComesBack) {
  CreateSet(6000);
  const Arguments arguments = RunSetArguments({"--no-throttle", "--soak", "0"});
  Tool run(target(), arguments, kSlowCopy);
  ASSERT_TRUE(Eventually([&] { return CopyIsUnderWay(); }));
  Cluster::Get().Stop(Cluster::Shutdown::kFast);
  Cluster::Get().Start();
  sql() = Client(target().Conninfo("test"));
  ExpectDoneAgain(run, arguments);
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Clean());
}

// A process that stood still must not go on as if nothing had happened, once another one has
// taken its job over.
TEST_F(RestartTest, AProcessPastItsLeaseWritesNothingMore) {
  CreateSet(6000);
  const Arguments arguments = RunSetArguments({"--no-throttle", "--soak", "0"});
  const Environment short_lease = {"PG_RESTRUCTURE_LEASE_SECONDS=1",
                                   "PG_RESTRUCTURE_JOB_BATCH_ROWS=200"};
  Environment stopped_lease = short_lease;
  stopped_lease.push_back(kSlowCopy[1]);
  Tool stopped(target(), arguments, stopped_lease);
  ASSERT_TRUE(Eventually([&] { return CopyIsUnderWay(); }));
  stopped.Signal(SIGSTOP);
  ASSERT_TRUE(Eventually(
      [&] { return sql().Holds("NOT EXISTS (SELECT FROM restructure.jobs WHERE is_running)"); }));
  const Outcome second = Run(arguments, short_lease);
  stopped.Signal(SIGCONT);
  const Outcome first = stopped.Wait();
  EXPECT_TRUE(Exits(kDone, second));
  // It learns that it has lost its job, or finds it done.
  EXPECT_TRUE(first.exit_code == kResumable || first.exit_code == kDone) << first;
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Clean());
}

TEST_F(RestartTest, AProcessThatSleptAloneGoesOn) {
  CreateSet(4000);
  const Arguments arguments = RunSetArguments({"--no-throttle", "--soak", "0"});
  Environment environment = {"PG_RESTRUCTURE_LEASE_SECONDS=1"};
  environment.insert(environment.end(), kSlowCopy.begin(), kSlowCopy.end());
  Tool run(target(), arguments, environment);
  ASSERT_TRUE(Eventually([&] { return CopyIsUnderWay(); }));
  run.Signal(SIGSTOP);
  ASSERT_TRUE(Eventually(
      [&] { return sql().Holds("NOT EXISTS (SELECT FROM restructure.jobs WHERE is_running)"); }));
  run.Signal(SIGCONT);
  ExpectDoneAgain(run, arguments);
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Clean());
}

// The tool's backend goes on with its statement after the tool's death; the next run ends it
// before it does anything else.
TEST_F(RestartTest, AnOrphanedBackendIsEndedBeforeTheWorkGoesOn) {
  CreateSet(3000);
  Tool run(target(), RunSetArguments({"--no-throttle"}),
           {"PG_RESTRUCTURE_FAIL=verify.enter:sleep=1500"});
  ASSERT_TRUE(AwaitStage("ready"));
  const std::vector<std::string> tables = SideTables(sql(), "public", "members_of_owner");
  ASSERT_EQ(tables.size(), 2U);
  // A statement that takes as long as we want: one that waits for this lock.
  Client locker(target().Conninfo("locker"));
  locker.Exec("BEGIN; LOCK TABLE " + tables[1] + " IN ACCESS EXCLUSIVE MODE");
  const std::string waiting =
      "FROM pg_stat_activity WHERE application_name LIKE 'pg\\_restructure%'"
      " AND wait_event_type = 'Lock' AND datname = current_database()";
  ASSERT_TRUE(Eventually([&] { return sql().Holds("EXISTS (SELECT " + waiting + ")"); }));
  run.Signal(SIGKILL);
  EXPECT_EQ(run.Wait().signal, SIGKILL);
  const std::string orphans = sql().Text("SELECT coalesce(array_agg(pid), '{}') " + waiting);
  Tool again(target(), RunSetArguments({"--no-throttle"}));
  EXPECT_TRUE(Eventually([&] {
    return sql().Holds("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY (" +
                       Literal(orphans) + "))");
  }));
  locker.Exec("COMMIT");
  EXPECT_TRUE(Exits(kDone, again.Wait()));
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(Clean());
}

TEST_F(RestartTest, AtMostOneBatchOfEachWorkerIsDoneTwice) {
  constexpr int kWorkers = 3;
  constexpr int kFatalBatch = 12;
  CreateSet(6000);
  const Arguments arguments = RunSetArguments(
      {"--no-throttle", "--hold-before-swap", "--workers", std::to_string(kWorkers)});
  const std::string small = "PG_RESTRUCTURE_JOB_BATCH_ROWS=200";
  const Outcome killed =
      Run(arguments,
          {small, absl::StrCat("PG_RESTRUCTURE_FAIL=copy.before_commit@", kFatalBatch, ":kill")});
  ASSERT_EQ(killed.signal, SIGKILL) << killed;
  sql().Exec("CREATE TEMP TABLE survived AS SELECT * FROM restructure.batch WHERE job_id = " +
             Job() + " AND pass = 'copy' AND done");
  EXPECT_GE(sql().Number("SELECT count(*) FROM survived"), kFatalBatch - kWorkers);
  ASSERT_TRUE(Exits(kDone, Run(arguments, {small})));
  // What was committed stands; all ranges together cover each block once.
  sql().Exec("CREATE TEMP TABLE ranges AS SELECT * FROM restructure.batch WHERE job_id = " + Job() +
             " AND pass = 'copy' AND done");
  EXPECT_EQ(sql().Number("SELECT count(*) FROM survived LEFT JOIN ranges USING (low, high, rows)"
                         " WHERE ranges.low IS NULL"),
            0);
  EXPECT_EQ(sql().Number("SELECT count(*) FROM (SELECT low, coalesce(lag(high) OVER (ORDER BY low),"
                         " 0) AS last FROM ranges) r WHERE low <> last"),
            0);
  EXPECT_EQ(sql().Number("SELECT sum(rows) FROM ranges"),
            sql().Number("SELECT count(*) FROM members WHERE owner_id IS NOT NULL"));
  EXPECT_TRUE(Aborts());
  EXPECT_TRUE(Clean());
}

// Ctrl-C is an orderly stop, and the same command goes on.
TEST_F(RestartTest, AnInterruptedRunIsResumed) {
  CreateSet(6000);
  for (const int signal : {SIGINT, SIGTERM}) {
    const Arguments arguments = RunSetArguments({"--no-throttle"});
    Tool run(target(), arguments, kSlowCopy);
    ASSERT_TRUE(Eventually([&] { return CopyIsUnderWay() || !run.Running(); }));
    run.Signal(signal);
    const Outcome outcome = run.Wait();
    EXPECT_TRUE(Exits(kResumable, outcome));
    EXPECT_LT(outcome.elapsed, seconds(30));
    EXPECT_TRUE(Exits(kDone, Run({"resume", Job()})));
    EXPECT_TRUE(None(Differences()));
    EXPECT_TRUE(Exits(kDone, Run({"revert", Job()})));
    EXPECT_TRUE(Exits(kDone, Run({"finish", Job()})));
    EXPECT_TRUE(Clean());
  }
}

}  // namespace
}  // namespace server
