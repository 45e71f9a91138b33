// A writer whose snapshot is older than the replacement's rows.

#include <string>

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

}  // namespace
}  // namespace server
