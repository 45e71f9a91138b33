// Who may run the tool, and whose settings must not matter to it.

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
