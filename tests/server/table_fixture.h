// What the tests of tables share.

#ifndef TESTS_SERVER_TABLE_FIXTURE_H_
#define TESTS_SERVER_TABLE_FIXTURE_H_

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/server/fixture.h"
#include "tests/server/table_zoo.h"

namespace server {

class TableTest : public ServerTest {
 protected:
  static Arguments RunTable(const std::string& name, const Arguments& more = {}) {
    Arguments arguments = {"run", "table", name, "--no-throttle"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  // Lines that only one of two dumps has.
  static std::vector<std::string> Differences(const std::string& before, const std::string& after) {
    const std::vector<std::string> a = absl::StrSplit(before, '\n');
    const std::vector<std::string> b = absl::StrSplit(after, '\n');
    std::vector<std::string> lines;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(lines));
    for (std::string& line : lines) line = "- " + line;
    std::vector<std::string> more;
    std::set_difference(b.begin(), b.end(), a.begin(), a.end(), std::back_inserter(more));
    for (const std::string& line : more) lines.push_back("+ " + line);
    return lines;
  }

  // The image of a table's rows but for their order; the same for two tables with the same rows.
  std::string Image(const std::string& table) { return ZooImage(sql(), table); }

  // The table that does not bear the name.
  std::string Other(const std::string& table) {
    return sql().Text(
        "SELECT format('%I.%I', c.relnamespace::regnamespace, c.relname) FROM pg_class c"
        " WHERE c.relname IN ($1 || '__old', $1 || '__new')"
        " AND c.relkind = 'r'",
        {table});
  }

  void ExpectNothingOfOurs() {
    EXPECT_TRUE(Clean());
    EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_class WHERE relname ~ '__(new|old)'"), "0");
    EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_trigger WHERE tgname ~ '^pg_restructure'"), "0");
    EXPECT_EQ(
        sql().Text("SELECT count(*) FROM pg_class WHERE relnamespace ="
                   " 'restructure'::regnamespace AND relname ~ '_[0-9]+$' AND relkind <> 'i'"),
        "0");
  }

  // public.orders, in no order of its customers, with a UNIQUE column, and items that refer to it.
  void CreateOrders(int rows) {
    sql().Exec(absl::StrCat(
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer int, placed timestamptz NOT NULL,"
        " amount numeric, ticket int NOT NULL CONSTRAINT orders_ticket UNIQUE);"
        "INSERT INTO orders SELECT i, nullif(i * 7919 % 997, 0), timestamptz '2026-01-01'"
        " + i * interval '1 min', i * 1.5, i FROM generate_series(1, ",
        rows,
        ") i;"
        "CREATE TABLE items (id bigserial PRIMARY KEY, order_id bigint NOT NULL,"
        " CONSTRAINT items_of_order FOREIGN KEY (order_id) REFERENCES orders ON UPDATE CASCADE"
        " ON DELETE CASCADE);"
        "INSERT INTO items (order_id) SELECT id FROM orders;"
        "CREATE VIEW big_orders AS SELECT * FROM orders WHERE amount > 100; ANALYZE"));
  }
};

}  // namespace server

#endif  // TESTS_SERVER_TABLE_FIXTURE_H_
