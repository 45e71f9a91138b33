// Several operators, and an operator's wishes while a job runs.

#include <algorithm>
#include <memory>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/server/fixture.h"
#include "tests/server/writers.h"

namespace server {
namespace {

class OperatorsTest : public ServerTest {};

TEST_F(OperatorsTest, ExactlyOneOfManyRuns) {
  CreateSet(3000);
  constexpr int kOperators = 6;
  std::vector<std::unique_ptr<Tool>> tools;
  for (int i = 0; i < kOperators; ++i) {
    tools.push_back(
        std::make_unique<Tool>(target(), RunSetArguments({"--no-throttle"}),
                               Environment{"PG_RESTRUCTURE_FAIL=connect.enter:sleep=2500"}));
  }
  int done = 0;
  for (const std::unique_ptr<Tool>& tool : tools) {
    const Outcome outcome = tool->Wait();
    if (outcome.exit_code == kDone) {
      ++done;
      continue;
    }
    EXPECT_TRUE(Exits(kRefused, outcome));
    EXPECT_NE(outcome.err.find("HINT:"), std::string::npos) << outcome;
  }
  EXPECT_EQ(done, 1);
  EXPECT_EQ(sql().Number("SELECT count(*) FROM restructure.job WHERE kind <> 'create' AND open"),
            1);
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(Clean());
}

TEST_F(OperatorsTest, TheSecondIsToldWhoHoldsTheJob) {
  CreateSet(1000);
  Tool first(target(), RunSetArguments({"--no-throttle"}),
             {"PG_RESTRUCTURE_FAIL=connect.enter:sleep=1500"});
  ASSERT_TRUE(AwaitStage("copying"));
  const Outcome same = Run(RunSetArguments());
  EXPECT_TRUE(Exits(kRefused, same));
  EXPECT_NE(same.err.find(Job()), std::string::npos) << same;
  const Outcome other = Run({"run", "set", "public.members_of_owner", "--key", "id desc"});
  EXPECT_TRUE(Exits(kRefused, other));
  EXPECT_NE(other.err.find("HINT:"), std::string::npos) << other;
  EXPECT_TRUE(Exits(kRefused, Run({"drop", "set", "public.members_of_owner"})));
  EXPECT_TRUE(Exits(kDone, first.Wait()));
}

TEST_F(OperatorsTest, TwoCreateTheSameSetAtOnce) {
  CreateMembers(sql(), 1000);
  Tool one(target(), CreateSetArguments());
  Tool other(target(), CreateSetArguments());
  const Outcome first = one.Wait();
  const Outcome second = other.Wait();
  EXPECT_TRUE(first.exit_code == kDone || first.exit_code == kRefused) << first;
  EXPECT_TRUE(second.exit_code == kDone || second.exit_code == kRefused) << second;
  EXPECT_TRUE(first.exit_code == kDone || second.exit_code == kDone);
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Clean());
}

TEST_F(OperatorsTest, PauseHoldsTheBatchesAndResumeLetsThemGo) {
  CreateSet(4000);
  Tool run(target(), RunSetArguments({"--no-throttle"}),
           {"PG_RESTRUCTURE_JOB_BATCH_ROWS=100", "PG_RESTRUCTURE_FAIL=connect.enter:sleep=800"});
  ASSERT_TRUE(AwaitStage("copying"));
  ASSERT_TRUE(Exits(kDone, Run({"pause", Job()})));
  ASSERT_TRUE(Eventually([&] {
    const Outcome status = Run({"status", Job()});
    return status.text().find("pause") != std::string::npos;
  }));
  EXPECT_TRUE(run.Running()) << run.Written();
  EXPECT_TRUE(Phase() == "build" || Phase() == "connect") << Phase();
  ASSERT_TRUE(Exits(kDone, Run({"resume", Job()})));
  EXPECT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_TRUE(None(Differences()));
}

TEST_F(OperatorsTest, AbortFromASecondTerminalEndsTheFirst) {
  CreateSet(3000);
  const std::vector<std::string> before = Objects(sql());
  Writers writers(target(), 1);
  Tool run(target(), RunSetArguments({"--no-throttle"}),
           {"PG_RESTRUCTURE_FAIL=connect.enter:sleep=1200"});
  ASSERT_TRUE(AwaitStage("copying"));
  EXPECT_TRUE(Aborts());
  EXPECT_TRUE(Exits(kAborted, run.Wait()));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  EXPECT_EQ(Objects(sql()), before);
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Clean());
}

TEST_F(OperatorsTest, AJobIsDoneOnlyWhereItsPhaseAllows) {
  CreateSet(500);
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--hold-before-swap", "--no-throttle"}))));
  const std::string job = Job();
  EXPECT_TRUE(Exits(kRefused, Run({"revert", job})));
  EXPECT_TRUE(Exits(kRefused, Run({"finish", job})));
  ASSERT_TRUE(Exits(kDone, Run({"swap", job})));
  EXPECT_TRUE(Exits(kRefused, Run({"abort", job})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", job})));
  EXPECT_TRUE(Exits(kRefused, Run({"revert", job})));
  EXPECT_TRUE(Exits(kRefused, Run({"abort", job})));
  EXPECT_TRUE(Exits(kRefused, Run({"swap", "999999"})));
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Clean());
}

TEST_F(OperatorsTest, StatusAndSummaryAreJson) {
  CreateSet(2000);
  const std::string file = Cluster::Get().folder() + "/" + target().database + ".json";
  ASSERT_TRUE(
      Exits(kDone, Run(RunSetArguments({"--no-throttle", "--soak", "0", "--summary", file}))));
  const std::string text = sql().Text("SELECT pg_read_file($1)", {file});
  const nlohmann::json summary = nlohmann::json::parse(text, nullptr, false);
  ASSERT_TRUE(summary.is_object()) << text;
  for (const char* field : {"job", "kind", "name", "rows", "phases", "locks", "wal_bytes",
                            "batches", "retries", "verified_rows", "differences"}) {
    EXPECT_TRUE(summary.contains(field)) << field << " is missing in " << text;
  }
  const std::int64_t members =
      sql().Number("SELECT count(*) FROM members WHERE owner_id IS NOT NULL");
  EXPECT_EQ(summary.value("rows", 0), members);
  EXPECT_EQ(summary.value("differences", -1), 0);
  EXPECT_GE(summary.value("verified_rows", 0), members);
  const Outcome status = Run({"status", Job(), "--json"});
  ASSERT_TRUE(Exits(kDone, status));
  EXPECT_FALSE(nlohmann::json::parse(status.out, nullptr, false).is_discarded()) << status;
  const Outcome doctor = Run({"doctor", "--json"});
  ASSERT_TRUE(Exits(kDone, doctor));
  EXPECT_FALSE(nlohmann::json::parse(doctor.out, nullptr, false).is_discarded()) << doctor;
}

TEST_F(OperatorsTest, DoctorFindsWhatIsLeftAndPlanChangesNothing) {
  CreateSet(500);
  const std::vector<std::string> before = Objects(sql());
  const Outcome plan =
      Run({"plan", "set", "public.members_of_owner", "--key", kSecondKey, "--json"});
  EXPECT_TRUE(Exits(kDone, plan));
  EXPECT_FALSE(nlohmann::json::parse(plan.out, nullptr, false).is_discarded()) << plan;
  EXPECT_EQ(Objects(sql()), before);
  EXPECT_TRUE(Clean());
  // A trigger that looks like one of ours and belongs to nothing.
  sql().Exec(
      "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
      "CREATE TRIGGER pg_restructure_99_log_insert AFTER INSERT ON members"
      " FOR EACH STATEMENT EXECUTE FUNCTION nothing()");
  EXPECT_TRUE(Exits(kLeftovers, Run({"doctor"})));
}

// Somebody reads the tool's own tables, or autovacuum works on them: as anywhere, the job waits.
TEST_F(OperatorsTest, WhatIsTakenDownMayBeLockedByOthers) {
  CreateSet(500);
  for (const std::string end : {"abort", "finish"}) {
    const std::vector<std::string> held = {"--hold-before-swap", "--no-throttle"};
    const std::vector<std::string> swapped = {"--no-throttle"};
    ASSERT_TRUE(Exits(kDone, Run(RunSetArguments(end == "abort" ? held : swapped))));
    const std::string key_log = sql().Text(
        "SELECT oid::regclass::text FROM pg_class WHERE relname LIKE 'keys\\_%'"
        " AND relkind = 'r' ORDER BY oid DESC LIMIT 1");
    Client reader(target().Conninfo("reader"));
    reader.Exec("BEGIN; LOCK TABLE " + key_log + " IN ACCESS SHARE MODE");
    Tool tool(target(), {end, Job()});
    EXPECT_TRUE(Eventually([&] {
      return tool.Written().find("lock ACCESS EXCLUSIVE") != std::string::npos;
    })) << tool.Written();
    reader.Exec("COMMIT");
    EXPECT_TRUE(Exits(kDone, tool.Wait()));
    EXPECT_TRUE(None(Differences()));
  }
  EXPECT_TRUE(Clean());
}

TEST_F(OperatorsTest, DropTakesEverythingAway) {
  CreateMembers(sql(), 500);
  const std::vector<std::string> before = Objects(sql());
  ASSERT_TRUE(Exits(kDone, Run(CreateSetArguments())));
  ASSERT_TRUE(Exits(kDone, Run({"drop", "set", "public.members_of_owner"})));
  std::vector<std::string> expected = before;
  expected.emplace_back("schema restructure");
  std::vector<std::string> after = Objects(sql());
  std::sort(expected.begin(), expected.end());
  std::sort(after.begin(), after.end());
  EXPECT_EQ(after, expected);
  EXPECT_TRUE(Clean());
  ASSERT_TRUE(Exits(kDone, Run(CreateSetArguments())));
  EXPECT_TRUE(None(Differences()));
}

}  // namespace
}  // namespace server
