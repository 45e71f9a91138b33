#include <string>
#include <vector>

#include "catalog/names.h"
#include "catalog/set_definition.h"
#include "catalog/sort_key.h"
#include "gtest/gtest.h"

namespace catalog {
namespace {

TEST(QuoteName, DoublesQuotes) {
  EXPECT_EQ(QuoteName(R"(a"; drop table x;--)"), R"("a""; drop table x;--")");
}

TEST(QuoteLiteral, EscapesQuotesAndBackslashes) {
  EXPECT_EQ(QuoteLiteral("it's"), "'it''s'");
  EXPECT_EQ(QuoteLiteral(R"(a\b'c)"), R"(E'a\\b''c')");
}

TEST(ParseQualifiedName, FoldsUnquotedPartsAndKeepsQuotedOnes) {
  EXPECT_EQ(*ParseQualifiedName("Public.Accounts"), (QualifiedName{"public", "accounts"}));
  EXPECT_EQ(*ParseQualifiedName(R"("My Schema"."a""b")"), (QualifiedName{"My Schema", "a\"b"}));
  EXPECT_EQ(*ParseQualifiedName("  t "), (QualifiedName{"", "t"}));
}

TEST(ParseQualifiedName, RefusesWhatIsNoName) {
  EXPECT_EQ(ParseQualifiedName("a.b.c").status().message(),
            "syntax error in name at \".c\": expected the end of the name\n"
            "HINT: write NAME or SCHEMA.NAME.");
  EXPECT_EQ(ParseQualifiedName("a; drop table x").status().message(),
            "syntax error in name at \"; drop table x\": expected a column or object name\n"
            "HINT: quote unusual names: \"My Column\".");
  EXPECT_EQ(ParseQualifiedName("").status().message(),
            "syntax error in name at the end: expected a name\n"
            "HINT: write NAME or SCHEMA.NAME.");
  EXPECT_EQ(ParseQualifiedName("\"\"").status().message(),
            "syntax error in name at \"\"\"\": expected a name between the quotes\n"
            "HINT: \"\" names nothing.");
  EXPECT_FALSE(ParseQualifiedName(std::string(64, 'a')).ok());
  EXPECT_TRUE(ParseQualifiedName(std::string(63, 'a')).ok());
}

TEST(ParseColumnList, ReadsNamesAndRefusesRepeats) {
  EXPECT_EQ(*ParseColumnList("a, \"B c\""), (std::vector<std::string>{"a", "B c"}));
  EXPECT_EQ(ParseColumnList("a, A").status().message(),
            "column a stands twice in the column list\nHINT: name each column once.");
  EXPECT_FALSE(ParseColumnList("a,").ok());
}

TEST(ParseSortKey, ReadsDirectionsNullsAndCollations) {
  const auto key = ParseSortKey("a DESC, b collate \"C\" nulls first, c desc nulls last");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ((*key)[0], (SortColumn{"a", {}, true, true}));
  EXPECT_EQ((*key)[1], (SortColumn{"b", {"", "C"}, false, true}));
  EXPECT_EQ((*key)[2], (SortColumn{"c", {}, true, false}));
}

TEST(ParseSortKey, WritesWhatItReads) {
  for (const char* text : {"a", "a desc", "a nulls first", "a desc nulls last, b",
                           "\"A b\" collate pg_catalog.\"C\" desc"}) {
    EXPECT_EQ(DisplaySortKey(*ParseSortKey(text)), text);
  }
}

TEST(ParseSortKey, RefusesExpressionsAndSmuggledSql) {
  EXPECT_EQ(ParseSortKey("lower(a)").status().message(),
            "syntax error in sort key at \"(a)\": expected a column or object name\n"
            "HINT: quote unusual names: \"My Column\".");
  EXPECT_FALSE(ParseSortKey("a; drop table x").ok());
  EXPECT_FALSE(ParseSortKey("a desc desc").ok());
  EXPECT_FALSE(ParseSortKey("").ok());
  EXPECT_EQ(ParseSortKey("a, a desc").status().message(),
            "column a stands twice in the sort key\nHINT: name each column once.");
}

TEST(SortColumnSql, WritesEverythingOut) {
  EXPECT_EQ(SortColumnSql({"x y", {"s", "C"}, true, false}, "n."),
            R"(n."x y" COLLATE "s"."C" DESC NULLS LAST)");
}

TEST(AliasBytesMax, LeavesRoomForTheLongestSuffix) {
  Structure structure;
  structure.table.name = std::string(kAliasBytesMax, 'x') + "__99999";
  EXPECT_LE(structure.OrderIndex().size(), kNameBytesMax);
}

}  // namespace
}  // namespace catalog
