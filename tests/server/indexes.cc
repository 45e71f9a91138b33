#include "tests/server/indexes.h"

#include "gtest/gtest.h"

namespace server {

Arguments IndexesTest::RunIndex(const std::string& name, const Arguments& more) {
  Arguments arguments = {"run", "index", name, "--no-throttle"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string IndexesTest::Indexes(const std::string& table) {
  return sql().Text(
      "SELECT string_agg(pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE"
      " ' INVALID' END, E'\\n' ORDER BY indexrelid::regclass::text COLLATE \"C\")"
      " FROM pg_index WHERE indrelid = $1::text::regclass",
      {table});
}

void IndexesTest::ExpectNothingOfOurs() {
  EXPECT_TRUE(Clean());
  EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_class WHERE relname ~ '__(new|old)'"), "0");
}

}  // namespace server
