// What the server feels decides whether a job goes on: its replicas, its connections, and whatever
// else the operator asks.

#include <csignal>
#include <fstream>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/server/fixture.h"
#include "tests/server/standby.h"

namespace server {
namespace {

// Batches of a block each.
const char* const kTinyBatches = "PG_RESTRUCTURE_JOB_BATCH_ROWS=1";

class SignalsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    sql().Exec("CREATE TABLE gauge (value text); INSERT INTO gauge VALUES ('0')");
  }

  void SetGauge(const std::string& value) { sql().Query("UPDATE gauge SET value = $1", {value}); }

  // A job so slow that what is done to the server meanwhile can be felt by it: a signal of its own
  // lets it run a twentieth of the time.
  std::unique_ptr<Tool> StartSlowly(const Arguments& more = {}) {
    Arguments arguments =
        RunSetArguments({"--workers", "1", "--controller", "off", "--batch-target", "5ms",
                         "--signal", "crawl limit 1 stop 2 every 1h: SELECT 1.999"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::make_unique<Tool>(target(), arguments, Environment{kTinyBatches});
  }

  std::string WaitingFor() {
    if (sql().Holds("to_regclass('restructure.jobs') IS NULL")) return "";
    const Rows rows = sql().Query(
        "SELECT progress::json ->> 'waiting_for' FROM restructure.jobs ORDER BY job_id DESC LIMIT "
        "1");
    return rows.empty() ? "" : rows[0][0].value_or("");
  }
  bool AwaitReason(const std::string& reason) {
    return Eventually([&] { return absl::StartsWith(WaitingFor(), reason); }, seconds(20));
  }

  std::int64_t Batches() { return sql().Number("SELECT count(*) FROM restructure.batch"); }
  // Whether another batch is done within `limit`.
  bool GoesOn(milliseconds limit) {
    const std::int64_t before = Batches();
    return Eventually([&] { return Batches() > before; }, limit);
  }
  // When the last batch was done, once there has been none for a second.
  Clock::time_point LastBatch() {
    Clock::time_point last = Clock::now();
    std::int64_t before = Batches();
    while (Clock::now() - last < seconds(1)) {
      if (const std::int64_t now = Batches(); now != before) {
        before = now;
        last = Clock::now();
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
    return last;
  }

  void EndEarly(Tool& run) {
    run.Signal(SIGINT);
    EXPECT_TRUE(Exits(kResumable, run.Wait()));
    EXPECT_TRUE(Aborts());
    EXPECT_TRUE(Clean());
  }
};

TEST_F(SignalsTest, AReplicaThatStandsStillOrIsGoneStopsTheJobUntilItIsBack) {
  Standby standby(Cluster::Get(), "reports");
  CreateSet(20000);
  const std::unique_ptr<Tool> run = StartSlowly({"--require-replica", "reports"});
  ASSERT_TRUE(Eventually([&] { return Phase() == "connect" && Batches() > 5; })) << run->Written();

  const Clock::time_point paused = Clock::now();
  standby.PauseReplay();
  // It has stood still, and is as far behind: whichever is the more pressing is shown.
  ASSERT_TRUE(Eventually([&] {
    const std::string reason = WaitingFor();
    return absl::StartsWith(reason, "replica reports has stood still for ") ||
           (absl::StartsWith(reason, "replica lag ") && absl::EndsWith(reason, " of reports"));
  })) << WaitingFor();
  EXPECT_LE(LastBatch() - paused, milliseconds(2500)) << WaitingFor();
  standby.ResumeReplay();
  EXPECT_TRUE(GoesOn(seconds(5))) << WaitingFor();

  standby.Stop();
  EXPECT_TRUE(AwaitReason("replica reports is gone")) << WaitingFor();
  EXPECT_FALSE(GoesOn(seconds(1)));
  standby.Start();
  EXPECT_TRUE(GoesOn(seconds(10))) << WaitingFor();
  EndEarly(*run);
}

TEST_F(SignalsTest, AServerThatIsNotHeardAnyMoreStopsTheJobAndThatIsRecorded) {
  CreateSet(20000);
  const std::unique_ptr<Tool> run = StartSlowly({"--sample-age", "2s"});
  ASSERT_TRUE(Eventually([&] { return Phase() == "connect" && Batches() > 5; })) << run->Written();

  const auto sampler =
      static_cast<pid_t>(sql().Number("SELECT pid FROM pg_stat_activity WHERE application_name ~ "
                                      "'^pg_restructure job \\d+ sampler'"));
  const Clock::time_point stopped = Clock::now();
  ASSERT_EQ(kill(sampler, SIGSTOP), 0);
  EXPECT_TRUE(AwaitReason("load sample is ")) << WaitingFor();
  EXPECT_LE(LastBatch() - stopped, milliseconds(3500));
  EXPECT_TRUE(Eventually([&] {
    return sql().Holds(
        "EXISTS (SELECT FROM restructure.decision WHERE reason ~ '^load sample is .* old, limit')");
  }));
  ASSERT_EQ(kill(sampler, SIGCONT), 0);
  EXPECT_TRUE(GoesOn(seconds(10))) << WaitingFor();
  EndEarly(*run);
}

TEST_F(SignalsTest, ARequiredReplicaMustBeThereBeforeTheJobBegins) {
  CreateSet(100);
  const std::vector<std::string> before = Objects(sql());
  const Outcome refused = Run(RunSetArguments({"--require-replica", "reports"}));
  EXPECT_TRUE(Exits(kRefused, refused));
  EXPECT_TRUE(absl::StrContains(
      refused.err,
      "option --require-replica: replica reports is not connected\nHINT: connected "
      "are none; a replica's name is the application_name in its primary_conninfo."))
      << refused;
  EXPECT_EQ(Objects(sql()), before);
}

TEST_F(SignalsTest, AnOwnSignalStopsTheJobAndSaysWhy) {
  CreateSet(20000);
  SetGauge("100");
  const std::string query = "SELECT value::float8 FROM public.gauge";
  const std::unique_ptr<Tool> run =
      StartSlowly({"--signal", absl::StrCat("queue limit 80 stop 90 every 500ms: ", query)});
  ASSERT_TRUE(AwaitReason("queue 100 >= 90")) << run->Written();
  SetGauge("10");
  ASSERT_TRUE(Eventually([&] { return Batches() > 0; }));

  SetGauge("NULL and void");
  EXPECT_TRUE(AwaitReason("signal queue: invalid input syntax for type double precision"))
      << WaitingFor();
  SetGauge("10");
  EXPECT_TRUE(GoesOn(seconds(5))) << WaitingFor();

  Client locker(target().Conninfo());
  locker.Exec("BEGIN; LOCK TABLE gauge");
  EXPECT_TRUE(AwaitReason("signal queue: no answer in 300ms")) << WaitingFor();
  locker.Exec("ROLLBACK");
  EXPECT_TRUE(GoesOn(seconds(5))) << WaitingFor();
  EndEarly(*run);
}

TEST_F(SignalsTest, APlanTriesTheOwnSignals) {
  CreateSet(100);
  const std::string file = absl::StrCat(Cluster::Get().folder(), "/", target().database, ".ini");
  const auto plan = [&](const std::string& query) {
    std::ofstream(file) << "# ours\nsignal = calm limit 1 stop 2: SELECT 0\n"
                        << "signal = queue limit 80 stop 120 every 5s: " << query << "\n";
    return Run({"plan", "set", "public.members_of_owner", "--key", kSecondKey, "--profile", file});
  };
  EXPECT_TRUE(Exits(kDone, plan("SELECT count(*) FROM public.gauge")));
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"SELECT value FROM public.gauge WHERE false", "returned 0 rows, expected one"},
      {"SELECT 1 FROM pg_class", "rows, expected one"},
      {"SELECT 1, 2", "returned 2 columns, expected one"},
      {"SELECT NULL::int", "returned NULL, expected a number"},
      {"SELECT 'many'", "returned \"many\", expected a number"},
      {"SELECT 1 FROM pg_sleep(1)", "no answer in 300ms"},
      {"SELECT 1 FROM gauge", "relation \"gauge\" does not exist"},
      {"DELETE FROM public.gauge RETURNING 1", "cannot execute DELETE in a read-only transaction"},
      {"SELECT 1; SELECT 2", "cannot insert multiple commands into a prepared statement"},
  };
  for (const auto& [query, why] : refused) {
    const Outcome outcome = plan(query);
    EXPECT_TRUE(Exits(kRefused, outcome)) << query;
    EXPECT_TRUE(
        absl::StrContains(outcome.err, absl::StrCat("profile ", file, ", line 3: signal queue: ")))
        << outcome;
    EXPECT_TRUE(absl::StrContains(outcome.err, why)) << outcome;
    EXPECT_TRUE(absl::StrContains(outcome.err, "HINT: its query is to return one row")) << outcome;
  }
  EXPECT_EQ(sql().Number("SELECT count(*) FROM gauge"), 1);
}

TEST_F(SignalsTest, ConnectionsAreLeftToOthers) {
  CreateSet(20000);
  const std::unique_ptr<Tool> run = StartSlowly();
  ASSERT_TRUE(Eventually([&] { return Phase() == "connect" && Batches() > 5; })) << run->Written();
  std::vector<std::unique_ptr<Client>> others;
  while (sql().Number("SELECT count(*) FROM pg_stat_activity") < 190) {
    others.push_back(std::make_unique<Client>(target().Conninfo("other")));
  }
  EXPECT_TRUE(AwaitReason("connections 1")) << WaitingFor();
  EXPECT_TRUE(absl::StrContains(WaitingFor(), " >= 180")) << WaitingFor();
  others.clear();
  EXPECT_TRUE(GoesOn(seconds(10))) << WaitingFor();
  EndEarly(*run);
}

// A role that owns the table and may see nothing of others.
TEST_F(SignalsTest, APlainRoleIsToldWhatItMayNotSee) {
  CreateMembers(sql(), 500);
  const std::string role = target().database + "_dba";
  sql().Exec(absl::StrCat("CREATE ROLE ", role, " LOGIN; GRANT CREATE ON DATABASE ",
                          target().database, " TO ", role, "; GRANT CREATE ON SCHEMA public TO ",
                          role, "; ALTER TABLE members OWNER TO ", role,
                          "; ALTER TABLE owners OWNER TO ", role));
  const Target plain = target().As(role);
  ASSERT_TRUE(Exits(kDone, RunTool(plain, CreateSetArguments())));
  const Arguments demanding = RunSetArguments({"--active-sessions", "50"});
  const Outcome refused = RunTool(plain, demanding);
  EXPECT_TRUE(Exits(kRefused, refused));
  EXPECT_TRUE(absl::StrContains(
      refused.err, absl::StrCat("option --active-sessions: role ", role,
                                " may not see the sessions of others\nHINT: GRANT pg_monitor TO ",
                                role, ", or leave it out.")))
      << refused;
  EXPECT_TRUE(Exits(kDone, RunTool(plain, RunSetArguments()))) << "what it may see is enough";
  sql().Exec("GRANT pg_monitor TO " + role);
  EXPECT_TRUE(Exits(kDone, RunTool(plain, {"revert", Job(), "--active-sessions", "50"})));
  EXPECT_TRUE(Exits(kDone, RunTool(plain, {"finish", Job()})));
  sql().Exec(absl::StrCat("REASSIGN OWNED BY ", role, " TO postgres; DROP OWNED BY ", role,
                          "; DROP ROLE ", role));
}

TEST_F(SignalsTest, APlanExplainsTheLimits) {
  CreateSet(100);
  const Arguments plan = {"plan",
                          "set",
                          "public.members_of_owner",
                          "--key",
                          kSecondKey,
                          "--explain-limits",
                          "--signal",
                          "queue limit 80 stop 120: SELECT 7"};
  const Outcome text = Run(plan);
  EXPECT_TRUE(Exits(kDone, text));
  for (const char* line :
       {"  signal +now +soft +hard +why\n",
        "  commit time +[0-9.]+ ms +[0-9.]+ ms +[0-9.]+ ms  50 % of the median now, or 5 ms more, "
        "at most twice the share;",
        "  transactions of others +- +.15 % +.84 %  their mean in this database;",
        "  replica lag +- +2.5s +5s  there is no replica\n",
        "  queue +7 +80 +120  the profile's own\n",
        "  connections +[0-9]+ +160 +180  90 % of max_connections = 200\n",
        "  A pause stops batches. It does not stop"}) {
    EXPECT_TRUE(std::regex_search(text.out, std::regex(line))) << line << "\n" << text;
  }
  Arguments as_json = plan;
  as_json.push_back("--json");
  const Outcome outcome = Run(as_json);
  const nlohmann::json json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << outcome;
  bool found = false;
  for (const nlohmann::json& limit : json["limits"]) {
    if (limit["signal"] != "queue") continue;
    found = true;
    EXPECT_EQ(limit["now"], "7");
    EXPECT_EQ(limit["soft"], "80");
    EXPECT_EQ(limit["hard"], "120");
  }
  EXPECT_TRUE(found) << outcome;
}

}  // namespace
}  // namespace server
