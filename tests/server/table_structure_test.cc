// Tables of every column type, with every property: what they had before, they have afterwards.

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/structure_dump.h"
#include "tests/server/table_fixture.h"

namespace server {
namespace {

class ZooTest : public TableTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    TableTest::SetUp();
    CreateTableZoo(sql());
    FillTableZoo(sql(), 200);
  }
  void TearDown() override {
    DropTableZoo(sql());
    TableTest::TearDown();
  }
};

TEST_P(ZooTest, HasAllThatItHad) {
  const std::string table = GetParam();
  const std::string structure = StructureDump(sql(), table);
  const std::string image = Image(table);
  ASSERT_TRUE(Exits(kDone, Run(RunTable(table, {"--soak", "0"}))));
  EXPECT_TRUE(None(Differences(structure, StructureDump(sql(), table))));
  EXPECT_EQ(Image(table), image);
  ExpectNothingOfOurs();
  FillTableZoo(sql(), 20);
}

TEST_P(ZooTest, HasItDuringTheSoakAndAfterTheWayBack) {
  const std::string table = GetParam();
  const std::string structure = StructureDump(sql(), table);
  ASSERT_TRUE(Exits(kDone, Run(RunTable(table))));
  for (const char* command : {"revert", "revert", "finish"}) {
    // The retired table still draws numbers from a sequence that the other one owns.
    std::vector<std::string> lines = Differences(structure, StructureDump(sql(), table));
    lines.erase(std::remove_if(lines.begin(), lines.end(),
                               [](const std::string& line) {
                                 return absl::StartsWith(line, "+ default value for") &&
                                        (absl::StrContains(line, "__new.") ||
                                         absl::StrContains(line, "__old."));
                               }),
                lines.end());
    EXPECT_TRUE(None(lines)) << "before " << command;
    const std::string audits = sql().Text("SELECT count(*) FROM zoo.audit");
    sql().Exec(absl::StrCat("UPDATE ", table, " SET ",
                            sql().Text("SELECT format('%1$I = %1$I', attname) FROM pg_attribute"
                                       " WHERE attrelid = $1::text::regclass AND attnum > 0"
                                       " AND NOT attisdropped AND attgenerated = ''"
                                       " AND attidentity = '' ORDER BY attnum LIMIT 1",
                                       {table}),
                            table == "zoo.everything" ? " WHERE serial_no <> -1" : ""));
    // What the upkeep of the other table does fires no trigger of a user.
    EXPECT_EQ(sql().Text("SELECT count(*) FROM zoo.audit WHERE relation ~ '__(new|old)$'"), "0");
    FillTableZoo(sql(), 10);
    const std::string name = table.substr(4);
    EXPECT_EQ(Image(Other(name)), Image(table)) << "before " << command;
    ASSERT_TRUE(Exits(kDone, Run({command, Job()})));
  }
  EXPECT_TRUE(None(Differences(structure, StructureDump(sql(), table))));
  ExpectNothingOfOurs();
}

INSTANTIATE_TEST_SUITE_P(Tables, ZooTest,
                         testing::Values("zoo.everything", "zoo.plain", "zoo.composite",
                                         "zoo.no_toast"),
                         [](const auto& table) { return std::string(table.param).substr(4); });

TEST_F(ZooTest, NumbersGoOnWhereTheyWere) {
  const std::string column = sql().Text(
      "SELECT attname FROM pg_attribute WHERE attrelid = 'zoo.everything'::regclass"
      " AND attidentity <> ''");
  const std::string next = absl::StrCat("SELECT nextval(pg_get_serial_sequence('zoo.everything', ",
                                        Literal(column), "))");
  // A session takes several at once, and uses up what it has of a sequence when that comes back.
  std::set<std::int64_t> seen = {sql().Number(next)};
  const std::int64_t first = *seen.begin();
  const std::int64_t step = sql().Number(next) - first;
  const auto goes_on = [&](const std::string& command) {
    const std::int64_t number = sql().Number(next);
    EXPECT_TRUE(seen.insert(number).second) << command;
    EXPECT_GT((number - first) / step, 1) << command;
    EXPECT_LT((number - first) / step, 100) << command;
    EXPECT_EQ((number - first) % step, 0) << command;
  };
  ASSERT_TRUE(Exits(kDone, Run(RunTable("zoo.everything"))));
  goes_on("run");
  for (const char* command : {"revert", "revert", "finish"}) {
    ASSERT_TRUE(Exits(kDone, Run({command, Job()})));
    goes_on(command);
  }
}

}  // namespace
}  // namespace server
