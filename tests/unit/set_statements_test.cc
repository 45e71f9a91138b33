#include "catalog/set_statements.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "catalog/table_statements.h"
#include "gtest/gtest.h"

namespace catalog {
namespace {

SetDefinition OddSet() {
  SetDefinition set;
  set.set_id = 3;
  set.alias = {"app", "odd\"alias"};
  set.member = {"app", "member"};
  set.key = {"id"};
  set.owner = {"own er"};
  set.shown = {"own er", "id"};
  return set;
}

Structure OddStructure() {
  Structure structure;
  structure.structure_id = 7;
  structure.table = {"app", "odd\"alias__2"};
  structure.sort_key = {{"rank", {}, true, true}};
  structure.columns = {{"own er", "integer", "", true, true},
                       {"rank", "numeric", "", false, false},
                       {"id", "bigint", "", true, true},
                       {"hits", "integer", "", false, true}};
  return structure;
}

TEST(PointAliasAt, ShowsTheAliasColumnsInSetOrder) {
  EXPECT_EQ(PointAliasAt(OddSet(), OddStructure()),
            R"(CREATE OR REPLACE VIEW "app"."odd""alias" AS SELECT n."own er", n."id" )"
            R"(FROM "app"."odd""alias__2" n ORDER BY n."own er" ASC NULLS LAST, )"
            R"(n."rank" DESC NULLS FIRST, n."id" ASC NULLS LAST)");
}

TEST(CreateOrderIndex, IncludesCarriedColumnsOfFixedWidthOnly) {
  Structure structure = OddStructure();
  structure.columns.push_back({"body", "text", "", false, false});
  EXPECT_EQ(CreateOrderIndex(OddSet(), structure),
            R"(CREATE INDEX "odd""alias__2_order" ON "app"."odd""alias__2" )"
            R"(("own er" ASC NULLS LAST, "rank" DESC NULLS FIRST, "id" ASC NULLS LAST) )"
            R"(INCLUDE ("hits"))");
}

TEST(SwitchToSync, IsOneStatement) {
  EXPECT_EQ(SwitchToSync(OddSet(), OddStructure()),
            R"(ALTER TABLE "app"."member" DISABLE TRIGGER "pg_restructure_7_log_insert", )"
            R"(DISABLE TRIGGER "pg_restructure_7_log_update", )"
            R"(DISABLE TRIGGER "pg_restructure_7_log_delete", )"
            R"(ENABLE ALWAYS TRIGGER "pg_restructure_7_sync_insert", )"
            R"(ENABLE ALWAYS TRIGGER "pg_restructure_7_sync_update", )"
            R"(ENABLE ALWAYS TRIGGER "pg_restructure_7_sync_delete", )"
            R"(ENABLE ALWAYS TRIGGER "pg_restructure_7_sync_truncate")");
}

// Whatever the builds of sets and tables create.
std::vector<std::string> AllOfAStructure() {
  std::vector<std::string> all;
  for (const std::vector<std::string>& statements :
       {CreateStructure(OddSet(), OddStructure(), "o\"wner"),
        CreateKeyLog(OddSet(), OddStructure(), "o\"wner"),
        CreateTableSyncFunction(OddSet(), OddStructure(), "o\"wner")}) {
    all.insert(all.end(), statements.begin(), statements.end());
  }
  return all;
}

TEST(CreateStructure, PinsTheSearchPathOfEveryFunction) {
  int functions = 0;
  for (const std::string& statement : AllOfAStructure()) {
    if (!absl::StrContains(statement, "CREATE OR REPLACE FUNCTION")) continue;
    ++functions;
    EXPECT_TRUE(absl::StrContains(
        statement, "SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off"))
        << statement;
  }
  EXPECT_EQ(functions, 3);
}

TEST(CreateStructure, GivesEverythingToTheOwnerOfTheMemberTable) {
  const std::string all = absl::StrJoin(AllOfAStructure(), ";");
  for (const char* given : {R"(ALTER TABLE "app"."odd""alias__2" OWNER TO "o""wner")",
                            R"(ALTER TABLE "restructure"."keys_7" OWNER TO "o""wner")",
                            R"(ALTER FUNCTION "restructure"."sync_7"() OWNER TO "o""wner")",
                            R"(ALTER FUNCTION "restructure"."log_7"() OWNER TO "o""wner")",
                            R"(REVOKE ALL ON FUNCTION "restructure"."log_7"() FROM PUBLIC)",
                            R"(REVOKE ALL ON FUNCTION "restructure"."sync_7"() FROM PUBLIC)"}) {
    EXPECT_TRUE(absl::StrContains(all, given)) << given;
  }
}

TEST(FullOrder, NamesEachColumnOnce) {
  Structure structure = OddStructure();
  structure.sort_key = {{"id", {}, true, true}, {"rank", {}, false, false}};
  const std::vector<SortColumn> order = FullOrder(OddSet(), structure);
  ASSERT_EQ(order.size(), 3u);
  EXPECT_EQ(order[1], (SortColumn{"id", {}, true, true}));
}

}  // namespace
}  // namespace catalog
