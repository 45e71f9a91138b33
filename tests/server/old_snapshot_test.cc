// A writer whose snapshot is older than the replacement's rows.

#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/server/client.h"
#include "tests/server/fixture.h"

namespace server {
namespace {

class OldSnapshotTest : public ServerTest {
 protected:
  // Changes a row in a REPEATABLE READ transaction that began before the copy, once the writers
  // keep the replacement themselves. It must either be applied or fail as that level may.
  void ChangeWithOldSnapshot(const std::string& change) {
    CreateSet(300);
    Client writer(target().Conninfo("old_snapshot"));
    writer.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class");
    Tool run(target(), RunSetArguments({"--no-throttle"}));
    ASSERT_TRUE(Eventually([&] {
      return sql().Holds("to_regclass('restructure.job') IS NOT NULL") &&
             sql().Holds(
                 "EXISTS (SELECT FROM restructure.structure n JOIN restructure.job j"
                 " ON j.open AND j.new_structure = n.structure_id"
                 " WHERE n.capture = 'sync' AND j.old_structure IS NOT NULL)");
    }));
    const std::string sqlstate = writer.Try(change);
    EXPECT_TRUE(sqlstate.empty() || sqlstate == "40001") << sqlstate;
    writer.Exec(sqlstate.empty() ? "COMMIT" : "ROLLBACK");
    ASSERT_TRUE(Exits(kDone, run.Wait()));
    EXPECT_TRUE(None(Differences()));
  }
};

TEST_F(OldSnapshotTest, TakesAMemberOutOfItsSet) {
  ChangeWithOldSnapshot("UPDATE members SET owner_id = NULL WHERE id = 8");
}

TEST_F(OldSnapshotTest, DeletesAMember) {
  ChangeWithOldSnapshot("DELETE FROM members WHERE id = 8");
}

TEST_F(OldSnapshotTest, ChangesAKey) {
  ChangeWithOldSnapshot("UPDATE members SET id = 800008 WHERE id = 8");
}

TEST_F(OldSnapshotTest, ChangesASortKey) {
  ChangeWithOldSnapshot("UPDATE members SET rank = 12.34 WHERE id = 8");
}

// A statement that was under way when the upkeep of the retired structure ended goes on with the
// trigger function that its session knows. The structure must still be there for it, index and all.
TEST_F(OldSnapshotTest, AStatementFromBeforeTheEndOfTheUpkeepIsWaitedFor) {
  CreateSet(300);
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--no-throttle"}))));
  Client writer(target().Conninfo("old_writer"));
  writer.Exec("UPDATE members SET rank = 1 WHERE id = 8");
  std::string sqlstate = "not tried";
  std::thread slow([&] {
    sqlstate = writer.Try("UPDATE members SET rank = 2 WHERE id = 16 AND pg_sleep(2) IS NOT NULL");
  });
  EXPECT_TRUE(Eventually([&] {
    return sql().Holds(
        "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'old_writer'"
        " AND wait_event = 'PgSleep')");
  }));
  const Outcome finished = Run({"finish", Job()});
  slow.join();
  EXPECT_EQ(sqlstate, "");
  ASSERT_TRUE(Exits(kDone, finished));
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Clean());
}

}  // namespace
}  // namespace server
