// A dump of the database, restored, is a database whose sets are kept equal.

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/cluster.h"
#include "tests/server/fixture.h"

namespace server {
namespace {

class DumpTest : public ServerTest {};

TEST_F(DumpTest, ARestoredSetIsKeptEqualAndCanBeRestructured) {
  CreateSet(500);
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--soak", "0"}))));
  const Target copy = Cluster::Get().CreateDatabase();
  const std::string command = absl::StrCat(
      "pg_dump -h ", target().host, " -U postgres ", target().database, " | psql -X -q -h ",
      copy.host, " -U postgres -v ON_ERROR_STOP=1 ", copy.database, " >/dev/null");
  ASSERT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT: names of our own making.

  Client restored(copy.Conninfo());
  restored.Exec(
      "INSERT INTO members (id, owner_id, rank, label) VALUES (900001, 3, 1, 'new');"
      "UPDATE members SET rank = 77.70 WHERE id < 50; DELETE FROM members WHERE id > 450");
  EXPECT_TRUE(Exits(kDone, RunTool(copy, {"verify", "set", "public.members_of_owner"})));
  EXPECT_TRUE(Exits(kDone, RunTool(copy, {"doctor"})));
  EXPECT_TRUE(Exits(kDone, RunTool(copy, {"run", "set", "public.members_of_owner", "--key",
                                          kFirstKey, "--soak", "0"})));
  EXPECT_TRUE(Exits(kDone, RunTool(copy, {"verify", "set", "public.members_of_owner"})));
}

}  // namespace
}  // namespace server
