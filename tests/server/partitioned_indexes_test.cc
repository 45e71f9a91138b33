// Indexes of partitioned tables: built part by part, exchanged as a whole.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/indexes.h"
#include "tests/server/kills.h"

namespace server {
namespace {

class PartitionedIndexTest : public IndexesTest {
 protected:
  void SetUp() override {
    IndexesTest::SetUp();
    sql().Exec(
        "CREATE TABLE logs (day int NOT NULL, region text NOT NULL, n int, note text)"
        " PARTITION BY RANGE (day);"
        "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (10) TO (20)"
        " PARTITION BY LIST (region);"
        "CREATE TABLE logs_2_eu PARTITION OF logs_2 FOR VALUES IN ('eu');"
        "CREATE TABLE logs_2_rest PARTITION OF logs_2 DEFAULT;"
        "CREATE TABLE logs_default PARTITION OF logs DEFAULT;"
        "CREATE TABLE \"logs with quite a long name, so that names of its index are cut\""
        " PARTITION OF logs FOR VALUES FROM (30) TO (40);"
        "CREATE TABLE \"logs with quite a long name, so that names of its index are cat\""
        " PARTITION OF logs FOR VALUES FROM (40) TO (50);"
        "INSERT INTO logs SELECT i % 60, CASE i % 3 WHEN 0 THEN 'eu' ELSE 'us' END, i, 'note ' || i"
        " FROM generate_series(1, 6000) i;"
        "CREATE INDEX logs_idx ON logs (region, day);"
        "COMMENT ON INDEX logs_idx IS 'by region'");
  }

  // Leaves that have no valid index like the root's.
  std::string Incomplete() {
    return sql().Text(
        "SELECT count(*) FROM pg_partition_tree('logs') t WHERE NOT EXISTS ("
        " SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = t.relid AND i.indisvalid AND c.relname !~ '__(new|old)'"
        " AND pg_get_indexdef(i.indexrelid, 1, false) = 'n'"
        " AND (t.level = 0 OR c.relispartition))");
  }
};

TEST_F(PartitionedIndexTest, TheWholeTreeChanges) {
  const std::string count = sql().Text("SELECT count(*) FROM pg_index");
  const Arguments run = RunIndex("logs_idx", {"--key", "n, day", "--workers", "3", "--soak", "0"});
  ASSERT_TRUE(Exits(kDone, Run(run)));
  EXPECT_EQ(Incomplete(), "0");
  EXPECT_EQ(sql().Text("SELECT obj_description('logs_idx'::regclass, 'pg_class')"), "by region");
  ExpectNothingOfOurs();
  EXPECT_EQ(std::stoi(sql().Text("SELECT count(*) FROM pg_index WHERE indrelid IN"
                                 " (SELECT relid FROM pg_partition_tree('logs'))")),
            8)
      << "before, the ledger's included: " << count;
}

TEST_F(PartitionedIndexTest, PartitionsComeAndGoMeanwhile) {
  Tool run(target(), RunIndex("logs_idx", {"--key", "n, day", "--workers", "1"}),
           {"PG_RESTRUCTURE_FAIL=index_concurrently.before@2:sleep=2500"});
  ASSERT_TRUE(Eventually([&] {
    return sql().Holds(
        "1 = (SELECT count(*) FROM pg_class c JOIN pg_index ON indexrelid = c.oid"
        " WHERE relname ~ '__new' AND relkind = 'i' AND indisvalid)");
  }));
  sql().Exec(
      "CREATE TABLE logs_young (LIKE logs); INSERT INTO logs_young VALUES (55, 'eu', 5);"
      "DELETE FROM logs_default WHERE day BETWEEN 50 AND 59;"
      "ALTER TABLE logs ATTACH PARTITION logs_young FOR VALUES FROM (50) TO (60);"
      "DROP TABLE \"logs with quite a long name, so that names of its index are cat\"");
  ASSERT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_EQ(Incomplete(), "0");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(Incomplete(), "0");
  ExpectNothingOfOurs();
}

TEST_F(PartitionedIndexTest, AbortLeavesNothing) {
  const std::string before = Indexes("logs_2_eu");
  ASSERT_TRUE(Exits(kDone, Run(RunIndex("logs_idx", {"--key", "n", "--hold-before-swap"}))));
  ASSERT_TRUE(Exits(kDone, Run({"abort", Job()})));
  EXPECT_EQ(Indexes("logs_2_eu"), before);
  ExpectNothingOfOurs();
}

// The tool dies at every named place of an index's life; the same command goes on.
TEST_F(PartitionedIndexTest, KilledAnywhere) {
  constexpr std::size_t kLives = 2;
  const std::vector<std::string> names =
      FailpointNames({"index_", "open_job.", "lease.", "build.", "connect.", "verify.", "swap.",
                      "soak.", "drop.", "close_job.", "release."});
  std::size_t kills = 0;
  std::string from = "region, day";
  std::string to = "n, day";
  for (const std::vector<std::string>& some : Dealt(names, kLives)) {
    const Arguments run = RunIndex("logs_idx", {"--key", to, "--soak", "0"});
    const Killed killed = RunKilled(
        target(), [&] { return run; }, some);
    kills += killed.at.size();
    EXPECT_TRUE(killed.last.exit_code == kDone || WasDoneBefore(killed.last))
        << killed.story << killed.last;
    EXPECT_TRUE(absl::StrContains(Indexes("logs"), absl::StrCat("(", to, ")"))) << killed.story;
    EXPECT_TRUE(Clean()) << killed.story;
    std::swap(from, to);
  }
  EXPECT_GT(kills, 15U);
}

}  // namespace
}  // namespace server
