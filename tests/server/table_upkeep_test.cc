// What a table's job promises to those who write meanwhile: nothing of theirs comes back, is
// rounded, is seen by others, or fails because of the other table.

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/table_fixture.h"

namespace server {
namespace {

class TableUpkeepTest : public TableTest {
 protected:
  // Row i is the i-th by seat, and the last one on disk.
  void CreateRanks(int rows) {
    sql().Exec(
        absl::StrCat("CREATE TABLE ranks (id int PRIMARY KEY, seat int UNIQUE);"
                     "INSERT INTO ranks SELECT i, i FROM generate_series(1, ",
                     rows, ") i ORDER BY i DESC"));
  }

  // What the writer is not prepared to wait for in the other table is kept in mind instead.
  void ChangeInTheOtherTablesAbsence(const std::string& change) {
    Client locker(target().Conninfo("locker"));
    locker.Exec("BEGIN; LOCK TABLE " + Other("ranks"));
    sql().Exec("SET lock_timeout = '20ms'");
    sql().Exec(change);
    sql().Exec("RESET lock_timeout");
    locker.Exec("COMMIT");
    EXPECT_NE(Image(Other("ranks")), Image("public.ranks"));
  }
};

TEST_F(TableUpkeepTest, WhatIsDeletedWhileChangesAreBroughtOverStaysDeleted) {
  CreateRanks(1500);
  ASSERT_TRUE(Exits(kDone, Run(RunTable("ranks", {"--hold-before-swap"}))));
  ChangeInTheOtherTablesAbsence("UPDATE ranks SET seat = -seat");
  Tool swap(target(), {"swap", Job(), "--no-throttle"},
            {"PG_RESTRUCTURE_FAIL=apply.before_commit:sleep=1500"});
  ASSERT_TRUE(Eventually([&] {
    return sql().Holds(
        "EXISTS (SELECT FROM pg_stat_activity a JOIN pg_locks l USING (pid) WHERE a.state ="
        " 'idle in transaction' AND clock_timestamp() - a.state_change > interval '200 ms'"
        " AND l.relation::regclass::text ~ 'taken_')");
  }));
  sql().Exec("DELETE FROM ranks WHERE id % 10 = 1");
  ASSERT_TRUE(Exits(kDone, swap.Wait()));
  EXPECT_EQ(sql().Text("SELECT count(*) FROM ranks WHERE id % 10 = 1"), "0");
  EXPECT_EQ(sql().Text("SELECT count(*) FROM ranks"), "1350");
  EXPECT_EQ(Image(Other("ranks")), Image("public.ranks"));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
}

// A batch of them meets the rows of the next one.
TEST_F(TableUpkeepTest, ALongChainOfChangesIsBroughtOverAsOne) {
  CreateRanks(3000);
  ASSERT_TRUE(Exits(kDone, Run(RunTable("ranks"))));
  ChangeInTheOtherTablesAbsence("UPDATE ranks SET seat = seat + 1");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job(), "--swap-lock-budget", "5s"})));
  EXPECT_EQ(sql().Text("SELECT count(*) FROM ranks WHERE seat = id + 1"), "3000");
  EXPECT_EQ(Image(Other("ranks")), Image("public.ranks"));
}

TEST_F(TableUpkeepTest, ASnapshotFromBeforeARevertSeesWhatWasCommittedBeforeIt) {
  CreateRanks(10);
  ASSERT_TRUE(Exits(kDone, Run(RunTable("ranks"))));
  ChangeInTheOtherTablesAbsence("UPDATE ranks SET seat = 11 WHERE id = 1");
  Client reader(target().Conninfo("reader"));
  reader.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class");
  Tool revert(target(), {"revert", Job(), "--no-throttle"});
  // A wrong revert would not wait.
  EXPECT_FALSE(Eventually([&] { return !revert.Running(); }, seconds(2)));
  EXPECT_EQ(reader.Text("SELECT seat FROM ranks WHERE id = 1"), "11");
  reader.Exec("COMMIT");
  ASSERT_TRUE(Exits(kDone, revert.Wait()));
  EXPECT_EQ(Image(Other("ranks")), Image("public.ranks"));
}

TEST_F(TableUpkeepTest, WhatDoesNotFitIsFoundBeforeReadersAreKeptOut) {
  sql().Exec("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("t", {"--alter", "ALTER id TYPE bigint"}))));
  sql().Exec("INSERT INTO t SELECT 3000000000 + i FROM generate_series(1, 5000) i");
  Client reader(target().Conninfo("reader"));
  reader.Exec("BEGIN; SELECT FROM t");  // Whoever wants to keep readers out waits for it.
  const Outcome refused = Run({"revert", Job(), "--no-throttle"});
  EXPECT_TRUE(Exits(kResumable, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "do not fit into the other table")) << refused;
  reader.Exec("COMMIT");
  sql().Exec("DELETE FROM t WHERE id > 1");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job(), "--no-throttle"})));
  EXPECT_EQ(Image(Other("t")), Image("public.t"));
}

TEST_F(TableUpkeepTest, AnIndexOfTheTreeIsNotBuiltUnderTheLock) {
  sql().Exec(
      "CREATE TABLE tree (id int, body text, PRIMARY KEY (id)) PARTITION BY RANGE (id);"
      "CREATE TABLE leaf PARTITION OF tree FOR VALUES FROM (0) TO (1000);"
      "INSERT INTO tree SELECT i, i FROM generate_series(1, 500) i");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("leaf", {"--hold-before-swap"}))));
  sql().Exec("CREATE INDEX tree_body ON ONLY tree (body)");
  const Outcome refused = Run({"swap", Job(), "--no-throttle"});
  EXPECT_TRUE(Exits(kResumable, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "tree_body")) << refused;
  sql().Exec("DROP INDEX tree_body");
  ASSERT_TRUE(Exits(kDone, Run({"swap", Job(), "--no-throttle"})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job(), "--no-throttle"})));
}

TEST_F(TableUpkeepTest, RowSecurityHoldsForBothTables) {
  sql().Exec(
      "CREATE ROLE tenant; CREATE TABLE docs (id int PRIMARY KEY, owner text, body text);"
      "INSERT INTO docs VALUES (1, 'tenant', 'mine'), (2, 'other', 'secret');"
      "GRANT SELECT, UPDATE ON docs TO tenant; ALTER TABLE docs ENABLE ROW LEVEL SECURITY;"
      "CREATE POLICY own ON docs USING (owner = current_user)");
  Client tenant(target().Conninfo("tenant"));
  tenant.Exec("SET ROLE tenant");
  const auto expect_hidden = [&](const std::string& other) {
    EXPECT_EQ(tenant.Text("SELECT count(*) FROM docs"), "1");
    EXPECT_EQ(tenant.Text("SELECT count(*) FROM " + other), "0") << other;
    EXPECT_EQ(tenant.Query("UPDATE " + other + " SET body = '' RETURNING id").size(), 0U) << other;
  };
  ASSERT_TRUE(Exits(kDone, Run(RunTable("docs", {"--hold-before-swap"}))));
  expect_hidden("docs__new");
  ASSERT_TRUE(Exits(kDone, Run({"swap", Job(), "--no-throttle"})));
  expect_hidden("docs__old");
  sql().Exec("INSERT INTO docs VALUES (3, 'tenant', 'later')");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job(), "--no-throttle"})));
  EXPECT_EQ(tenant.Text("SELECT count(*) FROM docs"), "2");
  EXPECT_EQ(tenant.Text("SELECT count(*) FROM docs__new"), "0");
  EXPECT_EQ(Image(Other("docs")), Image("public.docs"));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job(), "--no-throttle"})));
  tenant.Exec("RESET ROLE");
  sql().Exec("DROP TABLE docs; DROP ROLE tenant");
}

// The first finish has stopped the upkeep; what the second one walks through again changes nothing.
TEST_F(TableUpkeepTest, WhatIsBeingFinishedIsNotReverted) {
  sql().Exec("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10)");
  CreateSet(10);
  ASSERT_TRUE(Exits(kDone, Run(RunTable("t"))));
  const std::string table_job = Job();
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--no-throttle"}))));
  const std::string set_job = Job();
  const std::string set_rows = "SELECT count(*) FROM members_of_owner";
  const std::string before = sql().Text(set_rows);
  for (const std::string& job : {table_job, set_job}) {
    EXPECT_EQ(Run({"finish", job}, {"PG_RESTRUCTURE_FAIL=disconnect.after_commit:kill"}).signal, 9);
    sql().Exec(job == table_job ? "INSERT INTO t SELECT generate_series(101, 150)"
                                : "INSERT INTO members SELECT (jsonb_populate_record(m,"
                                  " jsonb_build_object('id', m.id + 1000000))).* FROM members m");
    EXPECT_EQ(Run({"finish", job}, {"PG_RESTRUCTURE_FAIL=swap.leave:kill"}).signal, 9);
    EXPECT_TRUE(Exits(kRefused, Run({"revert", job})));
    // Whatever the phase says.
    sql().Exec("UPDATE restructure.job SET phase = 'soak', goal = 'soak' WHERE job_id = " + job);
    const Outcome refused = Run({"revert", job});
    EXPECT_TRUE(Exits(kResumable, refused));
    EXPECT_TRUE(absl::StrContains(refused.err, "not kept equal any more")) << refused;
    ASSERT_TRUE(Exits(kDone, Run({"finish", job})));
  }
  EXPECT_EQ(sql().Text("SELECT count(*) FROM t"), "60");
  EXPECT_EQ(sql().Number(set_rows), 2 * std::stoi(before));
  EXPECT_TRUE(None(ServerTest::Differences()));
  EXPECT_TRUE(Clean());
}

TEST_F(TableUpkeepTest, ARowThatDoesNotFitCanBeChangedAtEveryIsolation) {
  sql().Exec(
      "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("t", {"--alter", "ALTER id TYPE bigint"}))));
  sql().Exec("INSERT INTO t VALUES (5000000000, 'c'), (5000000001, 'd')");
  for (const char* level : {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}) {
    EXPECT_EQ(sql().Try(absl::StrCat("BEGIN ISOLATION LEVEL ", level,
                                     "; UPDATE t SET v = v || v WHERE id > 1; COMMIT")),
              "")
        << level;
  }
  EXPECT_EQ(sql().Try("BEGIN ISOLATION LEVEL SERIALIZABLE; DELETE FROM t WHERE id > 2; COMMIT"),
            "");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job(), "--no-throttle"})));
  EXPECT_EQ(sql().Text("SELECT string_agg(v, ' ' ORDER BY id) FROM t"), "a bbbbbbbb");
  EXPECT_EQ(Image(Other("t")), Image("public.t"));
}

TEST_F(TableUpkeepTest, WhatTheOtherTableDefersFailsNoCommit) {
  sql().Exec(
      "CREATE TABLE t (id int PRIMARY KEY, place int UNIQUE DEFERRABLE,"
      " seat int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
      "INSERT INTO t SELECT i, i, i FROM generate_series(1, 10) i");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("t"))));
  // The other table follows at the end of the transaction.
  sql().Exec(
      "BEGIN; SET CONSTRAINTS t_place_key DEFERRED; UPDATE t SET place = 2, seat = 102 WHERE id ="
      " 1; UPDATE t SET place = 1 WHERE id = 2; COMMIT");
  EXPECT_EQ(Image(Other("t")), Image("public.t"));
  // Or not at all, where its writer does not wait: it has still seat 102.
  Client locker(target().Conninfo("locker"));
  locker.Exec("BEGIN; SELECT FROM t__old WHERE id = 1 FOR UPDATE");
  sql().Exec("SET lock_timeout = '20ms'");
  sql().Exec("UPDATE t SET seat = 103 WHERE id = 1");
  sql().Exec("RESET lock_timeout");
  locker.Exec("COMMIT");
  EXPECT_EQ(sql().Try("BEGIN; UPDATE t SET seat = 102 WHERE id = 3; COMMIT"), "");
  EXPECT_EQ(sql().Try("BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE t SET place = 3 WHERE id = 4;"
                      "UPDATE t SET place = 4 WHERE id = 3; COMMIT"),
            "");
  // The table's own constraints are as they were.
  EXPECT_EQ(sql().Try("BEGIN; UPDATE t SET seat = 5 WHERE id = 6; COMMIT"), "23505");
  sql().Exec("ROLLBACK");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job(), "--no-throttle"})));
  EXPECT_EQ(Image(Other("t")), Image("public.t"));
}

}  // namespace
}  // namespace server
