#include "catalog/partition_statements.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "catalog/set_statements.h"
#include "catalog/table_statements.h"
#include "gtest/gtest.h"

namespace catalog {
namespace {

SetDefinition Source(bool by_row) {
  SetDefinition set;
  set.member = {"app", "odd\"leaf"};
  set.key = {"a key", "id"};
  set.by_row = by_row;
  return set;
}

Structure Replacement() {
  Structure structure;
  structure.structure_id = 7;
  structure.table = {"app", "odd\"leaf__new"};
  structure.columns = {{"a key", "integer", "", true, true}, {"id", "bigint", "", true, true}};
  return structure;
}

std::string All(const std::vector<std::string>& statements) {
  return absl::StrJoin(statements, ";\n");
}

TEST(RowLogBody, LogsBothKeysOfAnUpdate) {
  EXPECT_EQ(RowLogBody(Source(true), Replacement()),
            R"(
BEGIN
IF TG_OP = 'INSERT' THEN
INSERT INTO "restructure"."keys_7" ("a key", "id") VALUES (NEW."a key", NEW."id");
ELSIF TG_OP = 'UPDATE' THEN
INSERT INTO "restructure"."keys_7" ("a key", "id") SELECT OLD."a key", OLD."id")"
            R"( UNION SELECT NEW."a key", NEW."id";
ELSE
INSERT INTO "restructure"."keys_7" ("a key", "id") VALUES (OLD."a key", OLD."id");
END IF;
RETURN NULL;
END
)");
}

TEST(ByRow, IsForPartitionsOnly) {
  EXPECT_FALSE(absl::StrContains(All(CreateLogTriggers(Source(false), Replacement())), "EACH ROW"));
  EXPECT_FALSE(absl::StrContains(All(CreateKeyLog(Source(false), Replacement(), "me")), "writer."));
  EXPECT_TRUE(CreateApplyTrigger(Source(false), Replacement()).empty());
  const std::string log = All(CreateLogTriggers(Source(true), Replacement()));
  EXPECT_FALSE(absl::StrContains(log, "EACH STATEMENT"));
  // Triggers by row with transition tables are not allowed on partitions.
  EXPECT_FALSE(absl::StrContains(log, "REFERENCING"));
  const std::string sync = All(CreateTableSyncTriggers(Source(true), Replacement()));
  EXPECT_FALSE(absl::StrContains(sync, "REFERENCING"));
  EXPECT_TRUE(absl::StrContains(
      sync, R"(AFTER DELETE ON "app"."odd""leaf" FOR EACH ROW EXECUTE FUNCTION)"));
  EXPECT_TRUE(absl::StrContains(All(CreateKeyLog(Source(true), Replacement(), "me")),
                                R"("id" bigint NOT NULL, "writer.xid" xid8)"));
}

TEST(ApplyBody, FailsNobodyButASerializationFailure) {
  const std::string body = ApplyBody(Source(true), Replacement());
  EXPECT_TRUE(absl::StrContains(body, "EXCEPTION WHEN OTHERS THEN\nIF SQLSTATE LIKE '40%' THEN"));
  EXPECT_TRUE(absl::StrContains(body, R"(DELETE FROM "restructure"."keys_7" WHERE "writer.xid" =)"
                                      R"( pg_catalog.pg_current_xact_id();)"));
}

}  // namespace
}  // namespace catalog
