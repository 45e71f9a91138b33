// A partition that is rebuilt alone, in its place in the tree.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/kills.h"
#include "tests/server/partitions.h"

namespace server {
namespace {

TEST_F(PartitionsTest, ALeafHasAllThatItHad) {
  CreateTree(2000);
  const std::string structure = Dump();
  for (const char* leaf : {"orders_2024_us0", "orders_other"}) {
    const std::string image = Image(leaf);
    ASSERT_TRUE(Exits(kDone, Run(RunTable(leaf, {"--order-by", "customer", "--soak", "0"}))));
    EXPECT_TRUE(None(Differences(structure, Dump()))) << leaf;
    EXPECT_EQ(Image(leaf), image) << leaf;
    ExpectNothingOfOurs();
  }
  Fill(100);
}

TEST_F(PartitionsTest, ALeafHasItDuringTheSoakAndAfterTheWayBack) {
  CreateTree(1000);
  const std::string structure = Dump();
  for (const char* leaf : {"orders_2024_eu", "orders_2024_rest", "orders_2025"}) {
    ASSERT_TRUE(Exits(kDone, Run(RunTable(leaf))));
    for (const char* command : {"revert", "revert", "finish"}) {
      EXPECT_TRUE(None(Differences(structure, Dump()))) << leaf << " before " << command;
      Fill(100);
      EXPECT_EQ(Image(Other(leaf)), Image(leaf)) << leaf << " before " << command;
      ASSERT_TRUE(Exits(kDone, Run({command, Job()}))) << leaf;
    }
    EXPECT_TRUE(None(Differences(structure, Dump()))) << leaf;
    ExpectNothingOfOurs();
  }
}

// Neither the table that is attached nor the default partition is read under the locks: each is
// read once for each thing that is to be known of it, beforehand.
TEST_F(PartitionsTest, NothingIsReadUnderTheLocks) {
  CreateTree(3000);
  const auto scans = [&](const std::string& table) {
    // Sessions tell what they have read when they end; ours, when asked.
    EXPECT_TRUE(Eventually([&] {
      return sql().Holds(
          "NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name ~"
          " '^pg_restructure')");
    }));
    sql().Exec("SELECT pg_stat_force_next_flush()");
    return sql().Number("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = $1", {table});
  };
  struct Case {
    const char* change;
    int reads;  // of the table that comes back: its bounds, and its foreign key
  };
  for (const Case& c :
       {Case{"ANALYZE orders", 2}, Case{"ALTER TABLE orders DROP CONSTRAINT of_customer", 1}}) {
    sql().Exec(c.change);
    ASSERT_TRUE(Exits(kDone, Run(RunTable("orders_2024_eu"))));
    const std::int64_t old_table = scans("orders_2024_eu__old");
    const std::int64_t beside = scans("orders_2024_rest");
    ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
    EXPECT_EQ(scans("orders_2024_eu"), old_table + c.reads) << c.change;
    EXPECT_EQ(scans("orders_2024_rest"), beside) << c.change;
    ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  }
  ExpectNothingOfOurs();
}

TEST_F(PartitionsTest, NothingIsLostUnderWriters) {
  CreateTree(4000);
  constexpr char kColumns[] = "id, placed, region, customer, amount, ticket";
  sql().Exec(absl::StrCat("CREATE TABLE mirror AS SELECT ", kColumns, " FROM orders;",
                          "CREATE INDEX ON mirror (customer); ANALYZE mirror;",
                          "CREATE VIEW all_orders AS SELECT ", kColumns, " FROM orders;",
                          "CREATE VIEW all_mirror AS SELECT ", kColumns, " FROM mirror"));
  std::vector<std::unique_ptr<TreeWriter>> writers;
  for (int seed = 0; seed < 3; ++seed) {
    writers.push_back(std::make_unique<TreeWriter>(target(), seed));
  }
  const auto some_more = [&] {
    const int before = writers[0]->done();
    return Eventually(
        [&] { return writers[0]->done() > before + 20 || !writers[0]->error().empty(); });
  };
  std::atomic<bool> stop{false};
  std::string reader_error;
  std::thread reader([&] {
    try {
      Client client(target().Conninfo("reader"));
      while (!stop) {
        for (const char* isolation : {"READ COMMITTED", "REPEATABLE READ"}) {
          // One statement sees one state of both.
          client.Exec(absl::StrCat("BEGIN ISOLATION LEVEL ", isolation));
          if (client.Text("SELECT (SELECT count(*) FROM orders WHERE placed < '2025-01-01') ="
                          " (SELECT count(*) FROM mirror WHERE placed < '2025-01-01')") != "t") {
            reader_error = absl::StrCat("rows are missing in ", isolation);
          }
          client.Exec("COMMIT");
        }
      }
    } catch (const std::exception& error) {
      reader_error = error.what();
    }
  });
  for (const char* leaf : {"orders_2024_eu", "orders_2024_rest"}) {
    EXPECT_TRUE(Exits(kDone, Run(RunTable(leaf, {"--order-by", "customer"}),
                                 {"PG_RESTRUCTURE_JOB_BATCH_ROWS=100"})));
    for (const char* command : {"revert", "revert", "finish"}) {
      EXPECT_TRUE(some_more());
      EXPECT_TRUE(Exits(kDone, Run({command, Job()}))) << leaf;
    }
  }
  stop = true;
  reader.join();
  for (const auto& writer : writers) {
    writer->Stop();
    EXPECT_EQ(writer->error(), "");
    EXPECT_GT(writer->done(), 30);
  }
  EXPECT_EQ(reader_error, "");
  EXPECT_EQ(Image("all_orders"), Image("all_mirror"));
  ExpectNothingOfOurs();
}

// Unique values change places between the rows of one statement, and between statements of one
// transaction, and the other table has them when it commits.
TEST_F(PartitionsTest, ValuesChangePlacesUnderAUniqueIndex) {
  CreateTree(10);
  sql().Exec(
      "CREATE TABLE seats (id int, room int, seat int, place int, PRIMARY KEY (room, id),"
      " CONSTRAINT by_place UNIQUE (room, place), CONSTRAINT by_seat UNIQUE (room, seat)"
      " DEFERRABLE) PARTITION BY LIST (room);"
      "CREATE TABLE seats_1 PARTITION OF seats FOR VALUES IN (1);"
      "CREATE TABLE seats_2 PARTITION OF seats FOR VALUES IN (2);"
      "INSERT INTO seats SELECT i, 1, i, 101 - i FROM generate_series(1, 100) i");
  const auto change = [&] {
    for (const char* table : {"seats", "seats_1"}) {
      // As the rows lie, this may meet itself.
      (void)sql().Try(absl::StrCat("UPDATE ", table, " SET place = place + 1 WHERE room = 1"));
      (void)sql().Try(absl::StrCat("UPDATE ", table, " SET place = place - 1 WHERE room = 1"));
      sql().Exec(absl::StrCat("UPDATE ", table, " SET seat = 101 - seat WHERE room = 1"));
      sql().Exec(absl::StrCat("BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE ", table,
                              " SET seat = 7 WHERE seat = 9; UPDATE ", table,
                              " SET seat = 9 WHERE seat = 7 AND ctid = (SELECT min(ctid) FROM ",
                              table, " WHERE seat = 7); COMMIT"));
      sql().Exec(absl::StrCat("BEGIN; SAVEPOINT a; UPDATE ", table,
                              " SET seat = 101 - seat; ROLLBACK TO a; UPDATE ", table,
                              " SET seat = 101 - seat; UPDATE ", table,
                              " SET seat = 101 - seat, id = id + 1000; COMMIT"));
    }
    sql().Exec("UPDATE seats SET room = 3 - room, seat = 101 - seat WHERE id % 3 = 0");
    sql().Exec("UPDATE seats SET room = 3 - room, seat = 101 - seat WHERE id % 3 = 0");
    EXPECT_EQ(Image(Other("seats_1")), Image("seats_1"));
    EXPECT_EQ(sql().Text("SELECT count(*) FROM seats"), "100");
  };
  ASSERT_TRUE(Exits(kDone, Run(RunTable("seats_1", {"--hold-before-swap"}))));
  change();
  ASSERT_TRUE(Exits(kDone, Run({"swap", Job()})));
  change();
  // Who wants all to be checked at once has the keys wait for the exchange.
  sql().Exec("BEGIN; SET CONSTRAINTS ALL IMMEDIATE; UPDATE seats SET seat = 101 - seat; COMMIT");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(Image(Other("seats_1")), Image("seats_1"));
  change();
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
}

// A foreign key that the other table has for a time fails no statement that does well without it.
TEST_F(PartitionsTest, ForeignKeysFromAboveAreNobodysConcern) {
  CreateTree(500);
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  std::string error;
  std::thread writer([&] {
    try {
      Client client(target().Conninfo("writer"));
      for (int i = 1000; !stop; ++i, ++rounds) {
        const std::string c = absl::StrCat(i);
        const std::string order = absl::StrCat(
            "INSERT INTO orders (placed, region, customer, amount, ticket) VALUES ('2024-05-05',"
            " 'de', ",
            c, ", 1, 1)");
        client.Exec(absl::StrCat("INSERT INTO customers VALUES (", c, ");", order));
        client.Exec(absl::StrCat("BEGIN; DELETE FROM orders WHERE customer = ", c,
                                 "; DELETE FROM customers WHERE id = ", c, "; COMMIT"));
        client.Exec(absl::StrCat("INSERT INTO customers VALUES (", c, ");", order));
        client.Exec(absl::StrCat("WITH d AS (DELETE FROM orders WHERE customer = ", c,
                                 ") DELETE FROM customers WHERE id = ", c));
        if (client.Try(order) != "23503") error = "an order of no customer";
        if (client.Try("DELETE FROM customers WHERE id = 1") != "23503") error = "orders left over";
      }
    } catch (const std::exception& failure) {
      error = failure.what();
    }
  });
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders_2024_eu"),
                               {"PG_RESTRUCTURE_FAIL=table_exchange.before_commit:sleep=200,"
                                "table_attach.after_commit@4:sleep=700"})));
  for (const char* command : {"revert", "revert", "finish"}) {
    const int before = rounds;
    EXPECT_TRUE(Eventually([&] { return rounds > before + 10 || !error.empty(); }));
    EXPECT_TRUE(Exits(kDone, Run({command, Job()},
                                 {"PG_RESTRUCTURE_FAIL=table_attach.after_commit@3:sleep=500"})));
  }
  stop = true;
  writer.join();
  EXPECT_EQ(error, "");
  ExpectNothingOfOurs();
}

TEST_F(PartitionsTest, ForeignKeysOntoTheTreeGoOn) {
  CreateTree(1000);
  sql().Exec(
      "CREATE TABLE items (placed date, region text, id bigint, CONSTRAINT of_order FOREIGN KEY"
      " (placed, region, id) REFERENCES orders ON DELETE CASCADE);"
      "COMMENT ON CONSTRAINT of_order ON items IS 'part of it';"
      "INSERT INTO items SELECT placed, region, id FROM orders");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders_2024_eu"))));
  for (const char* command : {"revert", "revert", "finish"}) {
    EXPECT_EQ(sql().Try("INSERT INTO items VALUES ('2024-05-05', 'de', -1)"), "23503");
    EXPECT_EQ(sql().Text("SELECT convalidated || obj_description(oid) FROM pg_constraint"
                         " WHERE conname = 'of_order'"),
              "truepart of it");
    sql().Exec("DELETE FROM orders WHERE ticket = (SELECT min(ticket) FROM orders_2024_eu)");
    EXPECT_EQ(sql().Text("SELECT (SELECT count(*) FROM items) - (SELECT count(*) FROM orders)"),
              "0");
    EXPECT_EQ(Image(Other("orders_2024_eu")), Image("orders_2024_eu"));
    ASSERT_TRUE(Exits(kDone, Run({command, Job()})));
  }
  ExpectNothingOfOurs();
}

TEST_F(PartitionsTest, TheTreeChangesMeanwhile) {
  CreateTree(800);
  const Arguments run = RunTable("orders_2024_eu", {"--hold-before-swap"});
  // What concerns another part of it does not matter.
  ASSERT_TRUE(Exits(kDone, Run(run)));
  sql().Exec("CREATE TABLE orders_2024_jp PARTITION OF orders_2024 FOR VALUES IN ('jp')");
  sql().Exec("ALTER TABLE orders_2024 DETACH PARTITION orders_2024_us");
  sql().Exec("TRUNCATE orders");
  Fill(300);
  EXPECT_EQ(Image(Other("orders_2024_eu")), Image("orders_2024_eu"));
  ASSERT_TRUE(Exits(kDone, Run({"swap", Job()})));
  sql().Exec("TRUNCATE orders");
  Fill(200);
  EXPECT_EQ(Image(Other("orders_2024_eu")), Image("orders_2024_eu"));
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
  // What concerns it stops the job.
  for (const char* change :
       {"ALTER TABLE orders_2024 DETACH PARTITION orders_2024_eu",
        "ALTER TABLE orders DETACH PARTITION orders_2024", "CREATE INDEX ON orders (amount)",
        "ALTER TABLE orders ADD COLUMN note text",
        "ALTER TABLE orders ADD CONSTRAINT late CHECK (ticket <> 99999999)",
        "CREATE TRIGGER late AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()"}) {
    ASSERT_TRUE(Exits(kDone, Run(run)));
    sql().Exec(change);
    const std::string image = Image("orders_2024_eu");
    EXPECT_TRUE(Exits(kResumable, Run({"swap", Job()}))) << change;
    EXPECT_EQ(Image("orders_2024_eu"), image);
    ASSERT_TRUE(Exits(kDone, Run({"abort", Job()}))) << change;
    ExpectNothingOfOurs();
    if (absl::StrContains(change, "DETACH PARTITION orders_2024_eu")) {
      sql().Exec(
          "ALTER TABLE orders_2024 ATTACH PARTITION orders_2024_eu FOR VALUES IN ('de',"
          " 'fr')");
    } else if (absl::StrContains(change, "DETACH")) {
      sql().Exec(
          "ALTER TABLE orders ATTACH PARTITION orders_2024 FOR VALUES FROM ('2024-01-01')"
          " TO ('2025-01-01')");
    }
  }
  // Detached after the swap, it stays what it is.
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders_2024_eu"))));
  sql().Exec("ALTER TABLE orders_2024 DETACH PARTITION orders_2024_eu");
  EXPECT_TRUE(Exits(kResumable, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
}

TEST_F(PartitionsTest, KilledAnywhere) {
  CreateTree(400);
  const std::string structure = Dump();
  const std::string image = Image("orders_2024_eu");
  const Arguments run = RunTable("orders_2024_eu", {"--soak", "0"});
  const std::vector<std::string> names =
      FailpointNames({"synchronize.", "table_attach.", "table_exchange."});
  const Killed killed = RunKilled(
      target(), [&] { return run; }, names);
  EXPECT_TRUE(Exits(kDone, killed.last)) << killed.story;
  EXPECT_EQ(killed.at.size(), 9U) << killed.story;
  EXPECT_EQ(Image("orders_2024_eu"), image) << killed.story;
  EXPECT_TRUE(Clean()) << killed.story;
  EXPECT_TRUE(None(Differences(structure, Dump())));
  ExpectNothingOfOurs();
}

TEST_F(PartitionsTest, KilledOnTheWayBack) {
  CreateTree(200);
  const std::string structure = Dump();
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders_2024_eu"))));
  const auto next = [this, repeated = Repeated(sql(), {"revert", Job()})] {
    sql().Exec("UPDATE orders SET amount = amount + 1 WHERE id % 5 = 0");
    return repeated();
  };
  const Killed killed = RunKilled(target(), next, FailpointNames({"table_revert."}));
  EXPECT_TRUE(Exits(kDone, killed.last)) << killed.story;
  EXPECT_EQ(killed.at.size(), 3U) << killed.story;
  EXPECT_EQ(Image(Other("orders_2024_eu")), Image("orders_2024_eu")) << killed.story;
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(None(Differences(structure, Dump())));
  ExpectNothingOfOurs();
}

TEST_F(PartitionsTest, DoctorFindsConstraintsThatAreLeftOver) {
  CreateTree(50);
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders_2024_eu"))));
  EXPECT_TRUE(Clean());
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  sql().Exec(absl::StrCat("ALTER TABLE orders_2024_rest ADD CONSTRAINT pg_restructure_bound_",
                          Job(),
                          " CHECK (true); ALTER TABLE orders_2025 ADD CONSTRAINT"
                          " pg_restructure_bound CHECK (true)"));
  const Outcome doctor = Run({"doctor"});
  EXPECT_TRUE(Exits(kLeftovers, doctor));
  for (const char* table : {"orders_2024_rest", "orders_2025"}) {
    EXPECT_TRUE(
        absl::StrContains(doctor.text(), absl::StrCat("on public.", table, " is left over")))
        << doctor;
  }
}

TEST_F(PartitionsTest, WhatCannotBeDoneIsRefused) {
  CreateTree(50);
  sql().Exec(
      "CREATE TABLE twins (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);"
      "CREATE TABLE twins_1 PARTITION OF twins FOR VALUES FROM (0) TO (9);"
      "CREATE INDEX ON twins (a); CREATE INDEX again ON twins_1 (a);"
      "CREATE TABLE lacks (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);"
      "CREATE TABLE lacks_1 PARTITION OF lacks FOR VALUES FROM (0) TO (9);"
      "CREATE INDEX lacks_a ON ONLY lacks (a);"
      "CREATE TABLE tops (id int PRIMARY KEY, top int REFERENCES tops) PARTITION BY RANGE (id);"
      "CREATE TABLE tops_1 PARTITION OF tops FOR VALUES FROM (0) TO (9);"
      "CREATE ROLE leaf_owner LOGIN; GRANT CREATE ON SCHEMA public TO leaf_owner;"
      "GRANT CREATE ON DATABASE " +
      target().database +
      " TO leaf_owner;"
      "ALTER TABLE orders_2025 OWNER TO leaf_owner;"
      "GRANT REFERENCES, DELETE ON customers TO leaf_owner");
  struct Case {
    Arguments more;
    const char* message;
  };
  for (const Case& c : std::vector<Case>{
           {{"twins_1"}, "has indexes that are alike, of which public.twins needs one"},
           {{"lacks_1"}, "lacks indexes of public.lacks: lacks_a"},
           {{"tops_1"}, "is referred to by foreign keys of partitioned tables"},
           {{"orders_2025", "--primary-key", "placed, region, ticket, id"},
            "has the columns and keys of its partition tree, --primary-key"},
           {{"orders_2025", "--alter", "ADD COLUMN note text"},
            "--alter, --column and --reverse"}}) {
    const Outcome refused = Run(RunTable(c.more[0], {c.more.begin() + 1, c.more.end()}));
    EXPECT_TRUE(Exits(kRefused, refused));
    EXPECT_TRUE(absl::StrContains(refused.err, c.message)) << refused;
    EXPECT_TRUE(absl::StrContains(refused.err, "HINT: ")) << refused;
  }
  const Outcome not_owner = Tool(target().As("leaf_owner"), RunTable("orders_2025")).Wait();
  EXPECT_TRUE(Exits(kRefused, not_owner));
  EXPECT_TRUE(absl::StrContains(not_owner.err, "does not own what lets the partition"))
      << not_owner;
  sql().Exec(
      "ALTER TABLE orders_2025 OWNER TO postgres; DROP OWNED BY leaf_owner;"
      "DROP ROLE leaf_owner");
}

}  // namespace
}  // namespace server
