// What others do to the member table, or to our objects, while a job is under way. The job stops
// with a clear message or comes through; it never swaps anything wrong, and it can go on or be
// undone.

#include <ostream>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"

namespace server {
namespace {

// What happens, and what the operator does about it; NEW and LOG stand for the replacement and
// its triggers' prefix.
struct Change {
  const char* name;
  const char* sql;
  const char* remedy;  // Empty: the same command, or abort.
  bool may_pass;       // The job may come through by itself.
};

std::ostream& operator<<(std::ostream& stream, const Change& change) {
  return stream << change.name;
}

constexpr Change kChanges[] = {
    {"AddColumn", "ALTER TABLE members ADD extra int DEFAULT 5", "", true},
    {"DropUnusedColumn", "ALTER TABLE members DROP payload", "", true},
    {"ChangeTypeOfUsedColumn", "ALTER TABLE members ALTER rank TYPE numeric(30, 2)", "", true},
    {"ChangeTypeOfUnusedColumn", "ALTER TABLE members ALTER hits TYPE bigint", "", true},
    {"DropUsedColumn", "ALTER TABLE members DROP rank", "", true},
    {"RenameUsedColumn", "ALTER TABLE members RENAME rank TO standing",
     "ALTER TABLE members RENAME standing TO rank", false},
    {"RenameTable", "ALTER TABLE members RENAME TO people", "ALTER TABLE people RENAME TO members",
     true},
    {"MoveToSchema", "CREATE SCHEMA other; ALTER TABLE members SET SCHEMA other",
     "ALTER TABLE other.members SET SCHEMA public", true},
    {"Truncate", "TRUNCATE members", "", true},
    {"TruncateAndRefill",
     "TRUNCATE members; INSERT INTO members SELECT g, 1, g, 'l', 'p', 0 FROM generate_series(1, 50)"
     " g",
     "", true},
    {"VacuumFull", "VACUUM FULL members", "", true},
    {"Cluster", "CLUSTER members USING members_pkey", "", true},
    {"DisableTriggers", "ALTER TABLE members DISABLE TRIGGER USER",
     "ALTER TABLE members ENABLE ALWAYS TRIGGER pg_restructure_1_sync_insert,"
     " ENABLE ALWAYS TRIGGER pg_restructure_1_sync_update,"
     " ENABLE ALWAYS TRIGGER pg_restructure_1_sync_delete,"
     " ENABLE ALWAYS TRIGGER pg_restructure_1_sync_truncate",
     false},
    {"DropReplacement", "DROP TABLE NEW", "", false},
    {"DropReplacementColumn", "ALTER TABLE NEW DROP rank", "", false},
    {"AddIndex", "CREATE INDEX ON members (label)", "", true},
    {"AddForeignKey",
     "CREATE TABLE refers (id bigint REFERENCES members); INSERT INTO refers VALUES (16)", "",
     true},
    {"ForbidRows", "ALTER TABLE members ENABLE ROW LEVEL SECURITY", "", true},
};

class ChangesTest : public ServerTest, public testing::WithParamInterface<Change> {
 protected:
  std::string WithNames(std::string text) {
    const std::vector<std::string> tables = SideTables(sql(), "public", "members_of_owner");
    for (std::size_t at; (at = text.find("NEW")) != std::string::npos;) {
      text.replace(at, 3, tables.back());
    }
    return text;
  }

  void ExpectStopOrPass(const std::string& failpoint, const std::string& phase) {
    const Change& change = GetParam();
    CreateSet(1500);
    Tool run(
        target(), RunSetArguments({"--no-throttle"}),
        {"PG_RESTRUCTURE_JOB_BATCH_ROWS=200", "PG_RESTRUCTURE_FAIL=" + failpoint + ":sleep=500"});
    ASSERT_TRUE(AwaitPhase(phase));
    for (const std::string& statement : Statements(WithNames(change.sql))) {
      const std::string sqlstate = sql().Try(statement);
      // PostgreSQL itself keeps what the set's views depend on.
      EXPECT_TRUE(sqlstate.empty() || sqlstate == "0A000" || sqlstate == "2BP01") << sqlstate;
    }
    const Outcome outcome = run.Wait();
    if (outcome.exit_code == kDone) {
      EXPECT_TRUE(change.may_pass) << outcome;
    } else {
      EXPECT_TRUE(outcome.exit_code == kRefused || outcome.exit_code == kResumable ||
                  outcome.exit_code == kDifferent)
          << outcome;
      EXPECT_TRUE(absl::StrContains(outcome.err, "HINT: ")) << outcome;
      EXPECT_FALSE(HasSwapped()) << outcome;
    }
    if (*change.remedy != '\0') sql().Exec(change.remedy);
    ExpectEndsWell();
  }

  // The same command again, or abort, and all is well.
  void ExpectEndsWell() {
    const Outcome again = Run(RunSetArguments({"--no-throttle"}));
    if (again.exit_code != kDone && Phase() != "soak") {
      EXPECT_TRUE(absl::StrContains(again.err, "HINT: ")) << again;
      EXPECT_TRUE(Aborts());
    } else if (again.exit_code == kDone) {
      EXPECT_TRUE(Exits(kDone, Run({"finish", Job()})));
    }
    SetImage image = MembersOfOwner();
    EXPECT_TRUE(None(CompareImages(sql(), image)));
    EXPECT_TRUE(Clean());
    sql().Exec(
        "INSERT INTO members (id, owner_id, hits) VALUES (777777, 5, 0);"
        "DELETE FROM members WHERE id = 24");
    EXPECT_TRUE(None(CompareImages(sql(), image)));
  }

  // VACUUM and CLUSTER cannot run beside others in one string.
  static std::vector<std::string> Statements(const std::string& text) {
    std::vector<std::string> statements;
    std::size_t from = 0;
    for (std::size_t end; (end = text.find("; ", from)) != std::string::npos; from = end + 2) {
      statements.push_back(text.substr(from, end - from));
    }
    statements.push_back(text.substr(from));
    return statements;
  }
};

TEST_P(ChangesTest, DuringTheCopy) { ExpectStopOrPass("copy.after_commit@2", "connect"); }

TEST_P(ChangesTest, BeforeTheSwap) { ExpectStopOrPass("swap.enter", "verify"); }

INSTANTIATE_TEST_SUITE_P(All, ChangesTest, testing::ValuesIn(kChanges),
                         [](const testing::TestParamInfo<Change>& change) {
                           return std::string(change.param.name);
                         });

class DroppedTest : public ServerTest {};

TEST_F(DroppedTest, TheMemberTableGoesDuringTheCopy) {
  CreateSet(1500);
  Tool run(
      target(), RunSetArguments({"--no-throttle"}),
      {"PG_RESTRUCTURE_JOB_BATCH_ROWS=200", "PG_RESTRUCTURE_FAIL=copy.after_commit@2:sleep=500"});
  ASSERT_TRUE(AwaitPhase("connect"));
  sql().Exec("DROP TABLE members CASCADE");
  const Outcome outcome = run.Wait();
  EXPECT_TRUE(outcome.exit_code == kRefused || outcome.exit_code == kResumable) << outcome;
  EXPECT_TRUE(absl::StrContains(outcome.err, "HINT: ")) << outcome;
  EXPECT_TRUE(Aborts());
  const Outcome dropped = Run({"drop", "set", "public.members_of_owner"});
  EXPECT_TRUE(Exits(kDone, dropped));
  EXPECT_TRUE(Clean());
}

TEST_F(DroppedTest, ADroppedTriggerStopsTheRun) {
  CreateSet(1500);
  Tool run(target(), RunSetArguments({"--no-throttle"}),
           {"PG_RESTRUCTURE_FAIL=verify.enter:sleep=500"});
  ASSERT_TRUE(AwaitStage("ready"));
  const std::string trigger = sql().Text(
      "SELECT max(tgname) FROM pg_trigger WHERE tgrelid = 'members'::regclass"
      " AND tgname LIKE 'pg\\_restructure%update'");
  sql().Exec("DROP TRIGGER " + Quoted(trigger) +
             " ON members;"
             "UPDATE members SET rank = 5.55 WHERE id < 200");
  const Outcome outcome = run.Wait();
  EXPECT_NE(outcome.exit_code, kDone) << outcome;
  EXPECT_TRUE(absl::StrContains(outcome.err, "HINT: ")) << outcome;
  EXPECT_FALSE(HasSwapped());
  EXPECT_TRUE(Aborts());
  EXPECT_TRUE(None(CompareImages(sql(), MembersOfOwner())));
}

// After the swap too the retired structure must not be given back if it is no longer right.
TEST_F(DroppedTest, ARevertToADamagedStructureIsRefused) {
  CreateSet(1500);
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--no-throttle"}))));
  const std::vector<std::string> tables = SideTables(sql(), "public", "members_of_owner");
  ASSERT_EQ(tables.size(), 2U);
  sql().Exec("DROP TABLE " + tables[0]);
  const Outcome outcome = Run({"revert", Job()});
  EXPECT_TRUE(outcome.exit_code == kRefused || outcome.exit_code == kResumable) << outcome;
  EXPECT_TRUE(absl::StrContains(outcome.err, "HINT: ")) << outcome;
  EXPECT_TRUE(None(CompareImages(sql(), MembersOfOwner())));
  EXPECT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(None(CompareImages(sql(), MembersOfOwner())));
  EXPECT_TRUE(Clean());
}

}  // namespace
}  // namespace server
