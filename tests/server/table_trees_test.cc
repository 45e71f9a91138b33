// A partitioned table: all of its partitions are rebuilt, one after another.

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/partitions.h"

namespace server {
namespace {

TEST_F(PartitionsTest, TheWholeTreeLeafByLeaf) {
  CreateTree(1500);
  const std::string structure = Dump();
  const std::string image = Image("orders");
  const Outcome run = Run(RunTable("orders", {"--order-by", "customer", "--soak", "0"}));
  ASSERT_TRUE(Exits(kDone, run));
  EXPECT_TRUE(absl::StrContains(run.out, "public.orders: all 6 partitions are rebuilt")) << run;
  EXPECT_TRUE(None(Differences(structure, Dump())));
  EXPECT_EQ(Image("orders"), image);
  EXPECT_EQ(sql().Text("SELECT count(*) || ' ' || count(DISTINCT name) FROM restructure.job"
                       " WHERE outcome = 'done'"),
            "6 6");
  EXPECT_EQ(sql().Text("SELECT count(*) FROM restructure.tree WHERE open"), "0");
  ExpectNothingOfOurs();
}

TEST_F(PartitionsTest, TheWholeTreeUnderWritersWithAWayBack) {
  CreateTree(1500);
  const std::string structure = Dump();
  constexpr char kColumns[] = "id, placed, region, customer, amount, ticket";
  sql().Exec(absl::StrCat("CREATE TABLE mirror AS SELECT ", kColumns, " FROM orders;",
                          "CREATE INDEX ON mirror (customer); ANALYZE mirror;"));
  TreeWriter writer(target(), 1);
  const Outcome run = Run(RunTable("orders"));
  EXPECT_TRUE(Exits(kDone, run));
  EXPECT_TRUE(absl::StrContains(run.out, "finish JOB | revert JOB")) << run;
  const std::vector<std::string> jobs = absl::StrSplit(
      sql().Text("SELECT string_agg(job_id::text, ' ' ORDER BY job_id) FROM restructure.job"
                 " WHERE open AND swapped_at IS NOT NULL"),
      ' ');
  EXPECT_EQ(jobs.size(), 6U);
  EXPECT_TRUE(Exits(kDone, Run({"revert", jobs[1]})));
  EXPECT_TRUE(Exits(kDone, Run({"revert", jobs[3]})));
  for (const std::string& job : jobs) EXPECT_TRUE(Exits(kDone, Run({"finish", job})));
  writer.Stop();
  EXPECT_EQ(writer.error(), "");
  EXPECT_EQ(sql().Text(absl::StrCat("SELECT count(*) FROM ((SELECT ", kColumns,
                                    " FROM orders EXCEPT SELECT ", kColumns,
                                    " FROM mirror) UNION ALL (SELECT ", kColumns,
                                    " FROM mirror EXCEPT SELECT ", kColumns, " FROM orders)) d")),
            "0");
  EXPECT_TRUE(None(Differences(structure, Dump())));
  ExpectNothingOfOurs();
}

TEST_F(PartitionsTest, TheWholeTreeGoesOnWhereItWas) {
  CreateTree(400);
  const std::string structure = Dump();
  const Arguments run = RunTable("orders", {"--soak", "0"});
  struct Case {
    const char* fault;
    const char* other;  // what another request is told meanwhile; empty: it would be accepted
  };
  for (const Case& c : {Case{"open_job.after_commit@3:kill", "works on table public.orders_"},
                        Case{"build.after_commit@2:kill", "of public.orders with other options"},
                        Case{"table_drop.before_commit@2:kill", ""}}) {
    const std::string image = Image("orders");
    const std::string before = sql().Holds("to_regclass('restructure.job') IS NOT NULL")
                                   ? sql().Text("SELECT max(job_id) FROM restructure.job")
                                   : "0";
    const Outcome killed = Run(run, {absl::StrCat("PG_RESTRUCTURE_FAIL=", c.fault)});
    EXPECT_EQ(killed.signal, SIGKILL) << killed;
    if (*c.other != '\0') {
      const Outcome other = Run(RunTable("orders", {"--fillfactor", "50"}));
      EXPECT_TRUE(Exits(kRefused, other));
      EXPECT_TRUE(absl::StrContains(other.err, c.other)) << other;
    }
    EXPECT_TRUE(Exits(kDone, Run(run))) << c.fault;
    EXPECT_EQ(Image("orders"), image);
    // Each of them once.
    EXPECT_EQ(sql().Text("SELECT count(*) || ' ' || count(DISTINCT name) FROM restructure.job"
                         " WHERE outcome = 'done' AND job_id > $1",
                         {before}),
              "6 6")
        << c.fault;
    EXPECT_EQ(sql().Text("SELECT count(*) FROM restructure.tree WHERE open"), "0");
    EXPECT_TRUE(None(Differences(structure, Dump())));
    ExpectNothingOfOurs();
  }
}

TEST_F(PartitionsTest, AWholeTreeThatCannotBeRebuiltIsRefused) {
  CreateTree(50);
  sql().Exec(
      "CREATE TABLE empty (id int PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE TABLE keyless (id int) PARTITION BY RANGE (id);"
      "CREATE TABLE keyless_1 PARTITION OF keyless FOR VALUES FROM (0) TO (9);"
      "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;"
      "CREATE TABLE abroad (id int) PARTITION BY RANGE (id);"
      "CREATE FOREIGN TABLE abroad_1 PARTITION OF abroad FOR VALUES FROM (0) TO (9)"
      " SERVER nowhere");
  struct Case {
    Arguments more;
    const char* message;
  };
  for (const Case& c : std::vector<Case>{
           {{"empty"}, "public.empty has no partition that holds rows"},
           {{"keyless"}, "public.keyless_1 has no key"},
           {{"abroad"}, "public.abroad has a foreign partition, public.abroad_1"},
           {{"orders", "--alter", "ADD COLUMN note text"}, "--alter, --column and --reverse"},
           {{"orders", "--hold-before-swap"}, "--hold-before-swap holds one table"},
           {{"orders", "--order-by", "nowhere"}, "has no column nowhere"}}) {
    const Outcome refused = Run(RunTable(c.more[0], {c.more.begin() + 1, c.more.end()}));
    EXPECT_TRUE(Exits(kRefused, refused));
    EXPECT_TRUE(absl::StrContains(refused.err, c.message)) << refused;
    EXPECT_TRUE(absl::StrContains(refused.err, "HINT: ")) << refused;
  }
  EXPECT_FALSE(sql().Holds("to_regclass('restructure.tree') IS NOT NULL"));
  const Outcome plan = Run({"plan", "table", "orders"});
  EXPECT_TRUE(Exits(kDone, plan));
  EXPECT_TRUE(absl::StrContains(plan.out, "6, one after another")) << plan;
  EXPECT_TRUE(Exits(kDone, Run({"plan", "table", "orders", "--json"})));
}

}  // namespace
}  // namespace server
