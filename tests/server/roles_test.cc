// Who may run the tool, and whose settings must not matter to it.

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/writers.h"

namespace server {
namespace {

class RolesTest : public ServerTest {
 protected:
  // A role that owns the member table and may create schemas: no superuser, nothing more.
  void SetUp() override {
    ServerTest::SetUp();
    CreateMembers(sql(), 2000);
    owner_ = target().database + "_dba";
    sql().Exec("CREATE ROLE " + owner_ + " LOGIN; GRANT CREATE ON DATABASE " + target().database +
               " TO " + owner_ + "; GRANT CREATE ON SCHEMA public TO " + owner_ +
               "; ALTER TABLE members OWNER TO " + owner_ + "; ALTER TABLE owners OWNER TO " +
               owner_);
  }

  void TearDown() override {
    ServerTest::TearDown();
    Client client(Cluster::Get().InDatabase("postgres").Conninfo());
    for (const Row& row :
         client.Query("SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)",
                      {target().database + "_"})) {
      client.Exec("DROP ROLE " + *row[0]);
    }
  }

  Outcome RunAsOwner(const Arguments& arguments) { return RunTool(target().As(owner_), arguments); }

  // A whole life; somebody else writes meanwhile.
  void ExpectWholeLife(const Target& writer, WriterOptions options = {}) {
    options.replica_role = writer.user == "postgres";
    Writers writers(writer, 2, options);
    ASSERT_TRUE(Exits(kDone, RunAsOwner(CreateSetArguments({}))));
    ASSERT_TRUE(Exits(kDone, RunAsOwner(RunSetArguments())));
    ASSERT_TRUE(writers.Await(50));
    ASSERT_TRUE(Exits(kDone, RunAsOwner({"revert", Job()})));
    ASSERT_TRUE(Exits(kDone, RunAsOwner({"revert", Job()})));
    ASSERT_TRUE(Exits(kDone, RunAsOwner({"finish", Job()})));
    ASSERT_TRUE(writers.Await(50));
    EXPECT_TRUE(None(writers.Complaints(sql())));
    EXPECT_LE(writers.Report().serialization_failures, writers.Report().transactions / 20 + 2);
    EXPECT_TRUE(None(Differences()));
    EXPECT_TRUE(Exits(kDone, RunAsOwner({"verify", "set", "public.members_of_owner"})));
    EXPECT_TRUE(Exits(kDone, RunAsOwner({"doctor"})));
    EXPECT_TRUE(Exits(kDone, RunAsOwner({"drop", "set", "public.members_of_owner"})));
  }

  std::string owner_;
};

TEST_F(RolesTest, TheTablesOwnerIsEnough) { ExpectWholeLife(target()); }

// The trigger functions run with their owner's rights: applications need none on our tables, and
// their search_path must not matter.
TEST_F(RolesTest, ApplicationsNeedNoRightsOnOurObjects) {
  const std::string app = target().database + "_app";
  sql().Exec("CREATE ROLE " + app +
             " LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON members,"
             " owners TO " +
             app + "; ALTER ROLE " + app + " SET search_path = ''");
  ExpectWholeLife(target().As(app));
}

TEST_F(RolesTest, ReadersNeedSelectOnTheAliasAlone) {
  ASSERT_TRUE(Exits(kDone, RunAsOwner(CreateSetArguments({}))));
  const std::string guest = target().database + "_guest";
  sql().Exec("CREATE ROLE " + guest + " LOGIN; GRANT SELECT ON members_of_owner TO " + guest);
  Client reader(target().As(guest).Conninfo());
  EXPECT_GT(reader.Number("SELECT count(*) FROM members_of_owner"), 0);
  EXPECT_EQ(reader.Try("SELECT FROM members"), "42501");
  ASSERT_TRUE(Exits(kDone, RunAsOwner(RunSetArguments({"--no-throttle"}))));
  EXPECT_GT(reader.Number("SELECT count(*) FROM members_of_owner"), 0);
  ASSERT_TRUE(Exits(kDone, RunAsOwner({"revert", Job()})));
  EXPECT_GT(reader.Number("SELECT count(*) FROM members_of_owner"), 0);
  EXPECT_EQ(reader.Try("SELECT restructure.connect_member('members_of_owner', '1')"), "42501");
}

// What a table needs to go over is asked of the plan, each by its name; with just that, it goes.
TEST_F(RolesTest, PrivilegesThatTheExchangeNeedsAreAskedForBefore) {
  const std::string other = target().database + "_other";
  sql().Exec("CREATE ROLE " + other +
             ";CREATE TABLE places (id int PRIMARY KEY, note text); INSERT INTO places VALUES (1);"
             "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
             "CREATE TABLE visits (id int PRIMARY KEY, place int CONSTRAINT at REFERENCES places,"
             " a int, b int); INSERT INTO visits SELECT i, 1, i, i FROM generate_series(1, 100) i;"
             "CREATE TRIGGER touched BEFORE UPDATE ON visits FOR EACH ROW EXECUTE FUNCTION touch();"
             "CREATE STATISTICS visits_ab ON a, b FROM visits;"
             "REVOKE ALL ON FUNCTION touch() FROM PUBLIC; ALTER STATISTICS visits_ab OWNER TO " +
             other + "; ALTER TABLE visits OWNER TO " + owner_ + "; ALTER TABLE places OWNER TO " +
             other);
  sql().Exec(
      "CREATE TABLE stays (id int PRIMARY KEY, place int REFERENCES places) PARTITION BY RANGE "
      "(id);"
      "CREATE TRIGGER touched AFTER UPDATE ON stays FOR EACH ROW EXECUTE FUNCTION touch();"
      "CREATE TABLE stays_1 PARTITION OF stays FOR VALUES FROM (1) TO (9);"
      "INSERT INTO stays VALUES (1, 1); ALTER TABLE stays OWNER TO " +
      owner_ + "; ALTER TABLE stays_1 OWNER TO " + owner_);
  const auto run = [](const std::string& table) -> Arguments {
    return {"run", "table", table, "--no-throttle", "--soak", "0"};
  };
  const auto expect_refused = [&](const std::string& table, const std::string& words) {
    const Outcome refused = RunAsOwner(run(table));
    EXPECT_TRUE(Exits(kRefused, refused));
    EXPECT_TRUE(absl::StrContains(refused.err, words)) << refused;
    EXPECT_TRUE(absl::StrContains(refused.err, "HINT: ")) << refused;
  };
  expect_refused("visits",
                 "does not own what goes over with public.visits: statistics object visits_ab");
  sql().Exec("ALTER STATISTICS visits_ab OWNER TO " + owner_);
  for (const char* table : {"visits", "stays_1"}) {
    expect_refused(table,
                   "EXECUTE on function public.touch(), REFERENCES on public.places, "
                   "UPDATE, DELETE or TRUNCATE on public.places");
  }
  EXPECT_FALSE(sql().Holds("to_regclass('restructure.job') IS NOT NULL"));
  sql().Exec("GRANT EXECUTE ON FUNCTION touch() TO " + owner_ + "; GRANT REFERENCES (id), DELETE" +
             " ON places TO " + owner_);
  EXPECT_TRUE(Exits(kDone, RunAsOwner(run("visits"))));
  EXPECT_TRUE(Exits(kDone, RunAsOwner(run("stays_1"))));
  EXPECT_EQ(
      sql().Text("SELECT string_agg(conname || convalidated, ' ' ORDER BY conname)"
                 " FROM pg_constraint WHERE conrelid = 'visits'::regclass AND contype <> 'n'"),
      "attrue visits_pkeytrue");
  EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'visits'::regclass"
                       " AND tgname = 'touched'"),
            "1");
  sql().Exec("DROP OWNED BY " + other + " CASCADE");
}

// A plain role is not shown what others do; their snapshots count all the same.
TEST_F(RolesTest, SnapshotsOfOtherRolesAreWaitedFor) {
  ASSERT_TRUE(Exits(kDone, RunAsOwner(CreateSetArguments({}))));
  Client reader(target().Conninfo("stranger"));
  reader.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM members");
  Tool run(target().As(owner_), RunSetArguments({"--no-throttle", "--soak", "0"}));
  ASSERT_TRUE(Eventually([&] {
    return sql().Holds(
        "EXISTS (SELECT FROM restructure.jobs WHERE is_running"
        " AND progress::json->>'waiting_for' LIKE '%old snapshot%stranger%')");
  }));
  EXPECT_FALSE(HasSwapped());
  reader.Exec("COMMIT");
  EXPECT_TRUE(Exits(kDone, run.Wait()));
}

TEST_F(RolesTest, HostileSettingsOfTheRoleDoNotMatter) {
  for (const char* setting : {"search_path = pg_temp",
                              "default_transaction_isolation = serializable",
                              "default_transaction_deferrable = on",
                              "statement_timeout = '100ms'",
                              "lock_timeout = '1ms'",
                              "idle_in_transaction_session_timeout = '200ms'",
                              "datestyle = 'SQL, DMY'",
                              "timezone = 'Pacific/Chatham'",
                              "intervalstyle = 'iso_8601'",
                              "extra_float_digits = -10",
                              "bytea_output = escape",
                              "row_security = off",
                              "synchronous_commit = off",
                              "enable_indexscan = off",
                              "enable_tidscan = off",
                              "standard_conforming_strings = off",
                              "default_table_access_method = heap",
                              "check_function_bodies = off",
                              "quote_all_identifiers = on",
                              "work_mem = '64kB'",
                              "client_encoding = 'latin1'",
                              "default_toast_compression = pglz",
                              "jit = on",
                              "plan_cache_mode = force_generic_plan",
                              "array_nulls = off",
                              "transform_null_equals = on",
                              "client_min_messages = error",
                              "constraint_exclusion = on",
                              "max_parallel_workers_per_gather = 0",
                              "backslash_quote = off",
                              "geqo = off"}) {
    sql().Exec("ALTER ROLE " + owner_ + " SET " + setting);
  }
  ExpectWholeLife(target());
}

TEST_F(RolesTest, HostileSettingsOfApplicationsDoNotMatter) {
  const std::string app = target().database + "_app";
  sql().Exec("CREATE ROLE " + app +
             " LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON members,"
             " owners TO " +
             app);
  for (const char* setting :
       {"search_path = pg_temp, pg_catalog", "default_transaction_isolation = 'repeatable read'",
        "datestyle = 'SQL, DMY'", "extra_float_digits = -10", "enable_indexscan = off",
        "array_nulls = off", "transform_null_equals = on", "row_security = off"}) {
    sql().Exec("ALTER ROLE " + app + " SET " + setting);
  }
  WriterOptions options;
  options.retries_serialization_failures = true;
  ExpectWholeLife(target().As(app), options);
}

// Objects of our names in the writer's or the operator's path must not be picked up.
TEST_F(RolesTest, ObjectsThatShadowTheCatalogAreNotUsed) {
  sql().Exec(
      "CREATE FUNCTION public.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT -1::bigint';"
      "CREATE FUNCTION public.format(text, text) RETURNS text LANGUAGE sql AS 'SELECT ''boo''';"
      "CREATE FUNCTION public.to_regclass(text) RETURNS regclass LANGUAGE sql AS"
      " 'SELECT NULL::regclass';"
      "CREATE TABLE public.pg_class (oid oid); CREATE TABLE public.pg_trigger (oid oid);"
      "CREATE FUNCTION public.never(bigint, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS"
      " 'SELECT false';"
      "CREATE OPERATOR public.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = public.never);"
      "ALTER ROLE " +
      owner_ + " SET search_path = public, pg_catalog");
  ASSERT_TRUE(Exits(kDone, RunAsOwner(CreateSetArguments({}))));
  ASSERT_TRUE(Exits(kDone, RunAsOwner(RunSetArguments({"--no-throttle"}))));
  Client writer(target().Conninfo());
  writer.Exec(
      "SET search_path = public, pg_catalog; UPDATE members SET rank = 4.40 WHERE hits = 0"
      " AND id OPERATOR(pg_catalog.<) 100; DELETE FROM members WHERE id"
      " OPERATOR(pg_catalog.=) 40");
  EXPECT_TRUE(None(Differences()));
}

}  // namespace
}  // namespace server
