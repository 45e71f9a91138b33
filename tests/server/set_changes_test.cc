// What others do to a set's member table, or to what stands on the set, while a job is under way or
// a set is kept: nothing wrong is shown, and every job ends.

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"

namespace server {
namespace {

class SetChangesTest : public ServerTest {
 protected:
  void CreateTable() {
    sql().Exec(
        "CREATE TABLE m (id int PRIMARY KEY, o int NOT NULL, k int NOT NULL, pad text NOT NULL);"
        "INSERT INTO m SELECT i, i % 7, i * 10, 'row ' || i FROM generate_series(1, 300) i"
        " ORDER BY i DESC");
  }
  Outcome CreateSet(const Arguments& more = {}, const Environment& environment = {}) {
    Arguments arguments = {"create",  "set", "public.s", "--member", "public.m",
                           "--owner", "o",   "--key",    "k",        "--no-throttle"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments, environment);
  }
  static Arguments RunSet(const Arguments& more = {}) {
    Arguments arguments = {"run", "set", "public.s", "--key", "k desc", "--no-throttle"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::string Members() { return sql().Text("SELECT count(*) FROM s"); }
};

// Its statement triggers would not fire for what comes through the parent.
TEST_F(SetChangesTest, AMemberTableThatBecomesAPartitionStopsTheJob) {
  CreateTable();
  ASSERT_TRUE(Exits(kDone, CreateSet()));
  sql().Exec(
      "CREATE TABLE par (id int PRIMARY KEY, o int NOT NULL, k int NOT NULL, pad text NOT NULL)"
      " PARTITION BY RANGE (id)");
  EXPECT_EQ(Run(RunSet(), {"PG_RESTRUCTURE_FAIL=verify.leave:kill"}).signal, 9);
  sql().Exec(
      "ALTER TABLE par ATTACH PARTITION m FOR VALUES FROM (0) TO (100000);"
      "UPDATE par SET k = k + 5000 WHERE id BETWEEN 10 AND 20; DELETE FROM par WHERE id = 30");
  const Outcome stopped = Run(RunSet());
  EXPECT_TRUE(Exits(kResumable, stopped));
  EXPECT_FALSE(HasSwapped());
  ASSERT_TRUE(Aborts());
  ASSERT_TRUE(Exits(kDone, Run(RunSet({"--soak", "0"}))));
  EXPECT_EQ(sql().Text("SELECT count(*) FROM s JOIN m USING (id, o, k)"), "299");
  EXPECT_TRUE(Clean());
}

TEST_F(SetChangesTest, ASetThatProgramsConnectToBeginsEmptyWhateverIsWritten) {
  CreateTable();
  Tool create(target(),
              {"create", "set", "public.s", "--member", "public.m", "--owner", "o", "--key", "k",
               "--no-throttle", "--insertion", "manual"},
              {"PG_RESTRUCTURE_FAIL=connect.enter:sleep=1500"});
  ASSERT_TRUE(AwaitStage("copying"));
  sql().Exec("UPDATE m SET k = k + 1 WHERE id <= 5; INSERT INTO m VALUES (2001, 1, 1, 'new')");
  ASSERT_TRUE(Exits(kDone, create.Wait()));
  EXPECT_EQ(Members(), "0");
  sql().Exec("SELECT restructure.connect_member('public.s', '2001')");
  EXPECT_EQ(Members(), "1");
}

TEST_F(SetChangesTest, WhatItsOwnerSetForTheAliasStays) {
  CreateTable();
  ASSERT_TRUE(Exits(kDone, CreateSet()));
  sql().Exec("ALTER VIEW s SET (security_barrier = true)");
  const auto options = [this] {
    return sql().Text("SELECT array_to_string(reloptions, ',') FROM pg_class WHERE relname = 's'");
  };
  ASSERT_TRUE(Exits(kDone, Run(RunSet())));
  EXPECT_EQ(options(), "security_barrier=true");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(options(), "security_barrier=true");
}

TEST_F(SetChangesTest, AnotherRowThatTakesAKeyIsNoMemberForThat) {
  CreateTable();
  ASSERT_TRUE(Exits(kDone, CreateSet({"--insertion", "manual"})));
  sql().Exec("SELECT restructure.connect_member('public.s', '2')");
  sql().Exec("UPDATE m SET id = id + 1");
  EXPECT_EQ(sql().Text("SELECT id FROM s"), "3");
  EXPECT_EQ(sql().Text("SELECT k FROM s"), "20");
  sql().Exec(
      "WITH d AS (DELETE FROM m WHERE id = 3 RETURNING id)"
      " INSERT INTO m SELECT id, 6, 999, 'again' FROM d");
  EXPECT_EQ(Members(), "0");
  EXPECT_TRUE(Exits(kDone, Run({"verify", "set", "public.s"})));
}

TEST_F(SetChangesTest, AColumnThatIsShownSinceIsShownAfterTheWayBack) {
  CreateTable();
  ASSERT_TRUE(Exits(kDone, CreateSet()));
  ASSERT_TRUE(Exits(kDone, Run(RunSet({"--show", "pad"}))));
  const std::string shown = "SELECT string_agg(pad, ',' ORDER BY k) FROM s WHERE o = 3";
  const std::string before = sql().Text(shown);
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(sql().Text(shown), before);
  sql().Exec("UPDATE m SET pad = 'other' WHERE id = 3");
  EXPECT_EQ(sql().Text("SELECT pad FROM s WHERE id = 3"), "other");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(sql().Text("SELECT pad FROM s WHERE id = 3"), "other");
  EXPECT_TRUE(Clean());
}

// Both structures are kept by themselves then.
TEST_F(SetChangesTest, DdlInTheSoakKeepsNobodyFromGoingOnOrBack) {
  CreateTable();
  ASSERT_TRUE(Exits(kDone, CreateSet()));
  ASSERT_TRUE(Exits(kDone, Run(RunSet())));
  sql().Exec("ALTER TABLE m ALTER pad DROP NOT NULL, ALTER k DROP NOT NULL");
  sql().Exec("ALTER TABLE m ENABLE ROW LEVEL SECURITY");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  sql().Exec("INSERT INTO m VALUES (1001, 1, 1, 'later')");
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(Members(), "301");
  EXPECT_TRUE(Clean());
}

TEST_F(SetChangesTest, ASetThatAViewStandsOnIsNotDroppedHalfway) {
  CreateTable();
  ASSERT_TRUE(Exits(kDone, CreateSet()));
  sql().Exec("CREATE VIEW v AS SELECT * FROM s");
  const Outcome refused = Run({"drop", "set", "public.s"});
  EXPECT_TRUE(Exits(kRefused, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "is needed by view public.v")) << refused;
  ASSERT_TRUE(Exits(kDone, Run(RunSet({"--soak", "0"}))));
  sql().Exec("DROP VIEW v");
  ASSERT_TRUE(Exits(kDone, Run({"drop", "set", "public.s"})));
  EXPECT_TRUE(Clean());
}

}  // namespace
}  // namespace server
