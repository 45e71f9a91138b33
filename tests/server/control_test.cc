// A running job is steered from another terminal and by SQL: faster, slower, stopped.

#include <algorithm>
#include <csignal>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/server/fixture.h"

namespace server {
namespace {

// Promised is a third of a second, and one second for what is adjusted; a machine that is busy with
// something else is given more.
constexpr milliseconds kStopMax{1000};
constexpr milliseconds kEffectiveMax{3000};

class ControlTest : public ServerTest {
 protected:
  // Begins a job whose every batch takes that long on the server.
  std::unique_ptr<Tool> Begin(const std::string& seconds_per_batch, const Arguments& more = {}) {
    CreateSet(20000);
    sql().Exec(
        "CREATE TABLE slowness (seconds float8 NOT NULL);"
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS"
        " 'BEGIN PERFORM pg_sleep(seconds) FROM slowness; RETURN NULL; END'");
    SlowDown(seconds_per_batch);
    Arguments arguments = RunSetArguments();
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto run = std::make_unique<Tool>(target(), arguments,
                                      Environment{"PG_RESTRUCTURE_JOB_BATCH_ROWS=50",
                                                  "PG_RESTRUCTURE_FAIL=connect.enter:sleep=700"});
    EXPECT_TRUE(AwaitStage("copying")) << run->Written();
    sql().Exec(absl::StrCat("CREATE TRIGGER slow AFTER INSERT ON ", Replacement(),
                            " FOR EACH STATEMENT EXECUTE FUNCTION slow()"));
    return run;
  }

  // Of each batch that begins from now on.
  void SlowDown(const std::string& seconds) {
    sql().Exec("DELETE FROM slowness; INSERT INTO slowness VALUES (" + seconds + ")");
  }

  std::string Replacement() { return SideTables(sql(), "public", "members_of_owner").back(); }

  std::int64_t Workers(const std::string& condition = "true") {
    return sql().Number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'pg\\_restructure job % worker %' AND " +
        condition);
  }
  std::int64_t BusyWorkers() { return Workers("state = 'active'"); }

  // They are in the middle of a batch that was slowed down, not in one of its short statements.
  bool AreInLongBatches(std::int64_t workers) {
    return Eventually([&] {
      return Workers("state = 'active' AND query_start < clock_timestamp() - interval '50 ms'") ==
             workers;
    });
  }

  bool AwaitWorkers(std::int64_t number) {
    return Eventually([&] { return Workers() == number; }, kEffectiveMax);
  }

  // Runs `stop` and waits until no statement of the workers runs.
  testing::AssertionResult Stops(const std::string& what, const std::function<void()>& stop) {
    stop();
    const Clock::time_point start = Clock::now();
    const bool stopped = Eventually([&] { return BusyWorkers() == 0; });
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
    std::cout << "stopped by " << what << " in " << took.count() << " ms\n";
    if (stopped && took <= kStopMax) return testing::AssertionSuccess();
    return testing::AssertionFailure() << what << ": " << took.count() << " ms";
  }

  void Call(const std::string& function) {
    sql().Exec(absl::StrCat("SELECT restructure.", function, "(", Job(), ")"));
  }

  std::string Status() { return Run({"status", Job()}).text(); }

  // The server's message when it refuses `sql`, and its hint is checked to be there.
  std::string Refused(const std::string& statement) {
    try {
      sql().Exec(statement);
    } catch (const ServerError& error) {
      return error.what();
    }
    return "not refused";
  }

  // One header, and lines of nine fields, four a second.
  void ExpectTrace(const std::string& text) {
    const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
    ASSERT_GT(lines.size(), 8U) << text;
    EXPECT_EQ(lines[0],
              "time,pressure,reason,effective_workers,workers,rows_per_batch,batch_seconds,"
              "commit_seconds,transaction_seconds,busy");
    bool any_pause = false;
    for (std::size_t i = 1; i < lines.size(); ++i) {
      EXPECT_EQ(std::count(lines[i].begin(), lines[i].end(), ','), 9) << lines[i];
      EXPECT_NE(lines[i], lines[0]);
      any_pause = any_pause || absl::StrContains(lines[i], "pause requested by the operator");
    }
    EXPECT_TRUE(any_pause) << text;
  }

  bool Finishes(Tool& run) {
    SlowDown("0");
    const Outcome outcome = run.Wait();
    EXPECT_TRUE(Exits(kDone, outcome));
    EXPECT_TRUE(None(Differences()));
    EXPECT_TRUE(Exits(kDone, Run({"finish", Job()})));
    EXPECT_TRUE(Clean());
    return outcome.exit_code == kDone;
  }
};

TEST_F(ControlTest, WorkersComeAndGoWhileTheJobRuns) {
  const std::unique_ptr<Tool> run = Begin("0.5", {"--no-throttle", "--workers", "1"});
  ASSERT_TRUE(AwaitWorkers(1));
  sql().Exec(absl::StrCat("SELECT restructure.adjust(", Job(), ", 'workers', '4')"));
  EXPECT_TRUE(AwaitWorkers(4)) << Workers();
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Status(), "adjusted: workers 4\n"); }));

  const Outcome adjusted = Run({"adjust", Job(), "--workers", "2", "--for", "3s"});
  EXPECT_TRUE(Exits(kDone, adjusted));
  EXPECT_TRUE(absl::StrContains(adjusted.out, absl::StrCat("job ", Job(), ": workers 2 until ")))
      << adjusted;
  EXPECT_TRUE(AwaitWorkers(2)) << Workers();
  // The time is over: as it was begun.
  EXPECT_TRUE(Eventually([&] { return Workers() == 1; }));
  EXPECT_TRUE(
      Eventually([&] { return sql().Number("SELECT count(*) FROM restructure.adjustment") == 0; }));

  EXPECT_TRUE(Exits(kDone, Run({"adjust", Job(), "--profile", "fast", "--workers", "3"})));
  EXPECT_TRUE(AwaitWorkers(3)) << Workers();
  EXPECT_EQ(sql().Text("SELECT string_agg(key || '=' || value, ' ' ORDER BY key)"
                       " FROM restructure.adjustments"),
            "batch-target=250ms replica-lag=15s replica-lag-bytes=256MB wait-for-us=100ms"
            " workers=3");
  const Outcome reset = Run({"adjust", Job(), "--reset"});
  EXPECT_EQ(reset.out, absl::StrCat("job ", Job(), ": as it was begun\n"));
  EXPECT_TRUE(AwaitWorkers(1)) << Workers();
  EXPECT_TRUE(Finishes(*run));
}

TEST_F(ControlTest, ABatchTargetIsHeededByTheNextBatches) {
  CreateSet(20000);
  Tool run(target(), RunSetArguments({"--no-throttle", "--workers", "1", "--batch-target", "1m"}),
           {"PG_RESTRUCTURE_FAIL=connect.enter:sleep=700"});
  ASSERT_TRUE(AwaitStage("copying")) << run.Written();
  sql().Exec(
      absl::StrCat("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
                   " 'BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END';"
                   "CREATE TRIGGER slow AFTER INSERT ON ",
                   Replacement(), " FOR EACH STATEMENT EXECUTE FUNCTION slow()"));
  ASSERT_TRUE(AwaitWorkers(1));
  EXPECT_TRUE(Exits(kDone, Run({"adjust", Job(), "--batch-target", "10ms"})));
  EXPECT_TRUE(Eventually([&] {
    return sql().Number(
               "SELECT progress::json->>'rows_per_batch' FROM restructure.jobs"
               " ORDER BY job_id DESC LIMIT 1") == 50;
  }));
  sql().Exec("DROP FUNCTION slow() CASCADE");
  EXPECT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_TRUE(None(Differences()));
}

TEST_F(ControlTest, SqlRefusesWhatTheCommandLineRefuses) {
  CreateSet(100);
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--hold-before-swap", "--no-throttle"}))));
  const std::string job = Job();
  const auto adjust = [&](const std::string& key, const std::string& value) {
    return Refused(
        absl::StrCat("SELECT restructure.adjust(", job, ", '", key, "', '", value, "')"));
  };
  EXPECT_TRUE(absl::StrContains(Refused("SELECT restructure.adjust(999, 'workers', '4')"),
                                "P0002: ERROR:  no job 999\nHINT:  "));
  EXPECT_TRUE(absl::StrContains(
      adjust("wokers", "4"),
      "22023: ERROR:  there is no key \"wokers\" that can be changed while a job runs\n"
      "HINT:  the keys are active-sessions, batch-target, controller, impact, "
      "replica-lag, replica-lag-bytes, wait-for-us, workers"));
  EXPECT_TRUE(absl::StrContains(
      adjust("workers", "65"),
      "22023: ERROR:  key workers: \"65\" is not a number from 1 to 64\nHINT:  write plain"));
  for (const char* value : {"0", "-1", "four", "", "1e1", " 4", "99999999999999"}) {
    EXPECT_TRUE(absl::StrContains(adjust("workers", value), "is not a number")) << value;
  }
  for (const char* value :
       {"0", "61s", "2h", "100", "100 ms", "1 hour", "-1s", "NaN", "infinity"}) {
    EXPECT_TRUE(
        absl::StrContains(adjust("batch-target", value), "is not a duration from 1ms to 1m"))
        << value;
  }
  for (const char* value : {"1XB", "-1", "1.5GB", "1025TB", "GB"}) {
    EXPECT_TRUE(absl::StrContains(adjust("replica-lag-bytes", value), "is not a size")) << value;
  }
  for (const char* value : {"0%", "1001%", "1.5%", "%", "50", "0", "0.95ms", "61s"}) {
    EXPECT_TRUE(absl::StrContains(adjust("impact", value),
                                  "is not a share or a time from 1% to 1m\nHINT:  write 50%"))
        << value;
  }
  EXPECT_TRUE(absl::StrContains(adjust("controller", "true"), "is not a switch, on or off"));
  EXPECT_TRUE(absl::StrContains(
      Refused(absl::StrCat("SELECT restructure.adjust(", job, ", 'workers', '4', '-1 s')")),
      "is over at once"));
  EXPECT_EQ(sql().Number("SELECT count(*) FROM restructure.adjustment"), 0);

  // What is at the bounds, both take.
  for (const char* bound : {"low", "high"}) {
    for (const Row& row : sql().Query(absl::StrCat("SELECT key, coalesce(", bound,
                                                   ", 'off') FROM restructure.adjustable"))) {
      EXPECT_TRUE(Exits(kDone, Run({"adjust", job, "--" + *row[0], *row[1]})));
    }
  }
  EXPECT_EQ(sql().Text("SELECT string_agg(key || '=' || amount::bigint, ' ' ORDER BY key)"
                       " FROM restructure.adjustment"),
            "active-sessions=100000 batch-target=60000 controller=0 impact=60000"
            " replica-lag=86400000"
            " replica-lag-bytes=1125899906842624 wait-for-us=60000 workers=64");
  sql().Exec(absl::StrCat("SELECT restructure.adjust(", job, ", 'workers', NULL)"));
  EXPECT_EQ(sql().Number("SELECT count(*) FROM restructure.adjustments WHERE key = 'workers'"), 0);
  const nlohmann::json status =
      nlohmann::json::parse(Run({"status", job, "--json"}).out, nullptr, false);
  EXPECT_EQ(status["adjustments"].size(), 7U) << status;

  // Others may look, not steer.
  sql().Exec("CREATE ROLE onlooker; SET ROLE onlooker");
  EXPECT_EQ(sql().Number("SELECT count(*) FROM restructure.adjustments"), 7);
  EXPECT_EQ(sql().Try(absl::StrCat("SELECT restructure.adjust(", job, ", 'workers', '4')")),
            "42501");
  EXPECT_EQ(sql().Try(absl::StrCat("SELECT restructure.panic(", job, ")")), "42501");
  sql().Exec("RESET ROLE; DROP ROLE onlooker");

  ASSERT_TRUE(Aborts());
  EXPECT_TRUE(
      absl::StrContains(adjust("workers", "4"), absl::StrCat("55000: ERROR:  job ", job, " on ")));
  EXPECT_TRUE(Exits(kRefused, Run({"adjust", job, "--workers", "4"})));
  EXPECT_EQ(sql().Number("SELECT count(*) FROM restructure.adjustment"), 0);
}

TEST_F(ControlTest, AnAdjustmentMayNotContradictTheRestOfTheJob) {
  CreateSet(100);
  const std::string why = "batch-target 2s is not below replica-lag 2s";
  const std::string hint = "one batch alone may keep a replica behind for as long as it takes";
  const Outcome profile = Run(RunSetArguments({"--batch-target", "2s", "--replica-lag", "2s"}));
  EXPECT_TRUE(absl::StrContains(profile.err, absl::StrCat(why, "\nHINT: ", hint))) << profile;

  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--hold-before-swap", "--controller", "off",
                                                "--replica-lag", "2s"}))));
  const std::string job = Job();
  const auto adjust = [&](const std::string& key, const std::string& value) {
    return absl::StrCat("SELECT restructure.adjust(", job, ", '", key, "', ", value, ")");
  };
  const auto adjusted = [&] {
    return sql().Text(
        "SELECT coalesce(string_agg(key || ' ' || value, ', ' ORDER BY key), '')"
        " FROM restructure.adjustments");
  };
  const Outcome refused = Run({"adjust", job, "--workers", "3", "--batch-target", "2s"});
  EXPECT_TRUE(Exits(kRefused, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, absl::StrCat(why, "\nHINT: ", hint))) << refused;
  EXPECT_TRUE(absl::StrContains(Refused(adjust("batch-target", "'2s'")),
                                absl::StrCat("22023: ERROR:  ", why, "\nHINT:  ", hint)));
  EXPECT_EQ(adjusted(), "") << "all of it or nothing";

  // Together they may; neither may go back alone then.
  EXPECT_TRUE(Exits(kDone, Run({"adjust", job, "--batch-target", "2s", "--replica-lag", "10s"})));
  EXPECT_TRUE(absl::StrContains(Refused(adjust("replica-lag", "NULL")), why));
  EXPECT_TRUE(Exits(kRefused, Run({"adjust", job, "--reset", "--batch-target", "2s"})));
  EXPECT_EQ(adjusted(), "batch-target 2s, replica-lag 10s");
  EXPECT_TRUE(Exits(kDone, Run({"adjust", job, "--reset", "--batch-target", "1s"})));
  EXPECT_EQ(adjusted(), "batch-target 1s");
  sql().Exec(absl::StrCat("BEGIN; ", adjust("batch-target", "'3s'"), "; ",
                          adjust("replica-lag", "'0'"), "; COMMIT"));
  EXPECT_EQ(adjusted(), "batch-target 3s, replica-lag 0");
  // What ends by itself is nobody's to refuse.
  sql().Exec(
      "UPDATE restructure.adjustment SET until = clock_timestamp() + interval '10 ms'"
      " WHERE key = 'replica-lag'");
  ASSERT_TRUE(Eventually([&] { return adjusted() == "batch-target 3s"; }));
  sql().Exec("DELETE FROM restructure.adjustment WHERE until <= clock_timestamp()");
  EXPECT_TRUE(Exits(kDone, Run({"adjust", job, "--reset"})));
  EXPECT_TRUE(Aborts());
}

TEST_F(ControlTest, APauseAndAPanicEndLongBatchesAtOnce) {
  const std::unique_ptr<Tool> run = Begin("60", {"--no-throttle", "--workers", "2"});
  for (const char* how : {"pause", "panic", "pause", "panic"}) {
    ASSERT_TRUE(AreInLongBatches(2)) << run->Written();
    EXPECT_TRUE(Stops(how, [&] { Call(how); }));
    EXPECT_TRUE(Eventually([&] { return absl::StrContains(Status(), how); })) << Status();
    EXPECT_EQ(BusyWorkers(), 0);
    EXPECT_TRUE(run->Running()) << run->Written();
    Call("resume");
  }
  ASSERT_TRUE(AreInLongBatches(2)) << run->Written();
  EXPECT_TRUE(Stops("panic JOB", [&] { EXPECT_TRUE(Exits(kDone, Run({"panic", Job()}))); }));
  SlowDown("0");
  EXPECT_TRUE(Exits(kDone, Run({"resume", Job()})));
  EXPECT_TRUE(Finishes(*run));
}

TEST_F(ControlTest, CtrlCEndsLongBatchesAtOnce) {
  const std::unique_ptr<Tool> run = Begin("60", {"--no-throttle", "--workers", "1"});
  ASSERT_TRUE(AreInLongBatches(1)) << run->Written();
  EXPECT_TRUE(Stops("Ctrl-C", [&] { run->Signal(SIGINT); }));
  EXPECT_TRUE(Exits(kResumable, run->Wait()));
  SlowDown("0");
  EXPECT_TRUE(Exits(kDone, Run({"resume", Job(), "--no-throttle"})));
  EXPECT_TRUE(None(Differences()));
}

TEST_F(ControlTest, StatusShowsTheLimitsInForce) {
  const std::unique_ptr<Tool> run =
      Begin("0.1", {"--workers", "1", "--controller", "off", "--active-sessions", "50"});
  const std::string others =
      " or 64.0 MB, waits for our locks 50ms, archiver 42, active sessions 50";
  EXPECT_TRUE(Eventually([&] {
    return absl::StrContains(Status(), "\n  limits: replica lag 5s" + others + "\n");
  })) << Status();
  EXPECT_TRUE(Exits(kDone, Run({"adjust", Job(), "--replica-lag", "9s"})));
  EXPECT_TRUE(Eventually([&] {
    const std::string status = Run({"status", Job(), "--json"}).out;
    return nlohmann::json::parse(status, nullptr, false)["progress"]["limits"] ==
           "replica lag 9s" + others;
  })) << Status();
  EXPECT_TRUE(Finishes(*run));
}

TEST_F(ControlTest, DecisionsAreRecordedKeptWithinBoundsAndExplained) {
  const std::string file = Cluster::Get().folder() + "/" + target().database + ".csv";
  const std::unique_ptr<Tool> run =
      Begin("0.05", {"--controller", "off", "--workers", "1", "--trace", file});
  ASSERT_TRUE(AwaitWorkers(1));
  const auto recorded = [&](const std::string& condition) {
    return sql().Number("SELECT count(*) FROM restructure.decisions WHERE " + condition) > 0;
  };
  EXPECT_TRUE(Eventually([&] { return recorded("reason = '' AND effective_workers = 1"); }));
  EXPECT_TRUE(Exits(kDone, Run({"adjust", Job(), "--workers", "3"})));
  EXPECT_TRUE(Eventually([&] { return recorded("workers = 3 AND rows_per_batch = 50"); }));
  // The next that is written finds too many.
  sql().Exec(
      absl::StrCat("INSERT INTO restructure.decision SELECT ", Job(),
                   ", now() - interval '1 day' + i * interval '1 s', 0, '', 1, 1, 1, 0, NULL, NULL"
                   " FROM generate_series(1, 7000) i"));
  Call("pause");
  EXPECT_TRUE(Eventually([&] { return recorded("reason LIKE 'pause%' AND workers = 0"); }));
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Status(), "ago: pause requested"); }));
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Status(), "pace set by: "); }));
  const nlohmann::json status =
      nlohmann::json::parse(Run({"status", Job(), "--json"}).out, nullptr, false);
  EXPECT_EQ(status["decision"]["workers"], 0) << status;
  EXPECT_GT(status["summary"]["reasons"]["full speed"]["seconds"], 0) << status;
  // A process that takes over begins to count anew, and thins.
  run->Signal(SIGINT);
  EXPECT_TRUE(Exits(kResumable, run->Wait()));
  SlowDown("0.02");
  const Outcome outcome =
      Run({"resume", Job(), "--controller", "off", "--workers", "2", "--trace", file});
  EXPECT_TRUE(Exits(kDone, outcome));
  EXPECT_TRUE(absl::StrContains(outcome.out, "pace of the batches, by what set it\n"));
  EXPECT_LE(sql().Number("SELECT count(*) FROM restructure.decisions"), 5000 + 100);
  EXPECT_TRUE(recorded("workers = 3 AND rows_per_batch = 50")) << "the newest stay";
  ExpectTrace(sql().Text("SELECT pg_read_file($1)", {file}));
  EXPECT_TRUE(None(Differences()));
}

TEST_F(ControlTest, ATraceThatCannotBeWrittenIsRefusedAtOnce) {
  CreateSet(100);
  const Outcome refused = Run(RunSetArguments({"--trace", "/nowhere/trace.csv"}));
  EXPECT_TRUE(Exits(kUsage, refused));
  EXPECT_EQ(refused.err,
            "pg_restructure: option --trace: the file /nowhere/trace.csv cannot be written\n"
            "HINT: name a file in a folder that is there\n");
}

// A second job, in another database of the same server.
class NeighboursTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    other_ = Cluster::Get().CreateDatabase();
    Client client(other_.Conninfo());
    CreateMembers(client, 8000);
    ASSERT_TRUE(Exits(kDone, RunTool(other_, CreateSetArguments())));
    client.Exec(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END'");
  }
  void TearDown() override {
    Cluster::Get().DropDatabase(other_);
    ControlTest::TearDown();
  }

  std::unique_ptr<Tool> BeginOther(const Arguments& more) {
    auto run = std::make_unique<Tool>(other_, RunSetArguments(more),
                                      Environment{"PG_RESTRUCTURE_JOB_BATCH_ROWS=50",
                                                  "PG_RESTRUCTURE_FAIL=connect.enter:sleep=700"});
    Client client(other_.Conninfo());
    EXPECT_TRUE(Eventually([&] {
      return SideTables(client, "public", "members_of_owner").size() == 2;
    })) << run->Written();
    client.Exec("CREATE TRIGGER slow AFTER INSERT ON " +
                SideTables(client, "public", "members_of_owner").back() +
                " FOR EACH STATEMENT EXECUTE FUNCTION slow()");
    return run;
  }

  // The most workers that were busy at one moment of a time: of this database's job, and of all.
  struct Busy {
    std::int64_t of_this = 0;
    std::int64_t of_all = 0;
  };
  Busy MostBusy(milliseconds time) {
    Busy most;
    for (const Clock::time_point end = Clock::now() + time; Clock::now() < end;) {
      const Rows rows = sql().Query(
          "SELECT count(*) FILTER (WHERE datname = current_database()), count(*)"
          " FROM pg_stat_activity WHERE state = 'active'"
          " AND application_name LIKE 'pg\\_restructure job % worker %'");
      most.of_this = std::max<std::int64_t>(most.of_this, std::stoll(*rows[0][0]));
      most.of_all = std::max<std::int64_t>(most.of_all, std::stoll(*rows[0][1]));
    }
    return most;
  }

  Target other_;
};

TEST_F(NeighboursTest, TwoJobsTogetherHaveWhatOneHas) {
  const Arguments four = {"--controller", "off", "--workers", "4"};
  const std::unique_ptr<Tool> first = Begin("0.2", four);
  ASSERT_TRUE(AreInLongBatches(4)) << first->Written();
  const std::unique_ptr<Tool> second = BeginOther(four);
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(Status(), "2 jobs on this server: 2 of 4 workers") &&
           absl::StrContains(RunTool(other_, {"status"}).out, "2 jobs on this server");
  })) << Status();
  // Batches that ran already end as ever.
  ASSERT_TRUE(Eventually([&] { return MostBusy(milliseconds(400)).of_this <= 2; }, kEffectiveMax));
  const Busy busy = MostBusy(seconds(2));
  EXPECT_LE(busy.of_all, 4);
  EXPECT_GE(busy.of_all, 3);
  EXPECT_EQ(busy.of_this, 2);
  second->Signal(SIGINT);
  EXPECT_TRUE(Exits(kResumable, second->Wait()));
  EXPECT_TRUE(AreInLongBatches(4)) << Status();
  SlowDown("0");
  EXPECT_TRUE(Exits(kDone, first->Wait()));
  EXPECT_TRUE(None(Differences()));
}

TEST_F(ControlTest, ALongBatchThatOthersWaitForIsEnded) {
  const std::unique_ptr<Tool> run = Begin("60", {"--controller", "off", "--workers", "1"});
  ASSERT_TRUE(AreInLongBatches(1)) << run->Written();
  Client other(target().Conninfo());
  const Clock::time_point start = Clock::now();
  other.Exec("BEGIN; LOCK TABLE members IN ACCESS EXCLUSIVE MODE; COMMIT");
  const auto waited = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
  std::cout << "others waited for " << waited.count() << " ms\n";
  EXPECT_LT(waited, milliseconds(5000));
  EXPECT_TRUE(Finishes(*run));
}

TEST_F(ControlTest, APauseLetsAnIndexBuildGoOnAndAPanicEndsIt) {
  CreateMembers(sql(), 500);
  sql().Exec("CREATE INDEX members_rank ON members (rank)");
  // The build waits for the end of this transaction.
  Client writer(target().Conninfo());
  writer.Exec("BEGIN; UPDATE members SET hits = hits + 1 WHERE id = 1");
  const std::string build = "CREATE INDEX CONCURRENTLY%";
  Tool run(target(), {"run", "index", "public.members_rank", "--key", "rank, id", "--no-throttle"});
  ASSERT_TRUE(Eventually([&] { return ToolRuns(build); })) << run.Written();
  Call("pause");
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(Status(), "paused"); }));
  EXPECT_FALSE(Eventually([&] { return !ToolRuns(build); }, milliseconds(1000)));
  EXPECT_TRUE(Stops("panic", [&] { Call("panic"); }));
  writer.Exec("COMMIT");
  Call("resume");
  EXPECT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(Clean());
}

}  // namespace
}  // namespace server
