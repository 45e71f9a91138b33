// Tables: rebuilt under live traffic, with all that they are and have.

#include <algorithm>
#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/server/kills.h"
#include "tests/server/lock_meter.h"
#include "tests/server/structure_dump.h"
#include "tests/server/table_fixture.h"
#include "tests/server/writers.h"

namespace server {
namespace {

TEST_F(TableTest, ChangesUnderWritersThereAndBack) {
  CreateMembers(sql(), 5000);
  sql().Exec("CREATE INDEX members_by_rank ON members (owner_id, rank DESC)");
  const std::string structure = StructureDump(sql(), "public.members");
  Writers writers(target(), 3);
  LockMeter meter(target());
  ASSERT_TRUE(Exits(kDone, Run(RunTable("members", {"--order-by", "owner_id, rank desc, id"}))));
  ASSERT_TRUE(writers.Await(100));
  for (const char* command : {"revert", "revert"}) {
    ASSERT_TRUE(Exits(kDone, Run({command, Job()})));
    ASSERT_TRUE(writers.Await(100));
  }
  EXPECT_LT(meter.Stop().longest_wait, milliseconds(500)) << meter.Stop().longest;
  ASSERT_TRUE(Exits(kDone, Run({"pause", Job()})));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  EXPECT_EQ(Image(Other("members")), Image("public.members"));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(None(Differences(structure, StructureDump(sql(), "public.members"))));
  ExpectNothingOfOurs();
}

// Values change places under a unique index all the time: between the copy's batches, while the log
// is applied, and in single statements that move many.
TEST_F(TableTest, ValuesChangePlacesUnderAUniqueIndex) {
  CreateOrders(4000);
  std::atomic<bool> stop{false};
  std::vector<std::string> errors(2);
  std::vector<std::thread> swappers;
  for (int who = 0; who < 2; ++who) {
    swappers.emplace_back([&, who] {
      Client client(target().Conninfo("swapper"));
      for (int i = 0; !stop && errors[static_cast<std::size_t>(who)].empty(); ++i) {
        // Pairs of this swapper's half, near and far.
        const int a = 1 + 2 * ((i * 31) % 2000) + who;
        const int b = 1 + 2 * ((i * 17 + 7) % 2000) + who;
        if (a == b) continue;
        const std::string sqlstate = client.Try(absl::StrCat(
            "BEGIN; UPDATE orders SET ticket = -ticket - 10 WHERE id = ", a,
            "; UPDATE orders SET ticket = (SELECT -ticket - 10 FROM orders WHERE id = ", a,
            ") + 100000 WHERE id = ", b,
            "; UPDATE orders SET ticket = ticket - 100000 WHERE false;",
            "UPDATE orders SET ticket = ", 200000 + i * 2 + who, " WHERE id = ", a,
            "; UPDATE orders SET ticket = ticket - 100000 WHERE id = ", b,
            " AND NOT EXISTS (SELECT FROM orders o WHERE o.ticket = orders.ticket - 100000);",
            "COMMIT"));
        if (!sqlstate.empty() && sqlstate != "23505")
          errors[static_cast<std::size_t>(who)] = sqlstate;
        if (!sqlstate.empty()) client.Exec("ROLLBACK");
        if (i % 50 == who) {
          // Two rows exchange their values in one statement, which a deferred check would allow and
          // this order of deletion does, too.
          (void)client.Try("UPDATE orders SET ticket = ticket + 1000000 WHERE id % 97 = 5");
          (void)client.Try(
              "UPDATE orders SET ticket = ticket - 1000000 WHERE id % 97 = 5"
              " AND ticket > 1000000");
        }
      }
    });
  }
  const Outcome run =
      Run(RunTable("orders", {"--order-by", "customer, id"}), {"PG_RESTRUCTURE_JOB_BATCH_ROWS=50"});
  const Outcome back = Run({"revert", Job()});
  stop = true;
  for (std::thread& swapper : swappers) swapper.join();
  EXPECT_TRUE(Exits(kDone, run));
  EXPECT_TRUE(Exits(kDone, back));
  for (const std::string& error : errors) EXPECT_EQ(error, "");
  EXPECT_EQ(Image(Other("orders")), Image("public.orders"));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
}

// The same in one statement. A plain constraint is checked row by row, which goes well here in the
// order of the heap; one that may be deferred is checked at the statement's end.
TEST_F(TableTest, AStatementMovesValuesThroughAUniqueIndex) {
  sql().Exec(
      "CREATE TABLE stack (id int PRIMARY KEY, place int UNIQUE, seat int UNIQUE DEFERRABLE);"
      "INSERT INTO stack SELECT i, 101 - i, i FROM generate_series(1, 100) i");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("stack", {"--hold-before-swap"}))));
  sql().Exec("UPDATE stack SET place = place + 1");
  sql().Exec("UPDATE stack SET seat = 101 - seat");
  EXPECT_EQ(Image(Other("stack")), Image("public.stack"));
  ASSERT_TRUE(Exits(kDone, Run({"swap", Job()})));
  sql().Exec("UPDATE stack SET seat = 101 - seat");
  sql().Exec(
      "BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE stack SET seat = 7 WHERE id = 9;"
      "UPDATE stack SET seat = 9 WHERE id = 7; COMMIT");
  EXPECT_EQ(Image(Other("stack")), Image("public.stack"));
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(Image(Other("stack")), Image("public.stack"));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
}

// 20 kB a row, out of line: rows enough for the time would be a batch of 40 MB.
TEST_F(TableTest, BatchesOfWideRowsStayWithinTheirBytes) {
  sql().Exec(
      "CREATE TABLE documents (id int PRIMARY KEY, body text);"
      "ALTER TABLE documents ALTER body SET STORAGE EXTERNAL;"
      "INSERT INTO documents SELECT i, repeat(md5(i::text), 640) FROM generate_series(1, 2000) i;"
      "ANALYZE documents");
  const auto largest_batch = [&](const Arguments& more) {
    Arguments arguments = RunTable("documents", {"--hold-before-swap"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_TRUE(Exits(kDone, Run(arguments)));
    const std::int64_t rows =
        sql().Number("SELECT max(rows) FROM restructure.batch WHERE pass = 'copy'");
    EXPECT_TRUE(Aborts());
    return rows;
  };
  EXPECT_LE(largest_batch({}), (8 << 20) / (20 << 10));
  EXPECT_EQ(largest_batch({"--batch-bytes", "0"}), 2000);
  ExpectNothingOfOurs();
}

// Sessions with prepared statements, a view's readers, and parents with their children in one
// statement, all through the swap and back.
TEST_F(TableTest, SessionsGoThroughTheSwap) {
  CreateOrders(3000);
  std::atomic<bool> stop{false};
  std::string reader_error, parent_error;
  std::atomic<int> reads{0}, parents{0};
  std::thread reader([&] {
    try {
      Client client(target().Conninfo("reader"));
      client.Prepare("one", "SELECT * FROM orders WHERE id = $1");
      client.Prepare("view", "SELECT count(*) FROM big_orders WHERE id < 1000");
      for (; !stop; ++reads) {
        if (client.QueryPrepared("one", {"7"}).size() != 1) reader_error = "no row";
        if (client.QueryPrepared("view")[0][0] != Value("933")) {
          reader_error = "view: " + client.QueryPrepared("view")[0][0].value_or("NULL");
        }
        client.Query("BEGIN ISOLATION LEVEL REPEATABLE READ");
        const std::string before = client.Text("SELECT count(*) FROM items WHERE id < 100");
        if (client.Text("SELECT count(*) FROM orders WHERE id <= 2000") != "2000") {
          reader_error = "a mixed table in REPEATABLE READ";
        }
        client.Query("COMMIT");
      }
    } catch (const std::exception& error) {
      reader_error = error.what();
    }
  });
  std::thread writer([&] {
    try {
      Client client(target().Conninfo("parents"));
      for (int i = 0; !stop; ++i, ++parents) {
        const int id = 1000000 + i;
        client.Exec(absl::StrCat("WITH o AS (INSERT INTO orders VALUES (", id, ", 1, now(), 1, ",
                                 id,
                                 ") RETURNING id) INSERT INTO items (order_id) SELECT id FROM o;"
                                 "UPDATE orders SET id = ",
                                 id + 1000000, " WHERE id = ", id, ";"));
        const std::string count =
            client.Text(absl::StrCat("SELECT count(*) FROM items WHERE order_id = ", id + 1000000));
        if (count != "1") parent_error = "items " + count;
        client.Exec(absl::StrCat("DELETE FROM orders WHERE id = ", id + 1000000));
        if (client.Try("INSERT INTO items (order_id) VALUES (-1)") != "23503") {
          parent_error = "an item without an order";
        }
      }
    } catch (const std::exception& error) {
      parent_error = error.what();
    }
  });
  const Outcome run = Run(RunTable("orders"));
  ASSERT_TRUE(Eventually([&, seen = parents.load()] { return parents > seen + 30; }));
  const Outcome back = Run({"revert", Job()});
  const Outcome again = Run({"revert", Job()});
  stop = true;
  reader.join();
  writer.join();
  EXPECT_TRUE(Exits(kDone, run));
  EXPECT_TRUE(Exits(kDone, back));
  EXPECT_TRUE(Exits(kDone, again));
  EXPECT_EQ(reader_error, "");
  EXPECT_EQ(parent_error, "");
  EXPECT_GT(reads, 20);
  EXPECT_EQ(Image(Other("orders")), Image("public.orders"));
  EXPECT_EQ(sql().Text("SELECT convalidated FROM pg_constraint WHERE conname = 'items_of_order'"),
            "t");
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
}

TEST_F(TableTest, ATransactionWithAnOldSnapshotIsAppliedOrFails) {
  for (const std::string& change :
       {std::string("DELETE FROM orders WHERE id = 8"),
        std::string("UPDATE orders SET id = 900008 WHERE id = 8"),
        std::string("UPDATE orders SET amount = 12.34 WHERE id = 8"),
        std::string("INSERT INTO orders VALUES (900009, 1, now(), 1, 900009)")}) {
    CreateOrders(500);
    Client writer(target().Conninfo("old_snapshot"));
    writer.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class");
    Tool run(target(), RunTable("orders"));
    ASSERT_TRUE(Eventually([&] {
      return sql().Holds("to_regclass('restructure.job') IS NOT NULL") &&
             sql().Holds(
                 "EXISTS (SELECT FROM restructure.structure n JOIN restructure.job j"
                 " ON j.open AND j.new_structure = n.structure_id WHERE n.capture = 'sync')");
    }));
    const std::string sqlstate = writer.Try(change);
    EXPECT_TRUE(sqlstate.empty() || sqlstate == "40001") << change << " " << sqlstate;
    writer.Exec(sqlstate.empty() ? "COMMIT" : "ROLLBACK");
    ASSERT_TRUE(Exits(kDone, run.Wait()));
    EXPECT_EQ(Image(Other("orders")), Image("public.orders")) << change;
    ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
    sql().Exec("DROP TABLE orders CASCADE; DROP TABLE items");
  }
}

TEST_F(TableTest, DdlMeanwhileStopsTheJob) {
  CreateOrders(500);
  for (const char* change :
       {"ALTER TABLE orders ADD COLUMN note text",
        "CREATE INDEX orders_by_amount ON orders (amount)", "GRANT SELECT ON orders TO PUBLIC",
        "CREATE VIEW late AS SELECT id FROM orders",
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0)",
        "COMMENT ON TABLE orders IS 'late'"}) {
    ASSERT_TRUE(Exits(kDone, Run(RunTable("orders", {"--hold-before-swap"}))));
    sql().Exec(change);
    const Outcome stopped = Run({"swap", Job()});
    EXPECT_TRUE(Exits(kResumable, stopped)) << change;
    EXPECT_TRUE(absl::StrContains(stopped.err, "was added, changed or dropped") ||
                absl::StrContains(stopped.err, "altered or dropped"))
        << stopped;
    ASSERT_TRUE(Exits(kDone, Run({"abort", Job()})));
    ExpectNothingOfOurs();
  }
  // After the swap, a revert would undo it.
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders"))));
  sql().Exec("ALTER TABLE orders ADD COLUMN later text");
  const Outcome refused = Run({"revert", Job()});
  EXPECT_TRUE(Exits(kResumable, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "was changed since the swap")) << refused;
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
}

TEST_F(TableTest, ARewriteMeanwhileStartsTheCopyAnew) {
  CreateOrders(3000);
  const Arguments run = RunTable("orders", {"--order-by", "customer, id", "--soak", "0"});
  const Outcome killed = Run(run, {"PG_RESTRUCTURE_FAIL=stage.after_commit@3:kill"});
  ASSERT_EQ(killed.signal, SIGKILL) << killed;
  sql().Exec("VACUUM FULL orders");
  sql().Exec("DELETE FROM orders WHERE id % 2 = 0");
  const std::string image = Image("public.orders");
  ASSERT_TRUE(Exits(kDone, Run(run)));
  EXPECT_EQ(Image("public.orders"), image);
  ExpectNothingOfOurs();
}

TEST_F(TableTest, KilledAnywhere) {
  constexpr std::size_t kLives = 2;
  CreateOrders(400);
  const std::string structure = StructureDump(sql(), "public.orders");
  const std::vector<std::string> names =
      FailpointNames({"open_job.", "lease.", "build.", "copy.", "take.", "index.", "apply.",
                      "stage.", "ranges.", "verify.", "synchronize.", "table_", "disconnect.",
                      "empty.", "drop.", "close_job.", "swap.", "soak.", "connect."});
  const Arguments run = RunTable("orders", {"--order-by", "customer, id", "--soak", "0"});
  std::size_t kills = 0;
  for (const std::vector<std::string>& some : Dealt(names, kLives)) {
    const std::string image = Image("public.orders");
    const Killed killed = RunKilled(
        target(), [&] { return run; }, some);
    kills += killed.at.size();
    EXPECT_TRUE(Exits(kDone, killed.last)) << killed.story;
    EXPECT_EQ(Image("public.orders"), image) << killed.story;
    EXPECT_TRUE(Clean()) << killed.story;
    sql().Exec("UPDATE orders SET amount = amount + 1 WHERE id % 3 = 0");
  }
  EXPECT_GT(kills, 40U);
  EXPECT_TRUE(None(Differences(structure, StructureDump(sql(), "public.orders"))));
  ExpectNothingOfOurs();
}

TEST_F(TableTest, ExchangedOnceThoughKilledAnywhere) {
  CreateOrders(200);
  const std::string structure = StructureDump(sql(), "public.orders");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders", {"--hold-before-swap"}))));
  std::size_t kills = 0;
  for (const char* command : {"swap", "revert", "revert", "finish"}) {
    const Killed killed = RunKilled(
        target(),
        [&, repeated = Repeated(sql(), {command, Job()})] {
          sql().Exec("UPDATE orders SET amount = amount + 1 WHERE id % 5 = 0");
          return repeated();
        },
        FailpointNames({"table_"}));
    kills += killed.at.size();
    EXPECT_TRUE(killed.last.exit_code == kDone || WasDoneBefore(killed.last))
        << killed.story << killed.last;
    if (std::string(command) != "finish") {
      EXPECT_EQ(Image(Other("orders")), Image("public.orders")) << killed.story;
    }
  }
  EXPECT_GT(kills, 10U);
  EXPECT_TRUE(None(Differences(structure, StructureDump(sql(), "public.orders"))));
  ExpectNothingOfOurs();
}

// What the upkeep of the other table meets must not fail the statement of the user, whether before
// the swap or after it.
TEST_F(TableTest, NoUserMeetsTheOtherTablesErrors) {
  sql().Exec(
      "CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1), (2);"
      "CREATE TABLE ranks (id int PRIMARY KEY, list int REFERENCES parents ON DELETE CASCADE,"
      " place int, seat int CONSTRAINT by_seat UNIQUE DEFERRABLE, UNIQUE (list, place));"
      "INSERT INTO ranks SELECT i, 1 + i % 2, i, i FROM generate_series(1, 100) i;"
      "CREATE FUNCTION close_gap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE ranks SET"
      " place = place - 2 WHERE list = OLD.list AND place = OLD.place + 2; RETURN NULL; END $$;"
      "CREATE TRIGGER close_gap AFTER DELETE ON ranks FOR EACH ROW EXECUTE FUNCTION close_gap()");
  const auto write = [&](int id) {
    sql().Exec(absl::StrCat("DELETE FROM ranks WHERE id = ", id));
    sql().Exec(absl::StrCat("BEGIN; SET CONSTRAINTS by_seat DEFERRED; UPDATE ranks SET seat = ",
                            id + 2, " WHERE id = ", id + 1, "; UPDATE ranks SET seat = ", id + 1,
                            " WHERE id = ", id + 2, "; COMMIT"));
    sql().Exec(
        absl::StrCat("BEGIN ISOLATION LEVEL REPEATABLE READ; WITH d AS (DELETE FROM ranks"
                     " WHERE id = ",
                     id + 3, ") UPDATE parents SET id = id; COMMIT"));
  };
  ASSERT_TRUE(Exits(kDone, Run(RunTable("ranks", {"--hold-before-swap"}))));
  write(10);
  ASSERT_TRUE(Exits(kDone, Run({"swap", Job()})));
  write(20);
  // A change of the table that the retired one does not follow.
  sql().Exec("ALTER TABLE ranks DROP CONSTRAINT by_seat; UPDATE ranks SET seat = 1 WHERE id < 5");
  EXPECT_TRUE(Exits(kResumable, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(sql().Text("SELECT count(*) FROM ranks"), "96");
  sql().Exec(
      "UPDATE ranks SET seat = id; ALTER TABLE ranks ADD CONSTRAINT by_seat UNIQUE (seat)"
      " DEFERRABLE");
  // And back, with changes that had to wait for the exchange.
  ASSERT_TRUE(Exits(kDone, Run(RunTable("ranks"))));
  write(30);
  sql().Exec("DELETE FROM parents WHERE id = 2");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(Image(Other("ranks")), Image("public.ranks"));
  write(41);
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(Image(Other("ranks")), Image("public.ranks"));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
}

TEST_F(TableTest, AConstraintThatBecomesValidMeanwhileIsNotLost) {
  sql().Exec(
      "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1);"
      "ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID");
  ASSERT_TRUE(Exits(kDone, Run(RunTable("t", {"--hold-before-swap"}))));
  sql().Exec("ALTER TABLE t VALIDATE CONSTRAINT positive");
  EXPECT_TRUE(Exits(kResumable, Run({"swap", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"abort", Job()})));
  ASSERT_TRUE(Exits(kDone, Run(RunTable("t", {"--soak", "0"}))));
  EXPECT_EQ(sql().Try("INSERT INTO t VALUES (2, -1)"), "23514");
}

TEST_F(TableTest, AForeignKeyThatOldRowsViolateStaysNotValid) {
  CreateOrders(50);
  sql().Exec(
      "SET session_replication_role = replica; INSERT INTO items (order_id) VALUES (777);"
      "RESET session_replication_role");
  const Outcome run = Run(RunTable("orders", {"--soak", "0"}));
  EXPECT_TRUE(Exits(kDone, run));
  EXPECT_TRUE(absl::StrContains(run.out, "items_of_order of public.items stays NOT VALID")) << run;
  EXPECT_EQ(sql().Try("INSERT INTO items (order_id) VALUES (778)"), "23503");
}

TEST_F(TableTest, TablesRenamedByHandAreNotDropped) {
  CreateOrders(50);
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders"))));
  sql().Exec("ALTER TABLE orders RENAME TO orders_bad; ALTER TABLE orders__old RENAME TO orders");
  const Outcome refused = Run({"finish", Job()});
  EXPECT_TRUE(Exits(kResumable, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "was renamed by hand")) << refused;
  EXPECT_EQ(sql().Text("SELECT count(*) FROM orders"), "50");
  sql().Exec("ALTER TABLE orders RENAME TO orders__old; ALTER TABLE orders_bad RENAME TO orders");
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectNothingOfOurs();
}

TEST_F(TableTest, SetsAndIndexesWaitForTheTable) {
  CreateOrders(50);
  ASSERT_TRUE(Exits(kDone, Run(RunTable("orders"))));
  for (const Arguments& other : {Arguments{"create", "set", "public.s", "--member", "orders",
                                           "--owner", "customer", "--key", "id"},
                                 Arguments{"create", "set", "public.s", "--member", "orders__old",
                                           "--owner", "customer", "--key", "id"},
                                 Arguments{"run", "index", "orders_pkey", "--include", "amount"}}) {
    const Outcome refused = Run(other);
    EXPECT_TRUE(Exits(kRefused, refused));
    EXPECT_TRUE(absl::StrContains(refused.err, "is rebuilding table")) << refused;
  }
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
}

TEST_F(TableTest, WhatCannotBeRebuiltIsRefused) {
  sql().Exec(
      "CREATE TABLE t (id int PRIMARY KEY, a int, b text);"
      "CREATE TABLE nokey (a int); CREATE UNLOGGED TABLE unlogged (a int PRIMARY KEY);"
      "CREATE TABLE parent (a int PRIMARY KEY); CREATE TABLE child (PRIMARY KEY (a)) INHERITS"
      " (parent); CREATE TABLE rowtyped (id int PRIMARY KEY); CREATE TABLE uses (r rowtyped);"
      "CREATE TABLE matted (id int PRIMARY KEY); CREATE MATERIALIZED VIEW mat AS TABLE matted;"
      "CREATE TABLE setted (id int PRIMARY KEY, o int, r int);"
      "CREATE TABLE forced (id int PRIMARY KEY); ALTER TABLE forced ENABLE ROW LEVEL SECURITY,"
      " FORCE ROW LEVEL SECURITY; CREATE ROLE plain_owner; ALTER TABLE forced OWNER TO plain_owner;"
      "CREATE TABLE dup (id int PRIMARY KEY, a int); INSERT INTO dup VALUES (1, 1), (2, 1);"
      "CREATE TABLE watched (id int PRIMARY KEY); CREATE TABLE watcher (id int);"
      "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
      "CREATE CONSTRAINT TRIGGER looks AFTER INSERT ON watcher FROM watched FOR EACH ROW"
      " EXECUTE FUNCTION nothing()");
  // A type whose equality is not that of pg_catalog: two values that are equal here differ there.
  sql().Exec(
      "CREATE TYPE odd; CREATE FUNCTION odd_in(cstring) RETURNS odd AS 'textin' LANGUAGE internal"
      " IMMUTABLE STRICT; CREATE FUNCTION odd_out(odd) RETURNS cstring AS 'textout' LANGUAGE"
      " internal IMMUTABLE STRICT; CREATE TYPE odd (INPUT = odd_in, OUTPUT = odd_out, LIKE = text,"
      " CATEGORY = 'S'); CREATE CAST (odd AS text) WITHOUT FUNCTION AS IMPLICIT;"
      "CREATE FUNCTION odd_eq(odd, odd) RETURNS bool LANGUAGE sql IMMUTABLE AS"
      " 'SELECT lower($1::text) = lower($2::text)';"
      "CREATE FUNCTION odd_lt(odd, odd) RETURNS bool LANGUAGE sql IMMUTABLE AS"
      " 'SELECT lower($1::text) < lower($2::text)';"
      "CREATE FUNCTION odd_le(odd, odd) RETURNS bool LANGUAGE sql IMMUTABLE AS"
      " 'SELECT lower($1::text) <= lower($2::text)';"
      "CREATE FUNCTION odd_gt(odd, odd) RETURNS bool LANGUAGE sql IMMUTABLE AS"
      " 'SELECT lower($1::text) > lower($2::text)';"
      "CREATE FUNCTION odd_ge(odd, odd) RETURNS bool LANGUAGE sql IMMUTABLE AS"
      " 'SELECT lower($1::text) >= lower($2::text)';"
      "CREATE FUNCTION odd_cmp(odd, odd) RETURNS int LANGUAGE sql IMMUTABLE AS"
      " 'SELECT bttextcmp(lower($1::text), lower($2::text))';"
      "CREATE OPERATOR = (LEFTARG = odd, RIGHTARG = odd, FUNCTION = odd_eq);"
      "CREATE OPERATOR < (LEFTARG = odd, RIGHTARG = odd, FUNCTION = odd_lt);"
      "CREATE OPERATOR <= (LEFTARG = odd, RIGHTARG = odd, FUNCTION = odd_le);"
      "CREATE OPERATOR > (LEFTARG = odd, RIGHTARG = odd, FUNCTION = odd_gt);"
      "CREATE OPERATOR >= (LEFTARG = odd, RIGHTARG = odd, FUNCTION = odd_ge);"
      "CREATE OPERATOR CLASS odd_ops DEFAULT FOR TYPE odd USING btree AS OPERATOR 1 <, OPERATOR 2 "
      "<=,"
      " OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 odd_cmp(odd, odd);"
      "CREATE TABLE oddly (k odd PRIMARY KEY, o int); CREATE TABLE ordered (id int PRIMARY KEY,"
      " k odd)");
  (void)sql().Try("CREATE UNIQUE INDEX CONCURRENTLY dup_a ON dup (a)");
  ASSERT_TRUE(Exits(kDone, Run({"create", "set", "public.s_of_o", "--member", "setted", "--owner",
                                "o", "--key", "r"})));
  struct Case {
    Arguments more;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{"missing"}, "no table missing"},
      {{"nokey"}, "has no key"},
      {{"unlogged"}, "is an unlogged table"},
      {{"parent"}, "is part of an inheritance tree"},
      {{"child"}, "is part of an inheritance tree"},
      {{"rowtyped"}, "cannot be pointed at another table: column r of table"},
      {{"matted"}, "cannot be pointed at another table: rule _RETURN on materialized view"},
      {{"setted"}, "is the member table of public.s_of_o"},
      {{"forced"}, "forces row-level security on its owner plain_owner"},
      {{"dup"}, "has invalid indexes: dup_a"},
      {{"watched"}, "cannot be pointed at another table: trigger looks on table public.watcher"},
      {{"oddly"}, "are compared by operators of an extension"},
      {{"ordered", "--order-by", "k"}, "is compared by operators of an extension"},
      {{"pg_catalog.pg_class"}, "is a system table"},
      {{"mat"}, "is a materialised view"},
      {{"t", "--order-by", "c"}, "has no column c"},
      {{"t", "--order-by", "a; drop table t"}, "HINT"},
      {{"t", "--tablespace", "nowhere"}, "no tablespace nowhere"},
      {{"t", "--space-max", "1MB", "--fillfactor", "101"}, "is not a number from 10 to 100"},
      {{"t", "--key", "a"}, "--key"},
  };
  for (const Case& c : cases) {
    const Outcome refused = Run(RunTable(c.more[0], {c.more.begin() + 1, c.more.end()}));
    EXPECT_TRUE(refused.exit_code == kRefused || refused.exit_code == kUsage) << refused;
    EXPECT_TRUE(absl::StrContains(refused.err, c.message)) << c.message << "\n" << refused;
    EXPECT_TRUE(absl::StrContains(refused.err, "HINT: ")) << refused;
  }
  sql().Exec("INSERT INTO t SELECT i, i, repeat('x', 1000) FROM generate_series(1, 5000) i");
  const Outcome odd_set =
      Run({"create", "set", "public.odd_s", "--member", "oddly", "--owner", "o", "--key", "k"});
  EXPECT_TRUE(Exits(kRefused, odd_set));
  EXPECT_TRUE(absl::StrContains(odd_set.err, "compared by operators of an extension")) << odd_set;
  const Outcome space = Run(RunTable("t", {"--space-max", "1MB"}));
  EXPECT_TRUE(Exits(kRefused, space));
  EXPECT_TRUE(absl::StrContains(space.err, "--space-max is 1.0 MB")) << space;
  sql().Exec("CREATE PUBLICATION all_of_it FOR ALL TABLES");
  const Outcome blanket = Run(RunTable("t"));
  EXPECT_TRUE(Exits(kRefused, blanket));
  EXPECT_TRUE(absl::StrContains(blanket.err, "is published by all_of_it")) << blanket;
  const Outcome blanket_set =
      Run({"create", "set", "public.t_of_a", "--member", "t", "--owner", "a", "--key", "id"});
  EXPECT_TRUE(Exits(kRefused, blanket_set));
  EXPECT_TRUE(absl::StrContains(blanket_set.err, "is published by all_of_it")) << blanket_set;
  sql().Exec("DROP PUBLICATION all_of_it; DROP TABLE forced; DROP ROLE plain_owner");
  EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_class WHERE relname ~ '__(new|old)'"), "0");
}

}  // namespace
}  // namespace server
