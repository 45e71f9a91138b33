#include "restructure/set/refusals.h"

#include "gtest/gtest.h"
#include "restructure/refusals.h"

namespace restructure {
namespace {

catalog::TableFacts Orders() {
  catalog::TableFacts table;
  table.name = {"public", "orders"};
  table.owner = "shop";
  table.we_own_it = true;
  table.columns = {{"id", "bigint", "", true, true}, {"note", "text", "", false, false}};
  table.unique_indexes = {{"orders_pkey", {"id"}, true, true}};
  return table;
}

TEST(RefuseServer, NamesTheVersionThatIsTooOld) {
  catalog::ServerFacts server;
  server.version = 130012;
  server.version_text = "13.12";
  EXPECT_EQ(RefuseServer(server).message(),
            "the server is PostgreSQL 13.12, 14 or later is needed\n"
            "HINT: upgrade the server; its block ranges cannot be read in order before 14.");
  server.version = 140000;
  EXPECT_TRUE(RefuseServer(server).ok());
}

TEST(RefuseServer, NamesAStandby) {
  catalog::ServerFacts server;
  server.version = 150000;
  server.in_recovery = true;
  EXPECT_EQ(RefuseServer(server).message(),
            "the server is a standby: nothing can be written\nHINT: connect to the primary.");
}

TEST(RefuseNoKey, SaysWhichIndexWouldDo) {
  catalog::TableFacts table = Orders();
  EXPECT_TRUE(RefuseNoKey(table).ok());
  table.unique_indexes = {{"orders_note", {"note"}, false, false}};
  EXPECT_EQ(
      RefuseNoKey(table).message(),
      "public.orders has no key: the unique index orders_note is over nullable columns "
      "(note)\nHINT: the index would do if they were NOT NULL: ALTER TABLE public.orders, then "
      "ALTER COLUMN ... SET NOT NULL for each.");
  table.unique_indexes.clear();
  EXPECT_FALSE(RefuseNoKey(table).ok());
}

TEST(RefuseForeignMember, NamesTheOwner) {
  catalog::TableFacts table = Orders();
  table.we_own_it = false;
  catalog::ServerFacts server;
  server.user = "dba";
  EXPECT_EQ(RefuseForeignMember(table, server).message(),
            "role dba does not own public.orders\nHINT: run as its owner shop, or GRANT shop TO "
            "dba.");
}

TEST(RefuseUnknownColumns, ListsTheKnownOnes) {
  EXPECT_EQ(RefuseUnknownColumns(Orders(), {"nope"}, "--key").message(),
            "table public.orders has no column nope (--key)\nHINT: its columns are id, note.");
}

TEST(RefuseMemberKind, NamesWhatItIs) {
  catalog::TableFacts table = Orders();
  EXPECT_TRUE(RefuseMemberKind(table).ok());
  table.kind = 'v';
  EXPECT_EQ(RefuseMemberKind(table).message(),
            "public.orders is a view\nHINT: name the table that it reads.");
  table.kind = 'r';
  table.persistence = 'u';
  EXPECT_EQ(RefuseMemberKind(table).message(),
            "public.orders is an unlogged table: a crash empties it, and would not empty the set\n"
            "HINT: make it logged first: ALTER TABLE ... SET LOGGED.");
}

TEST(RefuseLongName, LeavesRoomForSuffixes) {
  EXPECT_TRUE(RefuseLongName({"s", std::string(catalog::kAliasBytesMax, 'a')}).ok());
  EXPECT_FALSE(RefuseLongName({"s", std::string(catalog::kAliasBytesMax + 1, 'a')}).ok());
}

TEST(RefuseSameOrder, KnowsAKeyThatIsWrittenDifferently) {
  catalog::SetDefinition set;
  set.alias = {"public", "s"};
  set.key = {"id"};
  set.owner = {"note"};
  catalog::Structure live, replacement;
  live.sort_key = *catalog::ParseSortKey("id");
  replacement.sort_key = *catalog::ParseSortKey("ID asc nulls last");
  EXPECT_EQ(RefuseSameOrder(set, live, replacement, {}).message(),
            "set public.s has the sort key id already: there is nothing to do\n"
            "HINT: give another --key, or --show for more columns.");
  replacement.sort_key = *catalog::ParseSortKey("id desc");
  EXPECT_TRUE(RefuseSameOrder(set, live, replacement, {}).ok());
}

}  // namespace
}  // namespace restructure
