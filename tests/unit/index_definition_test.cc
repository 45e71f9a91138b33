#include "catalog/index_definition.h"

#include "gtest/gtest.h"
#include "restructure/index/refusals.h"

namespace catalog {
namespace {

IndexDefinition Full() {
  return {true,   true,   "btree", "a DESC, lower(b)", {"c", "odd\"name"}, {"fillfactor=80"},
          "fast", "d > 0"};
}

TEST(IndexDefinitionTest, BecomesTheEndOfCreateIndex) {
  EXPECT_EQ(
      IndexSql(Full()),
      " USING \"btree\" (a DESC, lower(b)) INCLUDE (\"c\", \"odd\"\"name\") NULLS NOT DISTINCT"
      " WITH (\"fillfactor\" = '80') TABLESPACE \"fast\" WHERE (d > 0)");
  EXPECT_EQ(IndexSql({false, false, "gin", "tags", {}, {}, "", ""}), " USING \"gin\" (tags)");
}

TEST(IndexDefinitionTest, ComesBackFromTheLedger) {
  EXPECT_TRUE(IndexDefinitionFromJson(ToJson(Full())) == Full());
  EXPECT_FALSE(IndexDefinitionFromJson("not JSON") == Full());
}

}  // namespace
}  // namespace catalog

namespace restructure {
namespace {

catalog::IndexFacts Facts() {
  catalog::IndexFacts index;
  index.name = {"public", "i"};
  index.table = {"public", "t"};
  index.valid = true;
  index.we_own_table = true;
  index.definition = {false, false, "btree", "a, b", {}, {}, "", ""};
  index.key_columns = {"a", "b"};
  return index;
}

catalog::TriedDefinition Tried(const std::string& keys, const std::vector<std::string>& columns) {
  catalog::TriedDefinition tried;
  tried.definition = {true, false, "btree", keys, {}, {}, "", ""};
  tried.key_columns = columns;
  tried.default_order = true;
  return tried;
}

bool Names(const absl::Status& status, const std::string& part) {
  const std::string message(status.message());
  return !status.ok() && message.find(part) != std::string::npos &&
         message.find("\nHINT: ") != std::string::npos;
}

TEST(IndexRefusalsTest, WhatAnIndexIs) {
  EXPECT_TRUE(RefuseIndex(Facts(), {}).ok());
  const auto refused = [](void (*change)(catalog::IndexFacts&), const std::string& part) {
    catalog::IndexFacts index = Facts();
    change(index);
    EXPECT_TRUE(Names(RefuseIndex(index, {}), part)) << part << RefuseIndex(index, {});
  };
  refused([](catalog::IndexFacts& i) { i.is_system = true; }, "system table");
  refused([](catalog::IndexFacts& i) { i.we_own_table = false; }, "does not own");
  refused([](catalog::IndexFacts& i) { i.persistence = 't'; }, "temporary");
  refused([](catalog::IndexFacts& i) { i.is_partition = true; }, "partitioned table above");
  refused([](catalog::IndexFacts& i) { i.valid = false; }, "invalid");
  refused([](catalog::IndexFacts& i) { i.has_foreign_leaf = true; }, "foreign table");
  refused([](catalog::IndexFacts& i) { i.constraint_type = 'x'; }, "exclusion constraint");
  refused([](catalog::IndexFacts& i) { i.constraint_type = 'p', i.partitioned = true; },
          "partitioned table");
}

TEST(IndexRefusalsTest, WhatAConstraintNeeds) {
  catalog::IndexFacts index = Facts();
  EXPECT_TRUE(RefuseUnderConstraint(index, Tried("lower(a)", {}), {}).ok()) << "no constraint";
  index.constraint = "t_pkey";
  index.constraint_type = 'p';
  EXPECT_TRUE(RefuseUnderConstraint(index, Tried("b, a", {"b", "a"}), {}).ok());
  EXPECT_TRUE(Names(RefuseUnderConstraint(index, Tried("b, a", {"b", "a"}), {"b"}), "NOT NULL"));
  catalog::TriedDefinition tried = Tried("b DESC", {"b"});
  tried.default_order = false;
  EXPECT_TRUE(Names(RefuseUnderConstraint(index, tried, {}), "not the default"));
  tried = Tried("b", {"b"});
  tried.definition.predicate = "b > 0";
  EXPECT_TRUE(Names(RefuseUnderConstraint(index, tried, {}), "no condition"));
  tried = Tried("lower(b)", {});
  tried.has_expressions = true;
  EXPECT_TRUE(Names(RefuseUnderConstraint(index, tried, {}), "no expressions"));
  index.dependants = {"view v"};
  EXPECT_TRUE(Names(RefuseUnderConstraint(index, Tried("b, a", {"b", "a"}), {}), "view v"));
}

TEST(IndexRefusalsTest, WhatForeignKeysNeed) {
  catalog::IndexFacts index = Facts();
  index.constraint = "t_pkey";
  catalog::ForeignKey key;
  key.table = {"public", "c"};
  key.name = "c_fk";
  key.columns = {"a", "b"};
  key.we_own_table = true;
  index.foreign_keys = {key};
  EXPECT_TRUE(RefuseForeignKeys(index, Tried("b, a", {"b", "a"}), {}).ok());
  EXPECT_TRUE(Names(RefuseForeignKeys(index, Tried("b", {"b"}), {}), "has others"));
  index.foreign_keys[0].partitioned = true;
  EXPECT_TRUE(Names(RefuseForeignKeys(index, Tried("b, a", {"b", "a"}), {}), "NOT VALID"));
  index.foreign_keys[0].we_own_table = false;
  EXPECT_TRUE(Names(RefuseForeignKeys(index, Tried("b, a", {"b", "a"}), {}), "does not own"));
  index.constraint.clear();
  EXPECT_TRUE(Names(RefuseForeignKeys(index, Tried("b, a", {"b", "a"}), {}), "no constraint"));
}

TEST(IndexRefusalsTest, WhatWouldChangeNothing) {
  catalog::TriedDefinition tried = Tried("a, b", {"a", "b"});
  tried.definition.unique = false;
  EXPECT_TRUE(Names(RefuseSameIndex(Facts(), tried), "nothing to do"));
  tried.definition.keys = "b, a";
  EXPECT_TRUE(RefuseSameIndex(Facts(), tried).ok());
  EXPECT_TRUE(RefuseDuplicates(Facts(), tried, {}).ok());
  EXPECT_TRUE(Names(RefuseDuplicates(Facts(), tried, {"(1) 2 times"}), "(1) 2 times"));
}

}  // namespace
}  // namespace restructure
