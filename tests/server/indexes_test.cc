// Indexes: another key, under live traffic; constraints with their foreign keys.

#include "tests/server/indexes.h"

#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/kills.h"
#include "tests/server/lock_meter.h"
#include "tests/server/writers.h"

namespace server {
namespace {

class IndexTest : public IndexesTest {
 protected:
  // public.orders, with an index by customer that is in the wrong order.
  void CreateOrders(int rows) {
    sql().Exec(absl::StrCat(
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, placed timestamptz NOT"
        " NULL, amount numeric, status text NOT NULL);"
        "INSERT INTO orders SELECT i, i % 97, timestamptz '2026-01-01' + i * interval '1 min',"
        " i * 1.5, CASE i % 10 WHEN 0 THEN 'open' ELSE 'done' END FROM generate_series(1, ",
        rows, ") i; CREATE INDEX orders_by_customer ON orders (placed, customer); ANALYZE orders"));
  }

  // What hangs on the table's constraints and indexes besides their definitions.
  std::string Properties() {
    return sql().Text(
        "SELECT string_agg(line, E'\\n' ORDER BY line COLLATE \"C\") FROM ("
        " SELECT format('%s %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid),"
        "  obj_description(oid, 'pg_constraint')) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype <> 'p' AND contype <> 'n'"
        " UNION ALL SELECT format('%s clustered %s identity %s valid %s comment %s',"
        "  indexrelid::regclass, indisclustered, indisreplident, indisvalid,"
        "  obj_description(indexrelid, 'pg_class')) FROM pg_index JOIN pg_class ON oid = indexrelid"
        " WHERE relnamespace = 'public'::regnamespace"
        " UNION ALL SELECT format('%s.%s target %s', attrelid::regclass, attname, attstattarget)"
        "  FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relkind = 'i'"
        "  AND relnamespace = 'public'::regnamespace AND attstattarget >= 0) l(line)");
  }
};

TEST_F(IndexTest, ChangesUnderWritersAndPreparedReaders) {
  CreateMembers(sql(), 5000);
  sql().Exec(
      "CREATE INDEX members_by_rank ON members (rank, owner_id);"
      "COMMENT ON INDEX members_by_rank IS 'the leaderboard';"
      "CREATE INDEX members_by_lower ON members (lower(label));"
      "ALTER INDEX members_by_lower ALTER COLUMN 1 SET STATISTICS 300;"
      "ALTER TABLE members CLUSTER ON members_pkey");
  const std::string properties = Properties();
  Writers writers(target(), 2);
  Client reader(target().Conninfo());
  reader.Prepare("top", "SELECT * FROM members WHERE owner_id = $1 ORDER BY rank DESC LIMIT 5");
  reader.QueryPrepared("top", {"1"});
  LockMeter meter(target());
  const std::string summary = target().host + "/index_summary.json";
  const Outcome outcome =
      Run(RunIndex("members_by_rank",
                   {"--key", "owner_id, rank desc nulls last", "--include", "label", "--where",
                    "hits >= 0", "--set", "fillfactor=80", "--soak", "0", "--summary", summary}));
  ASSERT_TRUE(Exits(kDone, outcome));
  EXPECT_LT(meter.Stop().longest_wait, milliseconds(500)) << meter.Stop().longest;
  reader.QueryPrepared("top", {"1"});
  ASSERT_TRUE(
      Exits(kDone, Run(RunIndex("members_by_lower", {"--key", "lower(label), rank", "--where",
                                                     "hits >= 0", "--soak", "0"}))));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  EXPECT_EQ(Properties(), properties);
  const std::string indexes = Indexes("members");
  EXPECT_TRUE(absl::StrContains(
      indexes,
      "CREATE INDEX members_by_rank ON public.members USING btree (owner_id, rank DESC NULLS LAST)"
      " INCLUDE (label) WITH (fillfactor='80')"))
      << indexes;
  EXPECT_TRUE(absl::StrContains(indexes,
                                "members_by_lower ON public.members USING btree "
                                "(lower(label), rank) WHERE (hits >= 0)"))
      << indexes;
  ASSERT_TRUE(Exits(kDone, Run({"verify", "index", "members_by_rank"})));
  ExpectNothingOfOurs();
}

TEST_F(IndexTest, IsHeldSwappedRevertedAndFinished) {
  CreateOrders(3000);
  const std::string before = Indexes("orders");
  ASSERT_TRUE(Exits(
      kDone, Run(RunIndex("orders_by_customer",
                          {"--key", "customer, placed desc", "--hold-before-swap", "--try",
                           "SELECT * FROM orders WHERE customer = 7 ORDER BY placed DESC"}))));
  EXPECT_TRUE(absl::StrContains(Indexes("orders"), "orders_by_customer__new"));
  EXPECT_TRUE(absl::StrContains(Indexes("orders"),
                                "orders_by_customer ON public.orders USING "
                                "btree (placed, customer)"));
  ASSERT_TRUE(Exits(kDone, Run({"swap", Job()})));
  const std::string swapped = Indexes("orders");
  EXPECT_TRUE(absl::StrContains(swapped,
                                "orders_by_customer ON public.orders USING btree "
                                "(customer, placed DESC)"));
  EXPECT_TRUE(absl::StrContains(swapped, "orders_by_customer__old"));
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_TRUE(absl::StrContains(Indexes("orders"),
                                "orders_by_customer ON public.orders USING "
                                "btree (placed, customer)"));
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(Indexes("orders"), swapped);
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(Indexes("orders"), before);
  ExpectNothingOfOurs();
}

TEST_F(IndexTest, ShowsThePlanOfATriedQuery) {
  CreateOrders(3000);
  const Outcome outcome =
      Run(RunIndex("orders_by_customer",
                   {"--key", "customer, placed desc", "--soak", "0", "--try",
                    "SELECT * FROM orders WHERE customer = 7 ORDER BY placed DESC LIMIT 3"}));
  ASSERT_TRUE(Exits(kDone, outcome));
  EXPECT_TRUE(absl::StrContains(outcome.out, "orders_by_customer__new")) << outcome;
  EXPECT_TRUE(absl::StrContains(outcome.out, "verified by ")) << outcome;
}

TEST_F(IndexTest, APrimaryKeyKeepsItsForeignKeys) {
  sql().Exec(
      "CREATE TABLE parent (a int, b int, c text, CONSTRAINT parent_pk PRIMARY KEY (a, b));"
      "INSERT INTO parent SELECT i, i % 10, 'x' FROM generate_series(1, 2000) i;"
      "CREATE TABLE child (id int PRIMARY KEY, a int, b int,"
      " CONSTRAINT child_fk FOREIGN KEY (a, b) REFERENCES parent (a, b) ON DELETE CASCADE"
      "  DEFERRABLE INITIALLY DEFERRED);"
      "COMMENT ON CONSTRAINT child_fk ON child IS 'of its parent';"
      "COMMENT ON CONSTRAINT parent_pk ON parent IS 'who is who';"
      "ALTER TABLE parent ADD COLUMN up_a int, ADD COLUMN up_b int,"
      " ADD CONSTRAINT parent_self FOREIGN KEY (up_a, up_b) REFERENCES parent (a, b) NOT VALID;"
      "ALTER TABLE parent REPLICA IDENTITY USING INDEX parent_pk;"
      "INSERT INTO child SELECT i, i, i % 10 FROM generate_series(1, 2000) i");
  const std::string properties = Properties();
  std::atomic<bool> stop{false};
  std::string complaint;
  std::thread writer([&] {
    try {
      Client client(target().Conninfo("writer"));
      for (int i = 0; !stop; ++i) {
        const std::string key = absl::StrCat(3000 + i, ", ", i % 10);
        client.Exec(absl::StrCat("INSERT INTO parent VALUES (", key, ")"));
        client.Exec(absl::StrCat("INSERT INTO child VALUES (", 3000 + i, ", ", key, ")"));
        // Never a moment without enforcement.
        const std::string orphan =
            client.Try(absl::StrCat("INSERT INTO child VALUES (", -i - 1, ", -1, -1)"));
        if (orphan != "23503") complaint = "an orphan got in: " + orphan;
        const std::string twin = client.Try(absl::StrCat("INSERT INTO parent VALUES (", key, ")"));
        if (twin != "23505") complaint = "a duplicate got in: " + twin;
      }
    } catch (const std::exception& error) {
      complaint = error.what();
    }
  });
  const Arguments run =
      RunIndex("parent_pk", {"--key", "b, a", "--include", "c", "--hold-before-swap"});
  const Outcome held = Run(run);
  const Outcome swapped = Run({"swap", Job()});
  const std::string after_swap = Indexes("parent");
  const std::string properties_after = Properties();
  const Outcome reverted = Run({"revert", Job()});
  const std::string after_revert = Indexes("parent");
  const Outcome again = Run({"revert", Job()});
  const Outcome finished = Run({"finish", Job()});
  stop = true;
  writer.join();
  EXPECT_EQ(complaint, "");
  for (const Outcome& outcome : {held, swapped, reverted, again, finished}) {
    ASSERT_TRUE(Exits(kDone, outcome));
  }
  EXPECT_TRUE(absl::StrContains(after_swap,
                                "parent_pk ON public.parent USING btree (b, a) INCLUDE "
                                "(c)"))
      << after_swap;
  EXPECT_TRUE(absl::StrContains(after_swap, "parent_pk__old ON public.parent USING btree (a, b)"))
      << "the soak builds the old index again: " << after_swap;
  EXPECT_TRUE(absl::StrContains(after_revert, "parent_pk ON public.parent USING btree (a, b)"));
  EXPECT_EQ(Properties(), properties);
  EXPECT_TRUE(absl::StrContains(properties_after, "child_fk")) << properties_after;
  EXPECT_EQ(sql().Text("SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                       " WHERE conname = 'parent_pk'"),
            "PRIMARY KEY (b, a) INCLUDE (c)");
  EXPECT_EQ(sql().Text("SELECT convalidated FROM pg_constraint WHERE conname = 'child_fk'"), "t");
  EXPECT_EQ(sql().Text("SELECT convalidated FROM pg_constraint WHERE conname = 'parent_self'"),
            "f");
  ExpectNothingOfOurs();
}

TEST_F(IndexTest, AUniqueConstraintStaysDeferrable) {
  sql().Exec(
      "CREATE TABLE seats (id int PRIMARY KEY, row int NOT NULL, place int NOT NULL,"
      " CONSTRAINT one_each UNIQUE (row, place) DEFERRABLE INITIALLY DEFERRED);"
      "INSERT INTO seats SELECT i, i / 20, i % 20 FROM generate_series(1, 1000) i;"
      "ALTER TABLE seats CLUSTER ON one_each");
  const Outcome planned = Run({"plan", "index", "one_each", "--key", "place, row", "--soak", "0"});
  EXPECT_TRUE(absl::StrContains(planned.out, "a statement fails that needs it to be deferred"))
      << planned;
  ASSERT_TRUE(Exits(kDone, Run(RunIndex("one_each", {"--key", "place, row", "--soak", "0"}))));
  EXPECT_EQ(
      sql().Text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'one_each'"),
      "UNIQUE (place, \"row\") DEFERRABLE INITIALLY DEFERRED");
  EXPECT_TRUE(
      sql().Holds("(SELECT indisclustered FROM pg_index WHERE indexrelid ="
                  " 'one_each'::regclass)"));
  // Places are swapped within a transaction.
  sql().Exec(
      "BEGIN; UPDATE seats SET place = 3 WHERE id = 4; UPDATE seats SET place = 4"
      " WHERE id = 3; COMMIT");
  ExpectNothingOfOurs();
}

TEST_F(IndexTest, AReplicaIdentityGoesOver) {
  sql().Exec(
      "CREATE TABLE events (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL);"
      "INSERT INTO events SELECT i, i, i FROM generate_series(1, 500) i;"
      "CREATE UNIQUE INDEX events_ab ON events (a, b);"
      "ALTER TABLE events REPLICA IDENTITY USING INDEX events_ab");
  ASSERT_TRUE(Exits(kDone, Run(RunIndex("events_ab", {"--key", "b, a", "--soak", "0"}))));
  EXPECT_TRUE(
      sql().Holds("(SELECT indisreplident FROM pg_index WHERE indexrelid ="
                  " 'events_ab'::regclass)"));
  EXPECT_TRUE(
      sql().Holds("(SELECT relreplident = 'i' FROM pg_class WHERE oid ="
                  " 'events'::regclass)"));
  EXPECT_EQ(sql().Text("SELECT pg_get_indexdef('events_ab'::regclass)"),
            "CREATE UNIQUE INDEX events_ab ON public.events USING btree (b, a)");
  ExpectNothingOfOurs();
}

// Other access methods, and a partial index with expressions, operator classes and a collation.
TEST_F(IndexTest, EveryKindOfDefinitionComesThrough) {
  CreateOrders(1000);
  struct Case {
    const char* create;
    Arguments change;
    const char* becomes;
  };
  const std::vector<Case> cases = {
      {"USING hash (status)", {"--key", "customer"}, "USING hash (customer)"},
      {"USING gin (to_tsvector('simple'::regconfig, status))",
       {"--set", "fastupdate=off"},
       "USING gin (to_tsvector('simple'::regconfig, status)) WITH (fastupdate=off)"},
      {"USING brin (placed)",
       {"--set", "pages_per_range=8", "--key", "placed, id"},
       "USING brin (placed, id) WITH (pages_per_range='8')"},
      {"(status) WHERE status <> 'done'",
       {"--key", "status text_pattern_ops, lower(status) collate \"C\" desc", "--where",
        "status <> 'it''s; (done'"},
       "USING btree (status text_pattern_ops, lower(status) COLLATE \"C\" DESC) WHERE (status <> "
       "'it''s; (done'::text)"},
      {"(customer) INCLUDE (amount) WHERE amount > 1",
       {"--include", "", "--where", ""},
       "USING btree (customer)"},
      {"(customer)", {"--using", "brin"}, "USING brin (customer)"}};
  for (const Case& one : cases) {
    sql().Exec(absl::StrCat("CREATE INDEX \"Odd \"\"name; (x\" ON orders ", one.create));
    const Outcome outcome = [&] {
      Arguments more = one.change;
      more.insert(more.end(), {"--soak", "0"});
      return Run(RunIndex("\"Odd \"\"name; (x\"", more));
    }();
    ASSERT_TRUE(Exits(kDone, outcome)) << one.create;
    EXPECT_EQ(sql().Text("SELECT pg_get_indexdef('\"Odd \"\"name; (x\"'::regclass)"),
              absl::StrCat("CREATE INDEX \"Odd \"\"name; (x\" ON public.orders ", one.becomes));
    sql().Exec("DROP INDEX \"Odd \"\"name; (x\"");
  }
  ExpectNothingOfOurs();
}

TEST_F(IndexTest, AConstraintIsExchangedOnceThoughKilledAnywhere) {
  sql().Exec(
      "CREATE TABLE p (a int, b int, CONSTRAINT p_pk PRIMARY KEY (a, b));"
      "INSERT INTO p SELECT i, i FROM generate_series(1, 100) i;"
      "CREATE TABLE c (a int, b int, CONSTRAINT c_fk FOREIGN KEY (a, b) REFERENCES p (a, b))");
  const std::vector<std::string> names =
      FailpointNames({"index_exchange.", "index_validate.", "index_revert.", "index_drop"});
  const auto key = [this] {
    return sql().Text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'p_pk'");
  };
  ASSERT_TRUE(Exits(kDone, Run(RunIndex("p_pk", {"--key", "b, a", "--hold-before-swap"}))));
  std::size_t kills = 0;
  for (const char* command : {"swap", "revert", "revert", "finish"}) {
    const std::string before = key();
    const Killed killed = RunKilled(target(), Repeated(sql(), {command, Job()}), names);
    kills += killed.at.size();
    EXPECT_TRUE(killed.last.exit_code == kDone || WasDoneBefore(killed.last))
        << killed.story << killed.last;
    // Once, and no more: the two orders take turns.
    EXPECT_EQ(key() == before, std::string(command) == "finish") << killed.story;
  }
  EXPECT_GT(kills, 10U);
  EXPECT_EQ(key(), "PRIMARY KEY (b, a)");
  EXPECT_EQ(sql().Text("SELECT convalidated FROM pg_constraint WHERE conname = 'c_fk'"), "t");
  ExpectNothingOfOurs();
}

TEST_F(IndexTest, DuplicatesStopTheBuildAndLeaveNoWreck) {
  CreateOrders(500);
  // In the plan, with samples.
  const Outcome refused = Run(RunIndex("orders_by_customer", {"--key", "customer", "--unique"}));
  EXPECT_TRUE(Exits(kRefused, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "times")) << refused;
  // After the plan: the build finds them.
  const Arguments run =
      RunIndex("orders_by_customer", {"--key", "placed", "--unique", "--soak", "0"});
  Tool slow(target(), run, {"PG_RESTRUCTURE_FAIL=index_concurrently.before:sleep=1500"});
  ASSERT_TRUE(Eventually([&] { return Phase() == "connect"; }));
  sql().Exec(
      "INSERT INTO orders SELECT id + 10000, customer, placed, amount, status FROM orders"
      " WHERE id <= 2");
  const Outcome failed = slow.Wait();
  EXPECT_TRUE(Exits(kResumable, failed));
  EXPECT_TRUE(absl::StrContains(failed.err, "abort")) << failed;
  EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
  sql().Exec("DELETE FROM orders WHERE id > 10000");
  EXPECT_TRUE(Exits(kDone, Run(run)));
  ExpectNothingOfOurs();
}

TEST_F(IndexTest, NamesWhoABuildWaitsFor) {
  CreateOrders(500);
  Client idle(target().Conninfo("long_report"));
  idle.Exec("BEGIN; DELETE FROM orders WHERE id = 1");
  Tool run(target(), RunIndex("orders_by_customer", {"--key", "customer", "--soak", "0"}));
  EXPECT_TRUE(Eventually([&] {
    const Outcome status = Run({"status"});
    return absl::StrContains(status.out, "long_report") && absl::StrContains(status.out, "index: ");
  }));
  idle.Exec("ROLLBACK");
  EXPECT_TRUE(Exits(kDone, run.Wait()));
  ExpectNothingOfOurs();
}

TEST_F(IndexTest, PressureEndsABuildWhichIsTriedAgain) {
  CreateOrders(500);
  Client idle(target().Conninfo("writer"));
  idle.Exec("BEGIN; DELETE FROM orders WHERE id = 1");  // The build waits for it.
  Tool run(target(), {"run", "index", "orders_by_customer", "--key", "customer", "--soak", "0",
                      "--active-sessions", "2"});
  ASSERT_TRUE(Eventually([&] {
    return sql().Holds(
        "EXISTS (SELECT FROM pg_stat_progress_create_index WHERE command LIKE '% CONCURRENTLY')");
  }));
  std::vector<std::unique_ptr<Client>> busy;
  std::vector<std::thread> sessions;
  for (int i = 0; i < 3; ++i) {
    busy.push_back(std::make_unique<Client>(target().Conninfo("busy")));
    sessions.emplace_back([&busy, i] { (void)busy[i]->Try("SELECT pg_sleep(14)"); });
  }
  std::string trouble;
  try {
    EXPECT_TRUE(Eventually([&] {
      return sql().Holds(
          "EXISTS (SELECT FROM restructure.event WHERE what LIKE '%build is ended%')");
    }));
    EXPECT_TRUE(Eventually([&] {
      return sql().Holds(
          "NOT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE command LIKE '% "
          "CONCURRENTLY')");
    }));
    idle.Exec("ROLLBACK");
  } catch (const std::exception& error) {
    trouble = error.what();
  }
  EXPECT_EQ(trouble, "");
  for (std::thread& session : sessions) session.join();
  EXPECT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_TRUE(absl::StrContains(Indexes("orders"), "(customer)"));
  ExpectNothingOfOurs();
}

// A database that an older version of the program has used.
TEST_F(IndexTest, TheLedgerOfVersionOneIsUpgraded) {
  CreateSet(100);
  sql().Exec(
      "ALTER TABLE restructure.job DROP COLUMN tree_id; DROP TABLE restructure.tree;"
      "DROP VIEW restructure.adjustments, restructure.decisions;"
      "DROP TABLE restructure.adjustment, restructure.adjustable, restructure.decision;"
      "DROP FUNCTION restructure.adjust, restructure.pause, restructure.panic, restructure.resume,"
      " restructure.check_open, restructure.check_adjustments, restructure.amount;"
      "DROP VIEW restructure.jobs;"
      "ALTER TABLE restructure.job DROP COLUMN panic_requested, DROP COLUMN begun_with;"
      "CREATE VIEW restructure.jobs AS"
      " SELECT job_id, kind, name, phase, open, outcome, goal, pause_requested, holder,"
      " lease_until, lease_until > clock_timestamp() AS is_running, error, soak_until, progress,"
      " summary, created_at, swapped_at, finished_at FROM restructure.job;"
      "DROP TABLE restructure.table_part, restructure.table_change;"
      "DROP FUNCTION restructure.table_version;"
      "ALTER TABLE restructure.structure DROP COLUMN source, DROP COLUMN key_columns;"
      "ALTER TABLE restructure.structure ALTER COLUMN set_id SET NOT NULL;"
      "DROP TABLE restructure.index_foreign_key, restructure.index_part, restructure.index_change;"
      "DROP FUNCTION restructure.free_name, restructure.index_state;"
      "ALTER TABLE restructure.job DROP COLUMN relation;"
      "DELETE FROM restructure.version WHERE version > 1");
  EXPECT_TRUE(Exits(kDone, Run({"status"})));
  EXPECT_TRUE(Clean());
  CreateOrders(100);
  ASSERT_TRUE(
      Exits(kDone, Run(RunIndex("orders_by_customer", {"--key", "customer", "--soak", "0"}))));
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--no-throttle", "--soak", "0"}))));
  ExpectNothingOfOurs();
}

}  // namespace
}  // namespace server
