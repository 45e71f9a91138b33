// Tables with other columns than before: types, new ones, expressions, and the way back.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/structure_dump.h"
#include "tests/server/writers.h"

namespace server {
namespace {

class TableColumnsTest : public ServerTest {
 protected:
  static Arguments RunTable(const std::string& name, const Arguments& more) {
    Arguments arguments = {"run", "table", name, "--no-throttle"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  void CreatePeople(int rows) {
    sql().Exec(absl::StrCat(
        "CREATE TABLE people (id serial PRIMARY KEY, name text NOT NULL, code varchar(8) UNIQUE,"
        " score int, born date); INSERT INTO people (name, code, score, born)"
        " SELECT 'First' || i || ' Last' || i % 50, 'c' || i, nullif(i % 11, 0) * 1000,"
        " date '1970-01-01' + i FROM generate_series(1, ",
        rows, ") i; CREATE INDEX people_by_score ON people (score); ANALYZE people"));
  }

  // Rows of which the two texts differ, both ways.
  std::string Differing(const std::string& a, const std::string& b) {
    return sql().Text(absl::StrCat("SELECT count(*) FROM ((", a, " EXCEPT ALL ", b, ") UNION ALL (",
                                   b, " EXCEPT ALL ", a, ")) d"));
  }

  std::string Type(const std::string& table, const std::string& column) {
    return sql().Text(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = $1::text::regclass AND attname = $2",
        {table, column});
  }
};

TEST_F(TableColumnsTest, AKeyBecomesBigint) {
  CreatePeople(3000);
  sql().Exec(
      "CREATE TABLE cards (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE);"
      "INSERT INTO cards SELECT i, i FROM generate_series(1, 100) i");
  Tool run(target(),
           RunTable("people", {"--alter", "ALTER COLUMN id TYPE bigint", "--alter",
                               "ALTER code TYPE text, ALTER score TYPE numeric", "--reverse",
                               "score=score::int"}),
           {"PG_RESTRUCTURE_FAIL=stage.after_commit:sleep=500"});
  ASSERT_TRUE(Eventually([&] {
    return sql().Holds("to_regclass('restructure.structure') IS NOT NULL") &&
           sql().Holds("EXISTS (SELECT FROM restructure.structure WHERE stage = 'copied')");
  }));
  sql().Exec(
      "UPDATE people SET id = id + 100000 WHERE id % 7 = 0 AND id > 100;"
      "DELETE FROM people WHERE id = 11; UPDATE people SET score = -1 WHERE id % 9 = 0");
  ASSERT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_EQ(Type("people", "id"), "bigint");
  EXPECT_EQ(Type("people", "code"), "text");
  EXPECT_EQ(Type("people", "score"), "numeric");
  const std::string now = "SELECT id::bigint, name, code::text, score::numeric, born FROM ";
  EXPECT_EQ(Differing(now + "people", now + "people__old"), "0");
  // What the old table cannot hold does not fail its writer, and is not forgotten.
  sql().Exec(
      "INSERT INTO people (id, name, code) VALUES (5000000000, 'Far Away', 'far');"
      "UPDATE people SET score = 7 WHERE id = 13; DELETE FROM people WHERE id = 17");
  EXPECT_EQ(Differing(now + "people WHERE id < 5000000000", now + "people__old"), "0");
  const Outcome refused = Run({"revert", Job()});
  EXPECT_TRUE(Exits(kResumable, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "1 changes of public.people do not fit")) << refused;
  EXPECT_EQ(Type("people", "id"), "bigint");
  sql().Exec("UPDATE people SET id = 4999 WHERE id = 5000000000");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(Type("people", "id"), "integer");
  EXPECT_EQ(Differing(now + "people", now + "people__new"), "0");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(Type("people", "id"), "bigint");
  EXPECT_EQ(sql().Try("INSERT INTO cards VALUES (200, 999999)"), "23503");
  EXPECT_TRUE(Clean());
}

TEST_F(TableColumnsTest, ColumnsAreComputedThereAndBack) {
  CreatePeople(2000);
  ASSERT_TRUE(
      Exits(kDone, Run(RunTable("people", {"--alter",
                                           "ADD COLUMN first_name text, ADD COLUMN last_name text,"
                                           " DROP COLUMN name",
                                           "--column", "first_name=split_part(name, ' ', 1)",
                                           "--column", "last_name=split_part(name, ' ', 2)",
                                           "--reverse", "name=first_name || ' ' || last_name",
                                           "--order-by", "last_name, id", "--workers", "1"}))));
  EXPECT_EQ(Differing("SELECT id, first_name || ' ' || last_name, code, score, born FROM people",
                      "SELECT id, name, code, score, born FROM people__old"),
            "0");
  EXPECT_EQ(
      sql().Text("SELECT count(*) FROM (SELECT last_name < lag(last_name) OVER (ORDER BY ctid)"
                 " AS wrong FROM people) p WHERE wrong"),
      "0");
  sql().Exec("UPDATE people SET last_name = 'Married' WHERE id % 100 = 0");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(sql().Text("SELECT count(*) FROM people WHERE name LIKE '% Married'"), "20");
  sql().Exec("UPDATE people SET name = 'Ann Other' WHERE id = 5");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(sql().Text("SELECT last_name FROM people WHERE id = 5"), "Other");
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(Clean());
}

TEST_F(TableColumnsTest, WithoutAWayBackThereIsNone) {
  CreatePeople(300);
  const Arguments run =
      RunTable("people", {"--alter", "DROP COLUMN born, ADD COLUMN note text DEFAULT 'none'"});
  Arguments plan = run;
  plan[0] = "plan";
  const Outcome planned = Run(plan);
  EXPECT_TRUE(absl::StrContains(planned.out,
                                "cannot be reverted once it has swapped: nothing"
                                " brings back born"))
      << planned;
  ASSERT_TRUE(Exits(kDone, Run(run)));
  EXPECT_EQ(sql().Text("SELECT DISTINCT note FROM people"), "none");
  sql().Exec("UPDATE people SET note = 'mine' WHERE id = 1");
  const Outcome refused = Run({"revert", Job()});
  EXPECT_TRUE(Exits(kResumable, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "nothing brings back born")) << refused;
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(sql().Text("SELECT count(*) FROM people WHERE note = 'mine'"), "1");
  EXPECT_TRUE(Clean());
}

TEST_F(TableColumnsTest, WhatCannotGoOverIsRefusedByThePlan) {
  sql().Exec(
      "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int,"
      " b int GENERATED ALWAYS AS (a * 2) STORED);"
      "CREATE TABLE other (id int DEFAULT nextval('t_id_seq'))");
  const Outcome shared = Run(RunTable("t", {}));
  EXPECT_TRUE(Exits(kRefused, shared));
  EXPECT_TRUE(absl::StrContains(shared.err, "default value for column id of table public.other"))
      << shared;
  sql().Exec("DROP TABLE other");
  const Outcome ordered = Run(RunTable("t", {"--order-by", "b"}));
  EXPECT_TRUE(Exits(kRefused, ordered));
  EXPECT_TRUE(absl::StrContains(ordered.err, "is generated")) << ordered;
}

// An assignment rounds a number and cuts a time without a word.
TEST_F(TableColumnsTest, AWayBackThatWouldChangeValuesIsNone) {
  sql().Exec(
      "CREATE TABLE prices (id int PRIMARY KEY, price int, at date, r real, exact numeric(10,2),"
      " word varchar(10), big int, code char(5));"
      "INSERT INTO prices SELECT i, i, '2026-01-01', i, i, i, i, i FROM generate_series(1, 9) i");
  const Arguments run = RunTable(
      "prices", {"--alter",
                 "ALTER price TYPE numeric, ALTER at TYPE timestamp, ALTER r TYPE float8,"
                 " ALTER exact TYPE numeric(12,4), ALTER word TYPE text, ALTER big TYPE bigint,"
                 " ALTER code TYPE char(8)",
                 "--reverse", "exact=round(exact, 2)"});
  ASSERT_TRUE(Exits(kDone, Run(run)));  // Blanks at the end of `code` are no difference.
  const Outcome refused = Run({"revert", Job()});
  EXPECT_TRUE(Exits(kResumable, refused));
  EXPECT_TRUE(absl::StrContains(refused.err, "nothing brings back price, at, r, code of"))
      << refused;
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(sql().Text("SELECT DISTINCT octet_length(code) FROM prices"), "8");
  for (const char* lossy : {"ALTER exact TYPE numeric(10,1)", "ALTER at TYPE timestamp(0)",
                            "ALTER code TYPE char(4)"}) {
    const Outcome narrowed = Run(RunTable("prices", {"--alter", lossy}));
    EXPECT_TRUE(Exits(kRefused, narrowed)) << lossy;
    EXPECT_TRUE(absl::StrContains(narrowed.err, "without a loss")) << narrowed;
  }
  // What fails instead is a way back, too.
  ASSERT_TRUE(Exits(kDone, Run(RunTable("prices", {"--alter", "ALTER word TYPE varchar(5)"}))));
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
}

TEST_F(TableColumnsTest, ChangesUnderWriters) {
  CreateMembers(sql(), 3000);
  Writers writers(target(), 2);
  const Outcome run = Run(RunTable("members", {"--alter",
                                               "ALTER hits TYPE bigint, ALTER label TYPE varchar,"
                                               " ALTER id TYPE bigint",
                                               "--order-by", "owner_id, id"}));
  const Outcome back = Run({"revert", Job()});
  const Outcome again = Run({"revert", Job()});
  EXPECT_TRUE(Exits(kDone, run));
  EXPECT_TRUE(Exits(kDone, back));
  EXPECT_TRUE(Exits(kDone, again));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  const std::string columns =
      "SELECT id, owner_id, rank::text, label::text, payload, hits::bigint FROM members";
  EXPECT_EQ(Differing(columns, columns + "__old"), "0");
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(Clean());
}

TEST_F(TableColumnsTest, AnotherPrimaryKey) {
  sql().Exec(
      "CREATE TABLE readings (id bigint GENERATED ALWAYS AS IDENTITY, sensor int NOT NULL, n int "
      "NOT"
      " NULL, value numeric, CONSTRAINT readings_pk PRIMARY KEY (id));"
      "INSERT INTO readings (sensor, n, value) SELECT i % 20, i / 20, i FROM generate_series(1, "
      "2000)"
      " i; COMMENT ON CONSTRAINT readings_pk ON readings IS 'the key'");
  const auto key = [&] {
    return sql().Text(
        "SELECT string_agg(pg_get_constraintdef(oid) || ' ' ||"
        " obj_description(oid, 'pg_constraint'), ',') FROM pg_constraint"
        " WHERE conrelid = 'readings'::regclass AND contype = 'p'");
  };
  const auto indexes = [&] {
    return sql().Text(
        "SELECT string_agg(indexrelid::regclass::text, ',' ORDER BY 1) FROM pg_index"
        " WHERE indrelid = 'readings'::regclass");
  };
  Tool run(target(),
           RunTable("readings", {"--primary-key", "sensor, n", "--order-by", "sensor, n"}),
           {"PG_RESTRUCTURE_FAIL=stage.after_commit:sleep=500"});
  ASSERT_TRUE(Eventually([&] {
    return sql().Holds("to_regclass('restructure.structure') IS NOT NULL") &&
           sql().Holds("EXISTS (SELECT FROM restructure.structure WHERE stage = 'copied')");
  }));
  // Values change places under the key that is to come.
  sql().Exec(
      "UPDATE readings SET n = -n WHERE sensor = 3 AND n IN (4, 5);"
      "UPDATE readings SET n = 9 + n WHERE sensor = 3 AND n < 0;"
      "DELETE FROM readings WHERE id = 7");
  ASSERT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_EQ(key(), "PRIMARY KEY (sensor, n) the key");
  EXPECT_EQ(indexes(), "readings__key,readings_pk");
  EXPECT_EQ(Differing("TABLE readings", "TABLE readings__old"), "0");
  sql().Exec(
      "UPDATE readings SET value = 0 WHERE sensor = 5;"
      "INSERT INTO readings (sensor, n) VALUES (50, 50)");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(key(), "PRIMARY KEY (id) the key");
  EXPECT_EQ(Differing("TABLE readings", "TABLE readings__new"), "0");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(key(), "PRIMARY KEY (sensor, n) the key");
  EXPECT_EQ(indexes(), "readings_pk");
  EXPECT_TRUE(Clean());
}

TEST_F(TableColumnsTest, ForeignKeysOntoTheOldPrimaryKeyStay) {
  CreatePeople(200);
  sql().Exec(
      "CREATE TABLE cards (person int REFERENCES people ON DELETE CASCADE);"
      "INSERT INTO cards SELECT id FROM people");
  const auto foreign_key = [&] {
    return sql().Text(
        "SELECT pg_get_constraintdef(oid) || ' ' || convalidated || ' ' || conindid::regclass"
        " FROM pg_constraint WHERE conrelid = 'cards'::regclass");
  };
  const std::string reference =
      "FOREIGN KEY (person) REFERENCES people(id) ON DELETE CASCADE true ";
  const Outcome plan = Run({"plan", "table", "public.people", "--primary-key", "name, id"});
  EXPECT_TRUE(absl::StrContains(
      plan.out,
      "a unique index on (id) stays, for the foreign keys cards_person_fkey on public.cards"))
      << plan;
  ASSERT_TRUE(Exits(kDone, Run(RunTable("people", {"--primary-key", "name, id"}))));
  EXPECT_EQ(foreign_key(), reference + "people_id_key");
  EXPECT_EQ(sql().Try("INSERT INTO cards VALUES (-1)"), "23503");
  sql().Exec("DELETE FROM people WHERE id = 3");
  EXPECT_EQ(sql().Text("SELECT count(*) FROM cards WHERE person = 3"), "0");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  EXPECT_EQ(foreign_key(), reference + "people_pkey");
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_EQ(foreign_key(), reference + "people_id_key");
  EXPECT_TRUE(Clean());
}

TEST_F(TableColumnsTest, WhatCannotBeAPrimaryKeyIsRefused) {
  CreatePeople(200);
  sql().Exec(
      "CREATE TABLE alone (id int PRIMARY KEY, a int NOT NULL, b int);"
      "INSERT INTO alone SELECT i, i / 2, i FROM generate_series(1, 10) i");
  struct Case {
    Arguments more;
    const char* message;
  };
  for (const Case& c :
       std::vector<Case>{{{"alone", "--primary-key", "b"}, "may have NULLs in b"},
                         {{"alone", "--primary-key", "a"}, "has rows that are equal in (a)"},
                         {{"alone", "--primary-key", "id"}, "has the primary key (id) already"},
                         {{"alone", "--primary-key", "nothing"}, "has no column nothing"}}) {
    const Outcome refused = Run(RunTable(c.more[0], {c.more.begin() + 1, c.more.end()}));
    EXPECT_TRUE(Exits(kRefused, refused)) << refused;
    EXPECT_TRUE(absl::StrContains(refused.err, c.message)) << c.message << "\n" << refused;
    EXPECT_TRUE(absl::StrContains(refused.err, "HINT: ")) << refused;
  }
}

// The search goes through the table a few pages at a time.
TEST_F(TableColumnsTest, WhatDoesNotFitIsFoundWhereverItLies) {
  CreatePeople(20000);
  sql().Exec(
      "UPDATE people SET code = CASE WHEN id IN (7, 19999) THEN 'no ' || id"
      " ELSE id::text END");
  const Outcome refused = Run(RunTable(
      "people", {"--alter", "ALTER code TYPE int USING NULL", "--column", "code=code::int"}));
  EXPECT_TRUE(Exits(kRefused, refused));
  for (const char* row : {"(7): invalid input syntax", "(19999): invalid input syntax"}) {
    EXPECT_TRUE(absl::StrContains(refused.err, row)) << refused;
  }
}

// What others bring after the plan has looked: the job stops and says where; put right, it goes on.
TEST_F(TableColumnsTest, ARowThatDoesNotFitLaterIsNamedAndTheJobGoesOnOnceItDoes) {
  CreatePeople(3000);
  sql().Exec("UPDATE people SET code = id::text");
  const Arguments arguments = RunTable("people", {"--alter", "ALTER code TYPE int USING NULL",
                                                  "--column", "code=code::int", "--soak", "0"});
  Tool run(target(), arguments, {"PG_RESTRUCTURE_FAIL=stage.after_commit:sleep=500"});
  ASSERT_TRUE(Eventually([&] {
    return sql().Holds("to_regclass('restructure.structure') IS NOT NULL") &&
           sql().Holds("EXISTS (SELECT FROM restructure.structure WHERE stage = 'copied')");
  }));
  sql().Exec("UPDATE people SET code = 'no ' || id WHERE id IN (7, 2999)");
  EXPECT_TRUE(Exits(kResumable, run.Wait()));
  for (const char* row : {"(7): invalid input syntax for type integer: \"no 7\"",
                          "(2999): invalid input syntax for type integer: \"no 2999\""}) {
    EXPECT_TRUE(absl::StrContains(run.Written(), row)) << run.Written();
  }
  sql().Exec("UPDATE people SET code = id::text WHERE code LIKE 'no %'");
  EXPECT_TRUE(Exits(kDone, Run(arguments)));
  EXPECT_EQ(Type("people", "code"), "integer");
  EXPECT_EQ(sql().Text("SELECT count(*) FROM people WHERE code = id"), "3000");
}

TEST_F(TableColumnsTest, WhatCannotBeDoneIsRefusedByThePlan) {
  CreatePeople(200);
  sql().Exec(
      "UPDATE people SET code = 'notanum' WHERE id = 42; UPDATE people SET code = id::text WHERE id"
      " <> 42; CREATE VIEW names AS SELECT name FROM people;"
      "CREATE TABLE other (id int PRIMARY KEY)");
  struct Case {
    Arguments more;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{"--alter", "ALTER code TYPE int USING code::int"}, "without a loss"},
      {{"--alter", "ALTER code TYPE int USING NULL", "--column", "code=code::int"},
       "(42): invalid input syntax for type integer: \"notanum\""},
      {{"--alter", "ALTER code TYPE varchar(3)"}, "(42) does not fit"},
      {{"--alter", "ALTER name TYPE varchar"},
       "is needed as it is by rule _RETURN on view public.names"},
      {{"--alter", "DROP COLUMN score"}, "is needed as it is by index public.people_by_score"},
      {{"--alter", "ADD COLUMN a timestamptz NOT NULL DEFAULT now()"}, "IMMUTABLE"},
      {{"--alter", "ADD COLUMN a int NOT NULL"}, "nothing fills the new column a"},
      {{"--alter", "ADD COLUMN a int", "--column", "a=(SELECT 1)"}, "subquer"},
      {{"--alter", "ADD COLUMN a int", "--column", "a=random()"}, "IMMUTABLE"},
      {{"--alter", "ADD COLUMN a int", "--column", "a=1); DROP TABLE other; --"}, "HINT"},
      {{"--alter", "ADD COLUMN a int; DROP TABLE other"}, "HINT"},
      {{"--alter", "ADD COLUMN a int", "--column", "a='x'::text"}, "is of type text"},
      {{"--alter", "ADD COLUMN a int UNIQUE"}, "adds an index, a key or a foreign key"},
      {{"--alter", "ADD FOREIGN KEY (score) REFERENCES other"}, "foreign key"},
      {{"--alter", "RENAME TO elsewhere"}, "HINT"},
      {{"--alter", "ALTER id TYPE numeric"}, "belongs to the key and cannot become numeric"},
      {{"--alter", "no such thing"}, "syntax error"},
      {{"--column", "b=1"}, "the new table has no column b"},
      {{"--reverse", "b=1"}, "the old table has no column b"},
      {{"--column", "id=id + 1"}, "belongs to the key by which rows are followed"},
      {{"--column", "noequals"}, "has no expression"},
  };
  for (const Case& c : cases) {
    const Outcome refused = Run(RunTable("people", c.more));
    EXPECT_TRUE(refused.exit_code == kRefused || refused.exit_code == kUsage) << refused;
    EXPECT_TRUE(absl::StrContains(refused.err, c.message)) << c.message << "\n" << refused;
    EXPECT_TRUE(absl::StrContains(refused.err, "HINT: ")) << refused;
  }
  EXPECT_EQ(sql().Text("SELECT count(*) FROM other"), "0");
  EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_class WHERE relname ~ 'pg_restructure|__new'"),
            "0");
}

}  // namespace
}  // namespace server
