// Writers of every kind while a set goes through its whole life, there and back again.

#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/writers.h"

namespace server {
namespace {

class ZooTest : public ServerTest {
 protected:
  // Lets the writers go on for a while and compares, at one snapshot, while they do.
  void ExpectEqualUnder(Writers& writers) {
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(writers.Await(150));
      ASSERT_TRUE(None(Differences()));
    }
  }
};

TEST_F(ZooTest, NothingIsLostThroughCreateRunRevertRevertFinish) {
  CreateMembers(sql(), 20000);
  Writers writers(target(), 4);
  // These writers take all that there is of the processors: a job that gives way to them, and to
  // the tests beside, would not end in time.
  ASSERT_TRUE(Exits(kDone, Run(CreateSetArguments())));
  ExpectEqualUnder(writers);
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--no-throttle"}))));
  EXPECT_EQ(Phase(), "soak");
  ExpectEqualUnder(writers);
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ExpectEqualUnder(writers);
  ASSERT_TRUE(Exits(kDone, Run({"revert", Job()})));
  ExpectEqualUnder(writers);
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ExpectEqualUnder(writers);

  EXPECT_TRUE(None(writers.Complaints(sql())));
  EXPECT_TRUE(None(Differences()));
  EXPECT_EQ(SideTables(sql(), "public", "members_of_owner").size(), 1U);
  EXPECT_TRUE(Exits(kDone, Run({"verify", "set", "public.members_of_owner"})));
  EXPECT_TRUE(Clean());
  RecordProperty("transactions", std::to_string(writers.Report().transactions));
}

TEST_F(ZooTest, SmallBatchesAndARetirementInBatchesChangeNothing) {
  CreateMembers(sql(), 5000);
  Writers writers(target(), 3);
  const Environment small = {"PG_RESTRUCTURE_JOB_BATCH_ROWS=150"};
  ASSERT_TRUE(Exits(kDone, Run(CreateSetArguments(), small)));
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--soak", "0", "--workers", "4", "--disconnect",
                                                "batches", "--no-throttle"}),
                               small)));
  ASSERT_TRUE(writers.Await(100));
  EXPECT_TRUE(None(writers.Complaints(sql())));
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Clean());
}

TEST_F(ZooTest, AbortUnderWritersLeavesTheOldSet) {
  CreateSet(5000);
  const std::vector<std::string> before = Objects(sql());
  Writers writers(target(), 3);
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--hold-before-swap", "--no-throttle"}))));
  ExpectEqualUnder(writers);
  EXPECT_TRUE(Aborts());
  ExpectEqualUnder(writers);
  EXPECT_TRUE(None(writers.Complaints(sql())));
  EXPECT_TRUE(None(Differences()));
  EXPECT_EQ(Objects(sql()), before);
  EXPECT_TRUE(Clean());
}

// Writers that begin in one mode of the capture and commit in the next.
TEST_F(ZooTest, TransactionsThatSpanThePhasesAreSeen) {
  CreateSet(5000);
  Client early(target().Conninfo("early"));
  early.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM members");
  Tool run(target(), RunSetArguments({"--hold-before-swap", "--no-throttle", "--workers", "2"}),
           {"PG_RESTRUCTURE_FAIL=connect.enter:sleep=400"});
  // Capture is in place: it must see a change whose snapshot is older than itself.
  ASSERT_TRUE(AwaitStage("copying"));
  early.Exec("UPDATE members SET rank = 123.450 WHERE id = 16; DELETE FROM members WHERE id = 24");
  early.Exec("COMMIT");
  ASSERT_TRUE(Exits(kDone, run.Wait()));
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Aborts());
  EXPECT_TRUE(Clean());
}

TEST_F(ZooTest, VerifyFindsWhatSomebodyElseBroke) {
  CreateSet(3000);
  const std::string table = SideTables(sql(), "public", "members_of_owner").at(0);
  sql().Exec("DELETE FROM " + table + " WHERE id = 16");
  const Outcome missing = Run({"verify", "set", "public.members_of_owner"});
  EXPECT_TRUE(Exits(kDifferent, missing));
  EXPECT_NE(missing.text().find("16"), std::string::npos) << missing;
  sql().Exec(
      "UPDATE members SET label = label WHERE id = 16; UPDATE members SET rank = 1.0"
      " WHERE id = 40");
  sql().Exec("DELETE FROM members WHERE id = 16; UPDATE " + table +
             " SET rank = 1.00 WHERE id = 40");
  EXPECT_TRUE(Exits(kDifferent, Run({"verify", "set", "public.members_of_owner", "--json"})));
}

// The copy goes right, somebody changes the replacement behind our back, nothing is swapped.
TEST_F(ZooTest, ADifferenceStopsTheRunBeforeTheSwap) {
  CreateSet(3000);
  Tool run(target(), RunSetArguments({"--no-throttle"}),
           {"PG_RESTRUCTURE_FAIL=verify.enter:sleep=1500"});
  ASSERT_TRUE(AwaitStage("ready"));
  const std::vector<std::string> tables = SideTables(sql(), "public", "members_of_owner");
  ASSERT_EQ(tables.size(), 2U);
  sql().Exec("DELETE FROM " + tables[1] + " WHERE id = 16");
  const Outcome outcome = run.Wait();
  EXPECT_TRUE(Exits(kDifferent, outcome));
  EXPECT_NE(outcome.text().find("HINT:"), std::string::npos) << outcome;
  EXPECT_TRUE(None(CompareImages(sql(), MembersOfOwner())));
  EXPECT_TRUE(Aborts());
  EXPECT_TRUE(Clean());
}

}  // namespace
}  // namespace server
