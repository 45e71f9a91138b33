#include "catalog/sql_text.h"

#include "gtest/gtest.h"

namespace catalog {
namespace {

using Elements = std::vector<std::string>;

Elements Split(const char* text) {
  const absl::StatusOr<Elements> elements = SplitElements("index key", text);
  EXPECT_TRUE(elements.ok()) << elements.status();
  return elements.ok() ? *elements : Elements();
}

std::string Problem(const char* text) {
  const absl::StatusOr<Elements> elements = SplitElements("index key", text);
  EXPECT_EQ(elements.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(elements.status().message());
}

TEST(SplitElementsTest, SplitsAtTheOuterCommas) {
  EXPECT_EQ(Split("a"), (Elements{"a"}));
  EXPECT_EQ(Split(" a , lower(b) desc,c "), (Elements{"a", "lower(b) desc", "c"}));
  EXPECT_EQ(Split("coalesce(a, b), (c[1])"), (Elements{"coalesce(a, b)", "(c[1])"}));
}

TEST(SplitElementsTest, WhatIsQuotedIsNotLookedAt) {
  EXPECT_EQ(Split(R"("a,b", 'it''s, ) ;', "x""y,")").size(), 3U);
  EXPECT_EQ(Split(R"(E'\', ;--', b)").size(), 2U);
  EXPECT_EQ(Split("$$ a, ; $$, $x$ $$ ; $x$").size(), 2U);
  EXPECT_EQ(Split("name'', b").size(), 2U) << "an empty literal after a word";
}

TEST(SplitElementsTest, NothingLeavesItsParentheses) {
  EXPECT_NE(Problem("a); DROP TABLE t; --").find("was not opened"), std::string::npos);
  EXPECT_NE(Problem("a; b").find("a semicolon"), std::string::npos);
  EXPECT_NE(Problem("a -- b").find("a comment"), std::string::npos);
  EXPECT_NE(Problem("a /* b */").find("a comment"), std::string::npos);
  EXPECT_NE(Problem("(a").find("not closed"), std::string::npos);
  EXPECT_NE(Problem("(a]").find("was not opened"), std::string::npos);
  EXPECT_NE(Problem("'a").find("quote"), std::string::npos);
  EXPECT_NE(Problem("\"a").find("quote"), std::string::npos);
  EXPECT_NE(Problem("$x$ a").find("quote"), std::string::npos);
  EXPECT_NE(Problem("a + $1").find("parameter"), std::string::npos);
  EXPECT_NE(Problem("a, , b").find("empty"), std::string::npos);
  EXPECT_NE(Problem("").find("empty"), std::string::npos);
  EXPECT_NE(Problem("a,").find("HINT: "), std::string::npos);
}

TEST(TakeParenthesizedTest, LeavesWhatFollows) {
  absl::string_view text = "lower(a), \")\" DESC) INCLUDE (b)";
  const absl::StatusOr<std::string> inside = TakeParenthesized(&text);
  ASSERT_TRUE(inside.ok());
  EXPECT_EQ(*inside, "lower(a), \")\" DESC");
  EXPECT_EQ(text, " INCLUDE (b)");
  text = "a, (b";
  EXPECT_FALSE(TakeParenthesized(&text).ok());
}

}  // namespace
}  // namespace catalog
