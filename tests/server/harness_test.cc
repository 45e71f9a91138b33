// The tests' own tools are tested first: a ledger that cannot fail proves nothing.

#include <unistd.h>

#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/lock_meter.h"
#include "tests/server/writers.h"

namespace server {
namespace {

class HarnessTest : public ServerTest {};

TEST_F(HarnessTest, WritersKnowTheirRows) {
  CreateMembers(sql(), 2000);
  Writers writers(target(), 4);
  ASSERT_TRUE(writers.Await(800));
  EXPECT_TRUE(None(writers.Complaints(sql())));
}

TEST_F(HarnessTest, LedgerSeesALostAndAChangedAndAnUnexpectedRow) {
  CreateMembers(sql(), 100);
  Writers writers(target(), 1);
  ASSERT_TRUE(writers.Await(20));
  writers.Stop();
  sql().Exec(
      "DELETE FROM members WHERE id = (SELECT min(id) FROM members WHERE id % 8 = 1);"
      "UPDATE members SET rank = '7.00' WHERE id = (SELECT max(id) FROM members WHERE id % 8 = 1);"
      "INSERT INTO members(id) VALUES (800001)");
  EXPECT_EQ(writers.Complaints(sql()).size(), 3);
}

TEST_F(HarnessTest, ImagesThatAreEqualButDifferentAreFound) {
  CreateMembers(sql(), 100);
  sql().Exec(
      "UPDATE members SET rank = 1.0 WHERE id = 9;"
      "CREATE TABLE members_of_owner AS SELECT owner_id, label, id, rank FROM members"
      " WHERE owner_id IS NOT NULL");
  EXPECT_TRUE(None(CompareImages(sql(), MembersOfOwner())));
  sql().Exec("UPDATE members_of_owner SET rank = 1.00 WHERE id = 9");
  EXPECT_EQ(CompareImages(sql(), MembersOfOwner()).size(), 1);
  sql().Exec("INSERT INTO members_of_owner SELECT * FROM members_of_owner WHERE id = 10");
  EXPECT_EQ(CompareImages(sql(), MembersOfOwner()).size(), 2);
}

TEST_F(HarnessTest, LockMeterSeesWhoWaitsBehindUsAndOnlyThem) {
  CreateMembers(sql(), 10);
  LockMeter meter(target());
  Client ours(target().Conninfo("pg_restructure_job_1"));
  ours.Exec("BEGIN; LOCK TABLE members IN ACCESS EXCLUSIVE MODE");
  sql().Exec("SET lock_timeout = '300ms'");
  EXPECT_EQ(sql().Try("SELECT FROM members"), "55P03");
  ours.Exec("COMMIT");
  const LockMeter::Report& report = meter.Stop();
  EXPECT_EQ(report.error, "");
  EXPECT_GE(report.longest_wait, milliseconds(200));
  EXPECT_LE(report.longest_wait, milliseconds(400)) << report.longest;
}

TEST_F(HarnessTest, LostConnectionsAreResolved) {
  CreateMembers(sql(), 500);
  WriterOptions options;
  options.survives_restarts = true;
  Writers writers(target(), 3, options);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(writers.Await(100));
    Cluster::Get().Stop(Cluster::Shutdown::kImmediate);
    Cluster::Get().Start();
  }
  ASSERT_TRUE(writers.Await(100));
  Client after(target().Conninfo());
  EXPECT_TRUE(None(writers.Complaints(after)));
  EXPECT_GE(writers.Report().lost_connections, 3);
}

}  // namespace
}  // namespace server
