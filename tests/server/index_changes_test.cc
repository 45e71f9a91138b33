// What others do while an index's job is under way: their indexes stay theirs, and the job ends.

#include <csignal>
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"

namespace server {
namespace {

class IndexChangesTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    sql().Exec(
        "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL);"
        "INSERT INTO t SELECT i, i % 10, i FROM generate_series(1, 500) i;"
        "CREATE INDEX foo ON t (a); CREATE TABLE other (x int); INSERT INTO other VALUES (1)");
  }

  static Arguments RunFoo(const Arguments& more = {}) {
    Arguments arguments = {"run", "index", "foo", "--key", "a, b", "--no-throttle"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  std::string Definition(const std::string& index) {
    return sql().Text("SELECT pg_get_indexdef(to_regclass($1))", {index});
  }
};

TEST_F(IndexChangesTest, AnotherTablesIndexOfThatNameStays) {
  Tool run(target(), RunFoo(), {"PG_RESTRUCTURE_FAIL=index_concurrently.before:sleep=1500"});
  ASSERT_TRUE(AwaitPhase("connect"));
  sql().Exec("CREATE INDEX foo__new ON other (x)");
  EXPECT_TRUE(Exits(kResumable, run.Wait()));
  EXPECT_EQ(Definition("foo__new"), "CREATE INDEX foo__new ON public.other USING btree (x)");
  sql().Exec("DROP INDEX foo__new");
  ASSERT_TRUE(Exits(kDone, Run(RunFoo({"--soak", "0"}))));
  EXPECT_TRUE(Clean());
}

TEST_F(IndexChangesTest, AnIndexThatSomebodyElseMadeIsNotSwappedIn) {
  EXPECT_EQ(Run(RunFoo(), {"PG_RESTRUCTURE_FAIL=build.leave:kill"}).signal, 9);
  sql().Exec("CREATE INDEX foo__new ON t (b)");
  const Outcome refused = Run(RunFoo());
  EXPECT_TRUE(Exits(kResumable, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "foo__new is btree (b), expected btree (a, b)"))
      << refused;
  EXPECT_EQ(Definition("foo"), "CREATE INDEX foo ON public.t USING btree (a)");
  sql().Exec("DROP INDEX foo__new");
  ASSERT_TRUE(Exits(kDone, Run(RunFoo({"--soak", "0"}))));
  EXPECT_EQ(Definition("foo"), "CREATE INDEX foo ON public.t USING btree (a, b)");
  EXPECT_TRUE(Clean());
}

TEST_F(IndexChangesTest, WhatIsSetForAnIndexGoesOverThoughTheToolDiesAfterTheBuild) {
  sql().Exec(
      "CREATE INDEX bar ON t ((a + b)); COMMENT ON INDEX bar IS 'of sums';"
      "ALTER INDEX bar ALTER COLUMN 1 SET STATISTICS 321");
  const Arguments run = {"run",     "index",     "bar", "--key",
                         "(a + b)", "--include", "id",  "--no-throttle"};
  EXPECT_EQ(Run(run, {"PG_RESTRUCTURE_FAIL=index_concurrently.after:kill"}).signal, SIGKILL);
  ASSERT_TRUE(Exits(kDone, Run(run)));
  EXPECT_EQ(sql().Text("SELECT obj_description('bar'::regclass) || ' ' || attstattarget"
                       " FROM pg_attribute WHERE attrelid = 'bar'::regclass AND attnum = 1"),
            "of sums 321");
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
}

TEST_F(IndexChangesTest, AnIndexThatTookTheNameMeanwhileIsNotReplaced) {
  ASSERT_TRUE(Exits(kDone, Run(RunFoo({"--hold-before-swap"}))));
  sql().Exec("DROP INDEX foo; CREATE UNIQUE INDEX foo ON t (b)");
  const Outcome refused = Run({"swap", Job(), "--soak", "0"});
  EXPECT_TRUE(Exits(kResumable, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "somebody else made or changed it")) << refused;
  EXPECT_EQ(Definition("foo"), "CREATE UNIQUE INDEX foo ON public.t USING btree (b)");
  ASSERT_TRUE(Exits(kDone, Run({"abort", Job()})));
  EXPECT_EQ(Definition("foo"), "CREATE UNIQUE INDEX foo ON public.t USING btree (b)");
  EXPECT_TRUE(Clean());
}

TEST_F(IndexChangesTest, AReindexedIndexIsStillTheJobs) {
  ASSERT_TRUE(Exits(kDone, Run(RunFoo({"--hold-before-swap"}))));
  const std::string job = Job();
  sql().Exec("REINDEX INDEX CONCURRENTLY foo");
  ASSERT_TRUE(Exits(kDone, Run(RunFoo({"--soak", "0"}))));
  EXPECT_EQ(Job(), job);
  EXPECT_EQ(Definition("foo"), "CREATE INDEX foo ON public.t USING btree (a, b)");
  EXPECT_TRUE(Clean());
}

TEST_F(IndexChangesTest, ATableInAnotherSchemaKeepsNothingOfTheJob) {
  ASSERT_TRUE(Exits(kDone, Run(RunFoo())));
  sql().Exec("CREATE SCHEMA elsewhere; ALTER TABLE t SET SCHEMA elsewhere");
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_class WHERE relname ~ '^foo'"), "1");
  EXPECT_EQ(Definition("elsewhere.foo"), "CREATE INDEX foo ON elsewhere.t USING btree (a, b)");
  EXPECT_TRUE(Clean());
}

TEST_F(IndexChangesTest, AJobWhoseTableIsGoneIsFinished) {
  ASSERT_TRUE(Exits(kDone, Run(RunFoo())));
  sql().Exec("DROP TABLE t");
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(Clean());
}

TEST_F(IndexChangesTest, WhatABuildLeftOnAPartitionThatLeavesIsRemoved) {
  sql().Exec(
      "CREATE TABLE tree (a int NOT NULL) PARTITION BY LIST (a);"
      "CREATE TABLE p1 PARTITION OF tree FOR VALUES IN (1);"
      "CREATE TABLE p2 PARTITION OF tree FOR VALUES IN (2);"
      "CREATE TABLE p3 PARTITION OF tree FOR VALUES IN (3); CREATE INDEX bar ON tree (a)");
  const Arguments run = {"run",           "index",     "bar", "--key",  "a desc",
                         "--no-throttle", "--workers", "1",   "--soak", "0"};
  const std::string wreck =
      "SELECT i.indrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
      " WHERE NOT i.indisvalid AND c.relkind = 'i'";
  Client old_snapshot(target().Conninfo("old_snapshot"));
  old_snapshot.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class LIMIT 1");
  Tool first(target(), run);
  // The build waits for that snapshot.
  ASSERT_TRUE(Eventually([&] {
    return sql().Holds(
        "EXISTS (SELECT FROM pg_stat_progress_create_index p JOIN pg_index i"
        " ON i.indexrelid = p.index_relid WHERE i.indisready)");
  }));
  first.Signal(SIGKILL);
  first.Wait();
  sql().Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index");
  ASSERT_TRUE(Eventually(
      [&] { return sql().Holds("NOT EXISTS (SELECT FROM pg_stat_progress_create_index)"); }));
  old_snapshot.Exec("COMMIT");
  sql().Exec("ALTER TABLE tree DETACH PARTITION " + sql().Text(wreck));
  ASSERT_TRUE(Exits(kDone, Run(run)));
  EXPECT_EQ(sql().Query(wreck).size(), 0U);
  EXPECT_EQ(Definition("bar"), "CREATE INDEX bar ON ONLY public.tree USING btree (a DESC)");
  EXPECT_TRUE(Clean());
}

}  // namespace
}  // namespace server
