// Values and names that bite.

#include "gtest/gtest.h"
#include "tests/server/fixture.h"

namespace server {
namespace {

// A longer life than most: changes arrive while the set is created, while it is captured in a log,
// while it is captured in step, and after the swap.
class ValuesTest : public ServerTest {
 protected:
  struct Case {
    Arguments create;
    std::string alias;  // As for the command line.
    std::string second_key;
    SetImage image;
    std::vector<std::string> changes;  // One for each time; all different.
  };

  void ExpectEqualThroughout(const Case& c) {
    ASSERT_GE(c.changes.size(), 4U);
    ASSERT_TRUE(Exits(kDone, Run(c.create)));
    EXPECT_TRUE(None(CompareImages(sql(), c.image)));
    sql().Exec(c.changes[0]);
    EXPECT_TRUE(None(CompareImages(sql(), c.image)));

    Tool run(target(), {"run", "set", c.alias, "--key", c.second_key, "--no-throttle"},
             {"PG_RESTRUCTURE_FAIL=connect.enter:sleep=300"});
    ASSERT_TRUE(AwaitStage("copying"));
    sql().Exec(c.changes[1]);
    ASSERT_TRUE(Exits(kDone, run.Wait()));
    EXPECT_TRUE(None(CompareImages(sql(), c.image)));
    sql().Exec(c.changes[2]);
    EXPECT_TRUE(None(CompareImages(sql(), c.image)));
    ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
    sql().Exec(c.changes[3]);
    EXPECT_TRUE(None(CompareImages(sql(), c.image)));
    ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
    EXPECT_TRUE(None(CompareImages(sql(), c.image)));
    ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
    EXPECT_TRUE(None(CompareImages(sql(), c.image)));
    EXPECT_TRUE(Exits(kDone, Run({"verify", "set", c.alias})));
    EXPECT_TRUE(Clean());
  }

  // The members of every owner in the alias are in the order that the member table gives.
  void ExpectOrder(const SetImage& image, const std::string& owner, const std::string& order) {
    const std::string columns = owner + ", " + image.key[0];
    const Rows expected = sql().Query("SELECT " + columns + " FROM " + image.member + " WHERE " +
                                      image.membership + " ORDER BY " + owner + ", " + order);
    EXPECT_EQ(Shown(sql().Query("SELECT " + columns + " FROM " + image.alias)), Shown(expected));
  }
};

TEST_F(ValuesTest, EqualNumbersWithDifferentImages) {
  sql().Exec(
      "CREATE TABLE m (id int PRIMARY KEY, o int, f float8, n numeric, i interval, t text);"
      "INSERT INTO m SELECT g, g % 5, CASE g % 7 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN '0'"
      " WHEN 3 THEN 'Infinity' WHEN 4 THEN '-Infinity' WHEN 5 THEN 5e-324 ELSE g END::float8,"
      " CASE g % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN '1.0' WHEN 2 THEN '1.00' ELSE g::text "
      "END::numeric,"
      " CASE g % 2 WHEN 0 THEN '24 hours' ELSE '1 day' END::interval,"
      " CASE g % 3 WHEN 0 THEN '' WHEN 1 THEN NULL ELSE 'x' END FROM generate_series(1, 700) g");
  Case c;
  c.create = {"create", "set",   "ms", "--member", "m",    "--owner",
              "o",      "--key", "f",  "--carry",  "n,i,t"};
  c.alias = "ms";
  c.second_key = "n desc nulls last, t, id";
  c.image = {"ms", "m", {"id"}, {"o", "f", "id", "n", "i", "t"}, "o IS NOT NULL"};
  c.changes = {
      "UPDATE m SET f = '-0' WHERE f = 0 AND id % 2 = 0; UPDATE m SET n = '1.000' WHERE id = 6",
      "UPDATE m SET n = '1.00' WHERE n = 1; UPDATE m SET i = '24:00' WHERE id < 100;"
      "UPDATE m SET t = '' WHERE t IS NULL",
      "UPDATE m SET n = '1.0' WHERE n = 1; UPDATE m SET f = '0' WHERE f = 0;"
      "UPDATE m SET t = NULL WHERE t = ''",
      "UPDATE m SET n = '1' WHERE n = 1; UPDATE m SET i = '1 day' WHERE i = '24:00';"
      "UPDATE m SET f = '-0' WHERE f = 0; UPDATE m SET f = 'NaN' WHERE id = 20"};
  ExpectEqualThroughout(c);
  ExpectOrder(c.image, "o", "n DESC NULLS LAST, t, id");
}

TEST_F(ValuesTest, DatesAtTheEndsOfTime) {
  sql().Exec(
      "CREATE TABLE m (id uuid PRIMARY KEY, o int, d date, z timestamptz, j jsonb, b bytea);"
      "INSERT INTO m SELECT md5(g::text)::uuid, g % 3, CASE g % 4 WHEN 0 THEN 'infinity'"
      " WHEN 1 THEN '-infinity' WHEN 2 THEN '0044-03-15 BC' ELSE '5874897-12-31' END::date,"
      " CASE g % 3 WHEN 0 THEN 'infinity' WHEN 1 THEN '294276-12-31' ELSE NULL END::timestamptz,"
      " jsonb_build_object('n', g::numeric / 10), decode(md5(g::text), 'hex')"
      " FROM generate_series(1, 300) g");
  Case c;
  c.create = {"create", "set",   "ms",     "--member", "m",    "--owner",
              "o",      "--key", "d desc", "--carry",  "z,j,b"};
  c.alias = "ms";
  c.second_key = "z nulls first, d, id";
  c.image = {"ms", "m", {"id"}, {"o", "d", "id", "z", "j", "b"}, "o IS NOT NULL"};
  c.changes = {"UPDATE m SET j = '{\"n\": 1.0}' WHERE o = 1",
               "UPDATE m SET j = '{\"n\": 1.00}', b = '\\x00ff' WHERE o = 1",
               "UPDATE m SET z = '-infinity' WHERE o = 2",
               "UPDATE m SET d = '4713-01-01 BC', b = '' WHERE o = 0"};
  ExpectEqualThroughout(c);
  ExpectOrder(c.image, "o", "z NULLS FIRST, d, id");
}

// Equal keys of different bytes: the row is the same, its image is not.
TEST_F(ValuesTest, KeysUnderANondeterministicCollation) {
  sql().Exec(
      "CREATE COLLATION nd (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
      "CREATE TABLE m (k text COLLATE nd PRIMARY KEY, o text COLLATE nd, v text COLLATE nd);"
      "INSERT INTO m SELECT 'Key' || g, 'Owner' || g % 4, 'Val' || g % 10"
      " FROM generate_series(1, 500) g");
  Case c;
  c.create = {"create", "set", "ms", "--member", "m", "--owner", "o", "--key", "v, k"};
  c.alias = "ms";
  c.second_key = "v desc, k desc";
  c.image = {"ms", "m", {"k"}, {"o", "v", "k"}, "o IS NOT NULL"};
  c.changes = {"UPDATE m SET k = upper(k) WHERE v = 'val1'",
               "UPDATE m SET k = lower(k), v = upper(v) WHERE v = 'val2'",
               "UPDATE m SET o = upper(o) WHERE v = 'val3'; DELETE FROM m WHERE k = 'KEY7'",
               "UPDATE m SET v = lower(v), k = 'KEY' || substr(k, 4)"};
  ExpectEqualThroughout(c);
}

TEST_F(ValuesTest, AMegabyteIsCarried) {
  sql().Exec(
      "CREATE TABLE m (id int PRIMARY KEY, o int, r int, t text);"
      "ALTER TABLE m ALTER t SET STORAGE EXTERNAL;"
      "INSERT INTO m SELECT g, g % 2, g, repeat(md5(g::text), 32768) FROM generate_series(1, 12) "
      "g");
  Case c;
  c.create = {"create", "set", "ms", "--member", "m", "--owner", "o", "--key", "r", "--carry", "t"};
  c.alias = "ms";
  c.second_key = "r desc, id";
  c.image = {"ms", "m", {"id"}, {"o", "r", "id", "t"}, "o IS NOT NULL"};
  c.changes = {"UPDATE m SET r = r + 1 WHERE id = 1",
               "UPDATE m SET t = repeat('abcdefgh', 131072) WHERE id = 2",
               "ALTER TABLE m ALTER t SET STORAGE EXTENDED; UPDATE m SET t = t || '' WHERE id = 3",
               "UPDATE m SET t = NULL WHERE id = 4; UPDATE m SET t = '' WHERE id = 5"};
  ExpectEqualThroughout(c);
}

TEST_F(ValuesTest, NullSortKeysFirstAndLast) {
  sql().Exec(
      "CREATE TABLE m (id int PRIMARY KEY, o int, a int, b text COLLATE \"C\");"
      "INSERT INTO m SELECT g, nullif(g % 5, 4), nullif(g % 7, 3), nullif('b' || g % 4, 'b2')"
      " FROM generate_series(1, 600) g");
  Case c;
  c.create = {"create",   "set",   "ms",
              "--member", "m",     "--owner",
              "o",        "--key", "a asc nulls first, b desc nulls last"};
  c.alias = "ms";
  c.second_key = "b collate \"C\" desc nulls first, a desc nulls last, id desc";
  c.image = {"ms", "m", {"id"}, {"o", "a", "b", "id"}, "o IS NOT NULL"};
  c.changes = {"UPDATE m SET a = NULL WHERE id % 9 = 0", "UPDATE m SET b = NULL WHERE id % 8 = 0",
               "UPDATE m SET o = NULL WHERE id % 11 = 0", "UPDATE m SET o = 1 WHERE o IS NULL"};
  ExpectEqualThroughout(c);
  ExpectOrder(c.image, "o", "b COLLATE \"C\" DESC NULLS FIRST, a DESC NULLS LAST, id DESC");
}

TEST_F(ValuesTest, QuotedNamesUpToTheLimit) {
  const std::string longest(63, 'x');
  const std::string odd = R"(Odd "name"; drop table canary; --)";
  const std::string owner = "größe " + std::string(50, 'o');  // 58 bytes
  const std::string schema = Quoted(R"(S "p" .x)");
  const std::string table = schema + "." + Quoted(std::string(63, 'T'));
  const std::string alias = schema + "." + Quoted("A" + std::string(49, 'a'));
  sql().Exec("CREATE TABLE canary (); CREATE SCHEMA " + schema + "; CREATE TABLE " + table + " (" +
             Quoted(longest) + " int, " + Quoted(odd) + " text, " + Quoted(owner) +
             " int, \"select\" int, " + Quoted("new") + " int, PRIMARY KEY (" + Quoted(odd) + ", " +
             Quoted(longest) + ")); INSERT INTO " + table +
             " SELECT g, 'it''s ' || g % 3, g % 4, g, g FROM generate_series(1, 200) g");
  Case c;
  c.create = {"create",  "set",         alias,   "--member",       table,
              "--owner", Quoted(owner), "--key", Quoted("select"), "--carry",
              "\"new\""};
  c.alias = alias;
  c.second_key = "\"new\" desc, " + Quoted(odd);
  c.image = {alias,
             table,
             {Quoted(odd), Quoted(longest)},
             {Quoted(owner), Quoted("select"), Quoted(odd), Quoted(longest), Quoted("new")},
             Quoted(owner) + " IS NOT NULL"};
  const std::string update = "UPDATE " + table + " SET ";
  c.changes = {update + Quoted("new") + " = 7 WHERE \"select\" % 3 = 0",
               update + Quoted(odd) + " = '\\''; drop table canary; --' WHERE \"select\" = 5",
               update + Quoted(owner) + " = NULL WHERE \"select\" = 6",
               update + Quoted(longest) + " = -1 - \"select\" WHERE \"select\" < 9"};
  ExpectEqualThroughout(c);
  EXPECT_TRUE(sql().Holds("to_regclass('canary') IS NOT NULL"));
}

// Several owner columns, several key columns, a key that is a unique index instead of a primary
// key, generated and dropped columns.
TEST_F(ValuesTest, CompositeOwnersAndKeysAndHolesBetweenColumns) {
  sql().Exec(
      "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE DOMAIN cents AS int;"
      "CREATE TABLE m (gone int, a int NOT NULL, o1 int, b text NOT NULL, o2 char(4), c cents,"
      " e mood, g int GENERATED ALWAYS AS (a * 2) STORED, arr int[]); ALTER TABLE m DROP gone;"
      "CREATE UNIQUE INDEX ON m (b, a);"
      "ALTER TABLE m ADD late int NOT NULL DEFAULT 42;"
      "INSERT INTO m (a, o1, b, o2, c, e, arr) SELECT g % 20, g % 3, 'b' || g, CASE WHEN g % 5 > 0 "
      "THEN 'x' || g % 2 END,"
      " g % 50, (enum_range(NULL::mood))[1 + g % 3], array[g, NULL]"
      " FROM generate_series(1, 400) g; ALTER TABLE m ADD later text DEFAULT 'fast'");
  Case c;
  c.create = {"create", "set",  "ms",      "--member",           "m", "--owner", "o1, o2",
              "--key",  "c, e", "--carry", "g, arr, late, later"};
  c.alias = "ms";
  c.second_key = "e desc, g, arr";
  c.image = {"ms",
             "m",
             {"b", "a"},
             {"o1", "o2", "c", "e", "b", "a", "g", "arr", "late", "later"},
             "o1 IS NOT NULL AND o2 IS NOT NULL"};
  c.changes = {"UPDATE m SET a = a + 100 WHERE c < 10", "UPDATE m SET o2 = 'x1' WHERE o2 IS NULL",
               "UPDATE m SET o1 = NULL WHERE e = 'sad'; UPDATE m SET arr = '[3:4]={1,2}'",
               "DELETE FROM m WHERE e = 'ok'; UPDATE m SET later = NULL WHERE a % 2 = 0"};
  ExpectEqualThroughout(c);
}

// The owner is the key's second column, so that the key comes in another order there. What changes
// after the copy reaches the set through the key log alone.
TEST_F(ValuesTest, AKeyWhoseColumnsComeInAnotherOrder) {
  sql().Exec(
      "CREATE TABLE m (a int, o int, r int, PRIMARY KEY (a, o));"
      "INSERT INTO m SELECT g, g % 5, g * 7 % 31 FROM generate_series(1, 500) g");
  ASSERT_TRUE(Exits(kDone, Run({"create", "set", "public.m_of_o", "--member", "m", "--owner", "o",
                                "--key", "r"})));
  Tool run(target(), {"run", "set", "public.m_of_o", "--key", "r desc", "--no-throttle"},
           {"PG_RESTRUCTURE_FAIL=stage.after_commit:sleep=700"});
  ASSERT_TRUE(AwaitStage("copied"));
  sql().Exec(
      "UPDATE m SET r = r + 1 WHERE a % 3 = 0; DELETE FROM m WHERE a = 11;"
      "INSERT INTO m VALUES (7, 100, 3), (100, 7, 3)");
  ASSERT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_TRUE(None(CompareImages(
      sql(), {"public.m_of_o", "public.m", {"a", "o"}, {"o", "r", "a"}, "o IS NOT NULL"})));
}

// Rows come and go through the parent, for which statement triggers of the members do not fire.
class ChildMemberTest : public ServerTest {
 protected:
  void ExpectFollowed(const std::string& changes) {
    ASSERT_TRUE(Exits(kDone, Run({"create", "set", "public.c_of_o", "--member", "c", "--owner", "o",
                                  "--key", "r"})));
    Tool run(target(), {"run", "set", "public.c_of_o", "--key", "r desc", "--no-throttle"},
             {"PG_RESTRUCTURE_FAIL=stage.after_commit:sleep=700"});
    ASSERT_TRUE(AwaitStage("copied"));
    sql().Exec(changes);
    ASSERT_TRUE(Exits(kDone, run.Wait()));
    sql().Exec(changes);  // Kept by the other triggers now.
    EXPECT_TRUE(None(CompareImages(
        sql(), {"public.c_of_o", "public.c", {"a"}, {"o", "r", "a"}, "o IS NOT NULL"})));
    EXPECT_TRUE(Exits(kDone, Run({"finish", Job()})));
    EXPECT_TRUE(Clean());
  }
};

TEST_F(ChildMemberTest, APartition) {
  sql().Exec(
      "CREATE TABLE m (a int PRIMARY KEY, o int, r int) PARTITION BY RANGE (a);"
      "CREATE TABLE c PARTITION OF m FOR VALUES FROM (0) TO (1000);"
      "CREATE TABLE d PARTITION OF m FOR VALUES FROM (1000) TO (9000);"
      "INSERT INTO m SELECT g, g % 5, g * 7 % 31 FROM generate_series(1, 1500) g");
  ExpectFollowed(
      "UPDATE m SET r = r + 1 WHERE a % 3 = 0; DELETE FROM m WHERE a % 100 = 11;"
      "UPDATE m SET a = a + 2000 WHERE a BETWEEN 900 AND 950;"
      "UPDATE m SET a = a - 1000 WHERE a BETWEEN 1900 AND 1950;"
      "INSERT INTO m SELECT 980 - i, 1, 1 FROM generate_series(1, 20) i ON CONFLICT DO NOTHING");
}

TEST_F(ChildMemberTest, AChildByInheritance) {
  sql().Exec(
      "CREATE TABLE m (a int, o int, r int);"
      "CREATE TABLE c (PRIMARY KEY (a)) INHERITS (m);"
      "INSERT INTO c SELECT g, g % 5, g * 7 % 31 FROM generate_series(1, 500) g");
  ExpectFollowed("UPDATE m SET r = r + 1 WHERE a % 3 = 0; DELETE FROM m WHERE a % 100 = 11");
}

}  // namespace
}  // namespace server
