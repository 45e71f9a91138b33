// What cannot be done is refused: one clear message with a hint, the documented exit code, and
// nothing left behind.

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"

namespace server {
namespace {

class BadInputTest : public ServerTest {
 protected:
  // Exit code, a message that names `part`, a hint, no trace in the database.
  void ExpectRefused(ExitCode code, const std::string& part, const Arguments& arguments) {
    ExpectRefused(target(), code, part, arguments);
  }

  void ExpectRefused(const Target& whom, ExitCode code, const std::string& part,
                     const Arguments& arguments) {
    const std::vector<std::string> before = Objects(sql());
    const std::int64_t jobs = Jobs();
    const Outcome outcome = RunTool(whom, arguments);
    EXPECT_TRUE(Exits(code, outcome));
    EXPECT_TRUE(absl::StrContains(outcome.err, part)) << "not named: " << part << "\n" << outcome;
    EXPECT_TRUE(absl::StrContains(outcome.err, "HINT: ")) << outcome;
    EXPECT_FALSE(absl::StrContains(outcome.err, "LINE 1:")) << "a raw server error\n" << outcome;
    EXPECT_EQ(Objects(sql()), Without(before, Objects(sql())));
    EXPECT_EQ(Jobs(), jobs) << outcome;
  }

  std::int64_t Jobs() {
    if (sql().Holds("to_regclass('restructure.job') IS NULL")) return 0;
    return sql().Number("SELECT count(*) FROM restructure.job");
  }

  // `before`, and the tool's own schema, which may have come meanwhile.
  static std::vector<std::string> Without(std::vector<std::string> before,
                                          const std::vector<std::string>& after) {
    const std::string ours = "schema restructure";
    const auto has = [&ours](const std::vector<std::string>& objects) {
      return std::find(objects.begin(), objects.end(), ours) != objects.end();
    };
    if (has(after) && !has(before)) before.push_back(ours);
    std::sort(before.begin(), before.end());
    return before;
  }

  static Arguments Create(const std::string& name, const std::string& member,
                          const std::string& owner, const std::string& key,
                          const Arguments& more = {}) {
    Arguments arguments = {"create",  "set", name,    "--member", member,
                           "--owner", owner, "--key", key};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  static Arguments RunKey(const std::string& name, const std::string& key) {
    return {"run", "set", name, "--key", key};
  }
};

TEST_F(BadInputTest, NoSuchTableColumnOrSet) {
  CreateSet(100);
  ExpectRefused(kRefused, "nowhere", Create("s", "nowhere", "owner_id", "id"));
  ExpectRefused(kRefused, "nowhere", Create("s", "nowhere.members", "owner_id", "id"));
  ExpectRefused(kRefused, "nobody", Create("s", "members", "nobody", "id"));
  ExpectRefused(kRefused, "nothing", Create("s", "members", "owner_id", "nothing"));
  ExpectRefused(kRefused, "nothing",
                Create("s", "members", "owner_id", "id", {"--carry", "nothing"}));
  ExpectRefused(kRefused, "noset", RunKey("noset", "id"));
  ExpectRefused(kRefused, "noset", {"verify", "set", "noset"});
  ExpectRefused(kRefused, "noset", {"drop", "set", "noset"});
  ExpectRefused(kRefused, "members", RunKey("members", "id"));
  ExpectRefused(kRefused, "nothing", RunKey("members_of_owner", "nothing"));
  ExpectRefused(kRefused, "nocoll", RunKey("members_of_owner", "label collate nocoll"));
}

TEST_F(BadInputTest, AMemberTableWithoutAKeyHearsWhichIndexWouldDo) {
  sql().Exec(
      "CREATE TABLE nokey (a int NOT NULL, b int, o int); CREATE UNIQUE INDEX u ON nokey (b);"
      "CREATE TABLE bare (a int, o int);"
      "CREATE TABLE partial (a int NOT NULL, o int);"
      "CREATE UNIQUE INDEX ON partial (a) WHERE o > 0;"
      "CREATE TABLE deferred (a int NOT NULL UNIQUE DEFERRABLE, o int)");
  ExpectRefused(kRefused, "nokey", Create("s", "nokey", "o", "a"));
  // Nullable, but otherwise it would do.
  const Outcome outcome = Run(Create("s", "nokey", "o", "a"));
  EXPECT_TRUE(absl::StrContains(outcome.err, "u")) << outcome;
  EXPECT_TRUE(absl::StrContains(outcome.err, "NOT NULL")) << outcome;
  ExpectRefused(kRefused, "bare", Create("s", "bare", "o", "a"));
  ExpectRefused(kRefused, "partial", Create("s", "partial", "o", "a"));
  ExpectRefused(kRefused, "deferred", Create("s", "deferred", "o", "a"));
}

TEST_F(BadInputTest, TheSameSortKeyAgain) {
  CreateSet(100);
  ExpectRefused(kRefused, "label, id", RunKey("members_of_owner", "label, id"));
  ExpectRefused(kRefused, "label, id", RunKey("members_of_owner", "LABEL asc nulls last,id"));
}

TEST_F(BadInputTest, NamesThatAreTakenOrTooLong) {
  CreateMembers(sql(), 100);
  sql().Exec("CREATE TABLE taken (); CREATE VIEW v AS SELECT 1");
  ExpectRefused(kRefused, "taken", Create("taken", "members", "owner_id", "id"));
  ExpectRefused(kRefused, "v", Create("v", "members", "owner_id", "id"));
  ExpectRefused(kRefused, "members", Create("members", "members", "owner_id", "id"));
  const std::string longest(62, 'n');
  ExpectRefused(kRefused, longest, Create(longest, "members", "owner_id", "id"));
  ExpectRefused(kRefused, "63", Create(std::string(80, 'n'), "members", "owner_id", "id"));
  ExpectRefused(kRefused, "nowhere", Create("nowhere.s", "members", "owner_id", "id"));
}

TEST_F(BadInputTest, TablesOfTheWrongKind) {
  CreateMembers(sql(), 100);
  sql().Exec(
      "CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, o int);"
      "CREATE VIEW view AS SELECT * FROM members; CREATE SEQUENCE seq;"
      "CREATE MATERIALIZED VIEW matview AS SELECT * FROM members;"
      "CREATE TABLE parts (id int PRIMARY KEY, o int) PARTITION BY RANGE (id);"
      "CREATE TABLE parent (id int PRIMARY KEY, o int); CREATE TABLE child () INHERITS (parent)");
  ExpectRefused(kRefused, "unlogged", Create("s", "unlogged", "o", "id"));
  ExpectRefused(kRefused, "view", Create("s", "view", "owner_id", "id"));
  ExpectRefused(kRefused, "seq", Create("s", "seq", "last_value", "log_cnt"));
  ExpectRefused(kRefused, "matview", Create("s", "matview", "owner_id", "id"));
  ExpectRefused(kRefused, "parts", Create("s", "parts", "o", "id"));
  ExpectRefused(kRefused, "parent", Create("s", "parent", "o", "id"));
  ExpectRefused(kRefused, "pg_class", Create("s", "pg_catalog.pg_class", "relowner", "relname"));
  ExpectRefused(kRefused, "tmp", Create("s", "pg_temp.tmp", "o", "id"));
  sql().Exec("ALTER TABLE members SET UNLOGGED");
  ExpectRefused(kRefused, "unlogged", Create("s", "members", "owner_id", "id"));
}

TEST_F(BadInputTest, RowLevelSecurityThatHidesRows) {
  CreateMembers(sql(), 100);
  const std::string role = target().database + "_owner";
  sql().Exec("CREATE ROLE " + role + " LOGIN; GRANT CREATE ON DATABASE " + target().database +
             " TO " + role + "; GRANT ALL ON SCHEMA public TO " + role +
             "; ALTER TABLE members OWNER TO " + role +
             "; ALTER TABLE members ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
             "CREATE POLICY few ON members USING (id < 10)");
  ExpectRefused(target().As(role), kRefused, "row-level security",
                Create("s", "members", "owner_id", "id"));
}

TEST_F(BadInputTest, MissingPrivilegesAreNamed) {
  CreateMembers(sql(), 100);
  const Arguments create = Create("s", "members", "owner_id", "id");
  const std::string role = target().database + "_dba";
  sql().Exec("CREATE ROLE " + role + " LOGIN; GRANT ALL ON members TO " + role +
             "; GRANT CREATE ON SCHEMA public TO " + role + "; GRANT CREATE ON DATABASE " +
             target().database + " TO " + role);
  ExpectRefused(target().As(role), kRefused, "own", create);
  sql().Exec("ALTER TABLE members OWNER TO " + role + "; REVOKE CREATE ON DATABASE " +
             target().database + " FROM " + role);
  ExpectRefused(target().As(role), kRefused, "CREATE", create);
  sql().Exec("GRANT CREATE ON DATABASE " + target().database + " TO " + role +
             "; REVOKE CREATE ON SCHEMA public FROM " + role);
  ExpectRefused(target().As(role), kRefused, "schema public", create);
}

TEST_F(BadInputTest, SyntaxAndSmuggledSql) {
  CreateSet(100);
  sql().Exec("CREATE TABLE canary ()");
  for (const char* key :
       {"", "id,", ",id", "id desc desc", "id nulls", "id nulls sometimes", "id collate",
        "lower(label)", "id; drop table canary", "id) ; drop table canary; --", "label || 'x'",
        "id desc; --", "\"id", "id using >", "1", "id id"}) {
    SCOPED_TRACE(key);
    const Outcome outcome = Run(RunKey("members_of_owner", key));
    EXPECT_TRUE(outcome.exit_code == kUsage || outcome.exit_code == kRefused) << outcome;
    EXPECT_TRUE(absl::StrContains(outcome.err, "HINT: ")) << outcome;
  }
  for (const char* name : {"a.b.c", "s; drop table canary", "", "\"s", "s.", ".s", "s -- x"}) {
    SCOPED_TRACE(name);
    const Outcome outcome = Run(Create(name, "members", "owner_id", "id"));
    EXPECT_TRUE(outcome.exit_code == kUsage || outcome.exit_code == kRefused) << outcome;
    EXPECT_TRUE(absl::StrContains(outcome.err, "HINT: ")) << outcome;
  }
  EXPECT_TRUE(sql().Holds("to_regclass('canary') IS NOT NULL"));
  EXPECT_EQ(Jobs(), 1);
}

TEST_F(BadInputTest, OptionsAndCommands) {
  ExpectRefused(kUsage, "frobnicate", {"frobnicate"});
  ExpectRefused(kUsage, "command", {});
  ExpectRefused(kUsage, "--member", {"run", "set", "s", "--key", "id", "--member", "m"});
  ExpectRefused(kUsage, "--soak", {"doctor", "--soak", "1h"});
  ExpectRefused(kUsage, "workers", {"run", "set", "s", "--key", "id", "--workers", "many"});
  ExpectRefused(kUsage, "workers", {"run", "set", "s", "--key", "id", "--workers", "0"});
  ExpectRefused(kUsage, "soak", {"run", "set", "s", "--key", "id", "--soak", "soon"});
  ExpectRefused(kUsage, "key", {"run", "set", "s"});
  ExpectRefused(kUsage, "member", {"create", "set", "s", "--owner", "o", "--key", "k"});
  ExpectRefused(kUsage, "thing", {"run", "thing", "s", "--key", "id"});
  ExpectRefused(kUsage, "gentel is not built in",
                {"run", "set", "s", "--key", "id", "--profile", "gentel"});
  ExpectRefused(kUsage, "cannot be read", {"profile", "show", "/"});
  ExpectRefused(kUsage, "list or show", {"profile"});
  ExpectRefused(kUsage, "job", {"revert"});
  ExpectRefused(kUsage, "x", {"revert", "x"});
  EXPECT_TRUE(Exits(kDone, Run({"--help"})));
  EXPECT_TRUE(Exits(kDone, Run({"run", "--help"})));
  EXPECT_TRUE(Exits(kDone, Run({"--version"})));
  EXPECT_TRUE(Exits(kDone, Run({"profile", "list"})));
  EXPECT_TRUE(Exits(kDone, Run({"profile", "show", "gentle"})));
}

TEST_F(BadInputTest, IndexesThatCannotBeChanged) {
  sql().Exec(
      "CREATE TABLE t (a int, b int NOT NULL, c text, during int4range);"
      "INSERT INTO t SELECT i % 10, i, 'x' FROM generate_series(1, 100) i;"
      "CREATE INDEX t_ab ON t (a, b); CREATE UNIQUE INDEX t_unique ON t (b);"
      "ALTER TABLE t ADD CONSTRAINT t_pk PRIMARY KEY (b),"
      " ADD CONSTRAINT t_excluded EXCLUDE USING gist (during WITH &&);"
      "CREATE VIEW grouped AS SELECT b, c FROM t GROUP BY b;"
      "CREATE TABLE part (a int, b int, PRIMARY KEY (a)) PARTITION BY RANGE (a);"
      "CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);"
      "CREATE INDEX part_b ON part (b)");
  const auto run = [](const std::string& name, const Arguments& more) {
    Arguments arguments = {"run", "index", name};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  ExpectRefused(kRefused, "nowhere", run("nowhere", {"--key", "a"}));
  ExpectRefused(kRefused, "a table", run("t", {"--key", "a"}));
  ExpectRefused(kRefused, "system table", run("pg_catalog.pg_class_oid_index", {"--key", "oid"}));
  ExpectRefused(kRefused, "nothing to do", run("t_ab", {}));
  ExpectRefused(kRefused, "nothing to do", run("t_ab", {"--key", "a,b"}));
  ExpectRefused(kRefused, "nocolumn", run("t_ab", {"--key", "nocolumn"}));
  ExpectRefused(kRefused, "IMMUTABLE", run("t_ab", {"--key", "(a + random())"}));
  ExpectRefused(kRefused, "nomethod", run("t_ab", {"--using", "nomethod"}));
  ExpectRefused(kRefused, "nospace", run("t_ab", {"--tablespace", "nospace"}));
  ExpectRefused(kRefused, "nofactor", run("t_ab", {"--set", "nofactor=1"}));
  ExpectRefused(kRefused, "NAME=VALUE", run("t_ab", {"--set", "fillfactor"}));
  ExpectRefused(kRefused, "type boolean", run("t_ab", {"--where", "a + 1"}));
  ExpectRefused(kRefused, "was not opened", run("t_ab", {"--key", "a); DROP TABLE t; --"}));
  ExpectRefused(kRefused, "was not opened", run("t_ab", {"--where", "true); DROP TABLE t; --"}));
  ExpectRefused(kRefused, "cannot be tried",
                run("t_ab", {"--key", "b", "--try", "ANALYZE DELETE FROM t"}));
  ExpectRefused(kRefused, "cannot be tried",
                run("t_ab", {"--key", "b", "--try", "SELECT 1; DROP TABLE t"}));
  ExpectRefused(kRefused, ") 10 times", run("t_ab", {"--key", "a", "--unique"}));
  ExpectRefused(kRefused, "grouped", run("t_pk", {"--key", "b", "--include", "c"}));
  sql().Exec("DROP VIEW grouped");
  ExpectRefused(kRefused, "NOT NULL", run("t_pk", {"--key", "b, a"}));
  ExpectRefused(kRefused, "not the default", run("t_pk", {"--key", "b desc"}));
  ExpectRefused(kRefused, "no condition", run("t_pk", {"--where", "b > 0"}));
  ExpectRefused(kRefused, "exclusion constraint", run("t_excluded", {"--set", "fillfactor=50"}));
  ExpectRefused(kRefused, "partitioned table", run("part_pkey", {"--include", "b"}));
  ExpectRefused(kRefused, "partitioned table above", run("part_1_b_idx", {"--key", "a"}));
  const std::string guest = target().database + "_guest";
  sql().Exec("CREATE ROLE " + guest + " LOGIN");
  ExpectRefused(target().As(guest), kRefused, "does not own", run("public.t_ab", {"--key", "b"}));
  EXPECT_EQ(sql().Number("SELECT count(*) FROM t"), 100);
}

TEST_F(BadInputTest, AServerThatCannotBeReachedOrWritten) {
  CreateMembers(sql(), 100);
  const Arguments create = Create("s", "members", "owner_id", "id");
  Target nowhere = target();
  nowhere.host = "/nonexistent";
  const Outcome unreachable = RunTool(nowhere, create);
  EXPECT_NE(unreachable.exit_code, kDone);
  EXPECT_NE(unreachable.exit_code, kInternal) << unreachable;
  EXPECT_TRUE(absl::StrContains(unreachable.err, "/nonexistent")) << unreachable;
  sql().Exec("ALTER DATABASE " + target().database + " SET default_transaction_read_only = on");
  // A session's default is ours to overrule; a standby's state is not. See the next test.
  const Outcome outcome = Run(create);
  EXPECT_TRUE(outcome.exit_code == kDone || outcome.exit_code == kRefused) << outcome;
}

// A secret in the connection's parameters is never printed.
TEST_F(BadInputTest, PasswordsAreNotPrinted) {
  CreateMembers(sql(), 10);
  const std::string marker = "sEcReT123";
  const std::string uri =
      "postgresql://nobody:" + marker + "@/" + target().database + "?host=" + target().host;
  for (const Arguments& arguments :
       {Arguments{"doctor", "-d", uri}, Arguments{"doctor", "-d", uri + "&bad=1"},
        Arguments{"doctor", "-d", "password=" + marker + " user=nobody bad"}}) {
    const Outcome outcome = Run(arguments);
    EXPECT_NE(outcome.exit_code, kDone);
    EXPECT_FALSE(absl::StrContains(outcome.text(), marker)) << outcome;
  }
}

}  // namespace
}  // namespace server
