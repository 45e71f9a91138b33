// Sets whose members the program chooses, several sets over one table, and what programs see of
// an alias: its order, its plan, its columns, its prepared statements.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/writers.h"

namespace server {
namespace {

class SetModesTest : public ServerTest {
 protected:
  void CreateWith(const std::string& insertion, const std::string& retention) {
    CreateMembers(sql(), 800);
    Arguments arguments = CreateSetArguments();
    arguments.insert(arguments.end(), {"--insertion", insertion, "--retention", retention});
    ASSERT_TRUE(Exits(kDone, Run(arguments)));
  }

  bool Connect(std::int64_t id) {
    return sql().Text("SELECT restructure.connect_member('members_of_owner', $1)",
                      {std::to_string(id)}) == "t";
  }
  bool Disconnect(std::int64_t id) {
    return sql().Text("SELECT restructure.disconnect_member('members_of_owner', $1)",
                      {std::to_string(id)}) == "t";
  }
  bool IsMember(std::int64_t id) {
    return sql().Holds(absl::StrCat("EXISTS (SELECT FROM members_of_owner WHERE id = ", id, ")"));
  }
  std::int64_t Count() { return sql().Number("SELECT count(*) FROM members_of_owner"); }

  // Members are what the alias says; their values are the member table's.
  void ExpectValuesAreTheMemberTables() {
    EXPECT_EQ(sql().Number("SELECT count(*) FROM members_of_owner a LEFT JOIN members m USING (id)"
                           " WHERE m.id IS NULL OR (a.owner_id, a.label, a.rank)::record *<>"
                           " (m.owner_id, m.label, m.rank)::record"),
              0);
    EXPECT_EQ(sql().Number("SELECT count(*) - count(DISTINCT id) FROM members_of_owner"), 0);
  }

  // Both side tables have the same members while both are kept.
  void ExpectSideTablesAgree() {
    const std::vector<std::string> tables = SideTables(sql(), "public", "members_of_owner");
    ASSERT_EQ(tables.size(), 2U);
    EXPECT_EQ(
        sql().Number(absl::StrCat("SELECT count(*) FROM ", tables[0], " a FULL JOIN ", tables[1],
                                  " b USING (id) WHERE a IS NULL OR b IS NULL"
                                  " OR (a.owner_id, a.label, a.rank)::record *<>"
                                  " (b.owner_id, b.label, b.rank)::record")),
        0);
  }

  std::string Plan(const std::string& query) {
    std::string plan;
    for (const Row& row : sql().Query("EXPLAIN (COSTS OFF) " + query)) plan += *row[0] + "\n";
    return plan;
  }
};

TEST_F(SetModesTest, ManualInsertionConnectsOnlyWhatTheProgramConnects) {
  CreateWith("manual", "mandatory");
  const std::int64_t before = Count();
  sql().Exec("INSERT INTO members VALUES (9001, 5, 1, 'new', '', 0), (9002, NULL, 1, 'no', '', 0)");
  EXPECT_FALSE(IsMember(9001));
  EXPECT_TRUE(Connect(9001));
  EXPECT_TRUE(IsMember(9001));
  EXPECT_FALSE(Connect(9001)) << "it is a member already";
  EXPECT_FALSE(Connect(9002)) << "it has no owner";
  EXPECT_FALSE(Connect(123456)) << "there is no such row";
  EXPECT_EQ(Count(), before + 1);
  EXPECT_EQ(sql().Try("SELECT restructure.disconnect_member('members_of_owner', '9001')"), "55000");
  EXPECT_EQ(sql().Try("SELECT restructure.connect_member('members', '1')"), "42P01");
  sql().Exec("DELETE FROM members WHERE id = 9001");
  EXPECT_EQ(Count(), before);
  ExpectValuesAreTheMemberTables();
}

TEST_F(SetModesTest, OptionalRetentionLetsGoAndChangesFollowOnlyMembers) {
  CreateWith("automatic", "optional");
  EXPECT_TRUE(IsMember(16));
  EXPECT_TRUE(Disconnect(16));
  EXPECT_FALSE(IsMember(16));
  EXPECT_FALSE(Disconnect(16));
  sql().Exec("UPDATE members SET rank = 9.90, label = 'moved' WHERE id IN (16, 24)");
  EXPECT_FALSE(IsMember(16)) << "an update connects nobody";
  EXPECT_TRUE(IsMember(24));
  sql().Exec("INSERT INTO members VALUES (9001, 5, 1, 'new', '', 0)");
  EXPECT_TRUE(IsMember(9001));
  EXPECT_TRUE(Connect(16));
  EXPECT_TRUE(IsMember(16));
  ExpectValuesAreTheMemberTables();
}

// Membership must survive a restructure in every phase in which it can change.
TEST_F(SetModesTest, MembershipIsCarriedThroughRunRevertAndFinish) {
  CreateWith("manual", "optional");
  const std::int64_t created = Count();
  for (std::int64_t id = 16; id <= 160; id += 16) ASSERT_TRUE(Connect(id) || IsMember(id));
  ASSERT_TRUE(Disconnect(32));
  const std::int64_t before = Count();
  EXPECT_GE(before, created == 0 ? 9 : 1);

  Tool run(target(), RunSetArguments({"--no-throttle", "--hold-before-swap"}),
           {"PG_RESTRUCTURE_FAIL=connect.enter:sleep=500"});
  ASSERT_TRUE(AwaitStage("copying"));
  EXPECT_TRUE(Disconnect(48));
  EXPECT_TRUE(Connect(32));
  sql().Exec("INSERT INTO members VALUES (9001, 5, 1, 'new', '', 0), (9002, 5, 2, 'new', '', 0)");
  EXPECT_TRUE(Connect(9001));
  sql().Exec(
      "UPDATE members SET rank = 3.30 WHERE id IN (64, 32, 9002);"
      "UPDATE members SET id = 9064 WHERE id = 64; DELETE FROM members WHERE id = 80");
  ASSERT_TRUE(Exits(kDone, run.Wait()));
  ExpectSideTablesAgree();
  EXPECT_TRUE(Disconnect(96));
  EXPECT_TRUE(Connect(48));
  ExpectSideTablesAgree();

  const Arguments steps[] = {{"swap", Job()}, {"revert", Job()}, {"revert", Job()}};
  std::int64_t id = 9010;
  for (const Arguments& step : steps) {
    SCOPED_TRACE(step[0]);
    ASSERT_TRUE(Exits(kDone, Run(step)));
    EXPECT_TRUE(IsMember(9064));
    EXPECT_FALSE(IsMember(80));
    EXPECT_FALSE(IsMember(9002));
    sql().Exec(absl::StrCat("INSERT INTO members VALUES (", ++id, ", 6, 1, 'l', 'p', 0)"));
    EXPECT_FALSE(IsMember(id));
    EXPECT_TRUE(Connect(id));
    EXPECT_TRUE(Disconnect(112) || Connect(112));
    sql().Exec(absl::StrCat("UPDATE members SET rank = rank + 1 WHERE id = ", id));
    ExpectSideTablesAgree();
    ExpectValuesAreTheMemberTables();
  }
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(IsMember(id));
  EXPECT_TRUE(Disconnect(id));
  ExpectValuesAreTheMemberTables();
  EXPECT_TRUE(Exits(kDone, Run({"verify", "set", "members_of_owner"})));
  EXPECT_TRUE(Clean());
}

TEST_F(SetModesTest, SeveralSetsOfOneTableStayRight) {
  CreateMembers(sql(), 3000);
  ASSERT_TRUE(Exits(kDone, Run(CreateSetArguments())));
  ASSERT_TRUE(Exits(kDone, Run({"create", "set", "by_label", "--member", "members", "--owner",
                                "label", "--key", "hits desc, id"})));
  ASSERT_TRUE(Exits(kDone, Run({"create", "set", "by_rank", "--member", "members", "--owner",
                                "rank, owner_id", "--key", "label"})));
  const SetImage others[] = {
      {"by_label", "members", {"id"}, {"label", "hits", "id"}, "label IS NOT NULL"},
      {"by_rank",
       "members",
       {"id"},
       {"rank", "owner_id", "label", "id"},
       "rank IS NOT NULL AND owner_id IS NOT NULL"}};
  const auto expect_all_equal = [&] {
    EXPECT_TRUE(None(Differences()));
    for (const SetImage& set : others) EXPECT_TRUE(None(CompareImages(sql(), set)));
  };
  Writers writers(target(), 2);
  // Two jobs over the same member table at the same time.
  Tool first(target(), RunSetArguments({"--no-throttle"}));
  Tool second(target(), {"run", "set", "by_label", "--key", "id desc", "--no-throttle"});
  EXPECT_TRUE(Exits(kDone, first.Wait()));
  EXPECT_TRUE(Exits(kDone, second.Wait()));
  expect_all_equal();
  ASSERT_TRUE(writers.Await(50));
  expect_all_equal();
  for (const Row& row : sql().Query("SELECT job_id FROM restructure.job WHERE open")) {
    EXPECT_TRUE(Exits(kDone, Run({"finish", *row[0]})));
  }
  ASSERT_TRUE(Exits(kDone, Run({"drop", "set", "by_rank"})));
  ASSERT_TRUE(writers.Await(50));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(None(CompareImages(sql(), others[0])));
  EXPECT_TRUE(Clean());
}

TEST_F(SetModesTest, FirstMembersComeFromAnIndexOnlyScanInSetOrder) {
  CreateSet(20000);
  const std::string query = "SELECT id FROM members_of_owner WHERE owner_id = 7 LIMIT 20";
  const auto expect = [&](const std::string& order) {
    const std::string plan = Plan(query);
    EXPECT_TRUE(absl::StrContains(plan, "Index Only Scan")) << plan;
    EXPECT_FALSE(absl::StrContains(plan, "Sort")) << plan;
    EXPECT_EQ(Shown(sql().Query(query)),
              Shown(sql().Query("SELECT id FROM members WHERE owner_id = 7 ORDER BY " + order +
                                " LIMIT 20")));
  };
  expect(kFirstKey);
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--no-throttle"}))));
  expect(kSecondKey);
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  expect(kFirstKey);
}

TEST_F(SetModesTest, PreparedStatementsAndColumnsLiveThroughSwapAndRevert) {
  CreateSet(1000);
  const std::string columns =
      "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)"
      " FROM pg_attribute WHERE attrelid = 'members_of_owner'::regclass AND attnum > 0";
  const std::string before = sql().Text(columns);
  const std::string oid = sql().Text("SELECT 'members_of_owner'::regclass::oid");
  sql().Exec(
      "CREATE VIEW top AS SELECT * FROM members_of_owner;"
      "CREATE ROLE " +
      target().database + "_reader; GRANT SELECT ON members_of_owner TO " + target().database +
      "_reader");
  const std::string grants =
      sql().Text("SELECT relacl FROM pg_class WHERE oid = 'members_of_owner'::regclass");
  Client application(target().Conninfo());
  application.Prepare("all", "SELECT * FROM members_of_owner WHERE owner_id = $1");
  application.Prepare("view", "SELECT * FROM top WHERE owner_id = $1");
  const auto read = [&] {
    for (int i = 0; i < 8; ++i) {  // Past the switch to a generic plan.
      EXPECT_EQ(application.QueryPrepared("all", {"1"}).size(),
                application.QueryPrepared("view", {"1"}).size());
    }
  };
  read();
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--no-throttle"}))));
  read();
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  read();
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  read();
  EXPECT_EQ(sql().Text(columns), before);
  EXPECT_EQ(sql().Text("SELECT 'members_of_owner'::regclass::oid"), oid);
  EXPECT_EQ(sql().Text("SELECT relacl FROM pg_class WHERE oid = 'members_of_owner'::regclass"),
            grants);
}

TEST_F(SetModesTest, ShownColumnsAreAppended) {
  CreateSet(500);
  ASSERT_TRUE(Exits(kDone, Run({"run", "set", "members_of_owner", "--key", kSecondKey, "--show",
                                "hits, payload", "--no-throttle", "--soak", "0"})));
  SetImage image = MembersOfOwner();
  image.columns.insert(image.columns.end(), {"hits", "payload"});
  EXPECT_TRUE(None(CompareImages(sql(), image)));
  EXPECT_TRUE(Clean());
}

}  // namespace
}  // namespace server
