// Tables laid in an order: read out of the source range by range, or scattered first.

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/members.h"
#include "tests/server/table_fixture.h"
#include "tests/server/writers.h"

namespace server {
namespace {

TEST_F(TableTest, RowsLieInTheOrderAskedFor) {
  CreateOrders(30000);
  sql().Exec(
      "INSERT INTO orders SELECT i, i % 50, now(), i, i FROM generate_series(30001, 30500) i;"
      "ALTER TABLE orders ALTER COLUMN customer SET STATISTICS 1000; ANALYZE orders");
  struct Case {
    const char* order;
    const char* wrong;  // rows before which lies one that should come later
  };
  for (const Case& c : {Case{"customer, id", "(a.customer, a.id) < (a.c, a.i)"},
                        Case{"customer desc nulls last, id",
                             "a.customer > a.c OR a.c IS NULL"
                             " AND a.customer IS NOT NULL"},
                        Case{"placed desc", "a.placed > a.p"}}) {
    const std::string image = Image("public.orders");
    ASSERT_TRUE(Exits(
        kDone, Run(RunTable("orders", {"--order-by", c.order, "--workers", "1", "--soak", "0"}))));
    EXPECT_EQ(sql().Text(absl::StrCat(
                  "SELECT count(*) FROM (SELECT customer, id, placed, lag(customer) OVER w AS c,"
                  " lag(id) OVER w AS i, lag(placed) OVER w AS p, row_number() OVER w AS n"
                  " FROM orders WINDOW w AS (ORDER BY ctid)) a WHERE n > 1 AND (",
                  c.wrong, ")")),
              "0")
        << c.order;
    EXPECT_EQ(Image("public.orders"), image);
  }
  sql().Exec("ANALYZE orders");
  EXPECT_TRUE(
      sql().Holds("(SELECT abs(correlation) >= 0.9 FROM pg_stats WHERE tablename = 'orders'"
                  " AND attname = 'placed')"));
  // Several workers write ranges side by side, and which one is ahead is a matter of chance. What
  // belongs together lies together all the same.
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders", {"--order-by", "customer, id", "--workers", "4",
                                                   "--soak", "0"}))));
  EXPECT_LE(sql().Number("SELECT max(pages) FROM (SELECT count(DISTINCT (ctid::text::point)[0]) AS"
                         " pages FROM orders GROUP BY customer) p"),
            4);
  ExpectNothingOfOurs();
}

class ScatterTest : public TableTest {
 protected:
  // The ranges are small, and the server has no memory: as if the table were large.
  const std::vector<std::string> kSmall = {"PG_RESTRUCTURE_ORDER_RANGE_BYTES=16384",
                                           "PG_RESTRUCTURE_JOB_BATCH_ROWS=500"};

  void SetUp() override {
    TableTest::SetUp();
    sql().Exec(absl::StrCat("ALTER DATABASE ", Database(), " SET effective_cache_size = '1MB'"));
  }
  void TearDown() override {
    sql().Exec(absl::StrCat("ALTER DATABASE ", Database(), " RESET effective_cache_size"));
    TableTest::TearDown();
  }

  std::string Database() { return sql().Text("SELECT quote_ident(current_database())"); }

  std::int64_t Marks(const std::string& pass) {
    return sql().Number("SELECT count(*) FROM restructure.batch WHERE done AND pass = $1", {pass});
  }

  // How many rows lie after one that should come later.
  std::int64_t OutOfOrder(const std::string& order) {
    return sql().Number(
        absl::StrCat("SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY ctid) AS lies,"
                     " row_number() OVER (ORDER BY ",
                     order, ") AS should FROM orders) o WHERE lies <> should"));
  }
};

TEST_F(ScatterTest, RowsLieInTheOrderAskedFor) {
  CreateOrders(8000);
  for (const char* order : {"customer, id", "customer desc nulls last, id desc", "placed desc"}) {
    const std::string image = Image("public.orders");
    const Outcome plan = Run({"plan", "table", "orders", "--order-by", order}, kSmall);
    EXPECT_TRUE(absl::StrContains(plan.out, "scatter about 8000 rows into ")) << plan;
    ASSERT_TRUE(Exits(kDone, Run(RunTable("orders", {"--order-by", order, "--workers", "1",
                                                     "--hold-before-swap"}),
                                 kSmall)));
    EXPECT_GE(Marks("scatter"), 8000 / 1000) << order;
    EXPECT_GE(Marks("order"), 13) << order;
    ASSERT_TRUE(Exits(kDone, Run({"swap", Job(), "--soak", "0"})));
    EXPECT_EQ(OutOfOrder(order), 0) << order;
    EXPECT_EQ(Image("public.orders"), image);
  }
  ExpectNothingOfOurs();
}

TEST_F(ScatterTest, NothingIsLostUnderWriters) {
  CreateMembers(sql(), 5000);
  Writers writers(target(), 3);
  ASSERT_TRUE(
      Exits(kDone, Run(RunTable("members", {"--order-by", "owner_id, rank desc, id"}), kSmall)));
  writers.Stop();
  EXPECT_EQ(Image(Other("members")), Image("public.members"));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  ExpectNothingOfOurs();
}

TEST_F(ScatterTest, KilledWhileScatteringAndWhileGatheringGoesOnThere) {
  CreateOrders(8000);
  const Arguments run = RunTable("orders", {"--order-by", "customer, id", "--workers", "1"});
  std::vector<std::string> killed = kSmall;
  killed.push_back("PG_RESTRUCTURE_FAIL=copy.after_commit@10:kill");
  ASSERT_EQ(Run(run, killed).signal, SIGKILL);
  const std::int64_t scattered = Marks("scatter");
  EXPECT_EQ(scattered, 10);
  EXPECT_EQ(Marks("order"), 0);
  // Rows that come meanwhile lie in blocks that the table did not have.
  sql().Exec(
      "INSERT INTO orders SELECT i, i % 50, now(), i, i FROM generate_series(30001, 33000) i;"
      "DELETE FROM orders WHERE id % 3 = 0; UPDATE orders SET customer = 7 WHERE id % 5 = 0");
  killed.back() = "PG_RESTRUCTURE_FAIL=copy.before_commit@20:kill";
  ASSERT_EQ(Run(run, killed).signal, SIGKILL);
  EXPECT_GT(Marks("scatter"), scattered);
  EXPECT_GT(Marks("order"), 0);
  const std::string image = Image("public.orders");
  ASSERT_TRUE(Exits(kDone, Run(run, kSmall)));
  EXPECT_EQ(Image("public.orders"), image);
  EXPECT_EQ(Image(Other("orders")), image);
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
}

TEST_F(ScatterTest, AnAbortAndARewriteLeaveNoRangeTables) {
  CreateOrders(8000);
  const Arguments run = RunTable("orders", {"--order-by", "customer, id", "--soak", "0"});
  std::vector<std::string> killed = kSmall;
  killed.push_back("PG_RESTRUCTURE_FAIL=copy.after_commit@10:kill");
  ASSERT_EQ(Run(run, killed).signal, SIGKILL);
  sql().Exec("VACUUM FULL orders");
  sql().Exec("DELETE FROM orders WHERE id % 2 = 0");
  const std::string image = Image("public.orders");
  ASSERT_TRUE(Exits(kDone, Run(run, kSmall)));
  EXPECT_EQ(Image("public.orders"), image);
  ExpectNothingOfOurs();
  ASSERT_EQ(Run(run, killed).signal, SIGKILL);
  ASSERT_TRUE(Exits(kDone, Run({"abort", Job()})));
  ExpectNothingOfOurs();
}

// One range takes all, NULLs too, where no value of the sample could cut it.
TEST_F(ScatterTest, NullsAmongValuesThatAreAllEqual) {
  sql().Exec(
      "CREATE TABLE orders (id int PRIMARY KEY, n int);"
      "INSERT INTO orders SELECT i, CASE WHEN i % 2 = 0 THEN 1 END"
      " FROM generate_series(1, 20000) i; ANALYZE orders");
  const std::string image = Image("public.orders");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders", {"--order-by", "n", "--soak", "0"}), kSmall)));
  EXPECT_EQ(Image("public.orders"), image);
  ExpectNothingOfOurs();
}

// 1.0 and 1.00 are the same place in the order: no range lies between them.
TEST_F(ScatterTest, ValuesThatAreEqualButWrittenDifferently) {
  sql().Exec(
      "CREATE TABLE orders (id int PRIMARY KEY, n numeric NOT NULL);"
      "INSERT INTO orders SELECT i, CASE i % 3 WHEN 0 THEN 1.0 WHEN 1 THEN 1.00 ELSE i END"
      " FROM generate_series(1, 20000) i; ANALYZE orders");
  const std::string image = Image("public.orders");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders", {"--order-by", "n", "--soak", "0"}), kSmall)));
  EXPECT_EQ(Image("public.orders"), image);
  ExpectNothingOfOurs();
}

}  // namespace
}  // namespace server
