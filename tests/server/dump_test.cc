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
  Cluster& cluster = Cluster::Get();
  const Target copy = cluster.CreateDatabase();
  const std::string file = absl::StrCat(cluster.folder(), "/", target().database, ".sql");
  const std::string dump = absl::StrCat(cluster.Program("pg_dump"), " -h ", target().host,
                                        " -U postgres -f ", file, " ", target().database);
  const std::string restore =
      absl::StrCat(cluster.Program("psql"), " -X -q -h ", copy.host,
                   " -U postgres -v ON_ERROR_STOP=1 -f ", file, " ", copy.database, " >/dev/null");
  for (const std::string& command : {dump, restore}) {
    ASSERT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT: names of our own making.
  }

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
