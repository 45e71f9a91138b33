// What doctor says about jobs on tables: nothing while all is well, and what is left over or gone.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"

namespace server {
namespace {

class TableDoctorTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    sql().Exec(
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer int, amount numeric);"
        "INSERT INTO orders SELECT i, i * 7919 % 97, i FROM generate_series(1, 300) i");
  }

  Outcome RunOrders(const Arguments& more = {}) {
    Arguments arguments = {"run", "table", "orders", "--no-throttle"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments);
  }

  // What doctor finds, in its order, "WHAT | HINT".
  std::vector<std::string> Findings() {
    const Outcome outcome = Run({"doctor", "--json"});
    std::vector<std::string> findings;
    const nlohmann::json json = nlohmann::json::parse(outcome.out, nullptr, false);
    if (!json.is_object()) return {"doctor said: " + outcome.out + outcome.err};
    for (const nlohmann::json& finding : json.at("findings")) {
      findings.push_back(absl::StrCat(finding.at("what").get<std::string>(), " | ",
                                      finding.at("hint").get<std::string>()));
    }
    EXPECT_TRUE(Exits(findings.empty() ? kDone : kLeftovers, outcome));
    return findings;
  }

  testing::AssertionResult Finds(const std::string& what, const std::string& hint) {
    return FindsAll({absl::StrCat(what, " | ", hint)});
  }

  testing::AssertionResult FindsAll(std::vector<std::string> expected) {
    std::vector<std::string> found = Findings();
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    if (found == expected) return testing::AssertionSuccess();
    testing::AssertionResult failure = testing::AssertionFailure();
    for (const std::string& finding : found) failure << "found    " << finding << "\n";
    for (const std::string& finding : expected) failure << "expected " << finding << "\n";
    return failure;
  }
};

TEST_F(TableDoctorTest, FindsNothingAtAnyPointOfAJob) {
  ASSERT_TRUE(Exits(kDone, RunOrders({"--hold-before-swap"})));
  EXPECT_TRUE(Clean());
  for (const char* command : {"swap", "revert", "revert", "finish"}) {
    ASSERT_TRUE(Exits(kDone, Run({command, Job()})));
    EXPECT_TRUE(Clean()) << "after " << command;
  }
  // The next job gives the same names again.
  ASSERT_TRUE(Exits(kDone, RunOrders()));
  EXPECT_TRUE(Clean());
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  ASSERT_TRUE(Exits(kDone, RunOrders({"--hold-before-swap"})));
  ASSERT_TRUE(Exits(kDone, Run({"abort", Job()})));
  EXPECT_TRUE(Clean());
}

TEST_F(TableDoctorTest, AnInvalidIndexOfTheUserIsTheUsers) {
  ASSERT_TRUE(Exits(kDone, RunOrders({"--hold-before-swap"})));
  sql().Exec("INSERT INTO orders VALUES (1000, 1, 1), (1001, 1, 1)");
  EXPECT_EQ(sql().Try("CREATE UNIQUE INDEX CONCURRENTLY twice ON orders (customer, amount)"),
            "23505");
  EXPECT_TRUE(Clean());
}

TEST_F(TableDoctorTest, FindsAllOfAJobThatIsInTheLedgerNoMore) {
  ASSERT_TRUE(Exits(kDone, RunOrders()));
  // Structure 1 is the old table, kept equal by the new one's triggers; structure 2 is the new one.
  sql().Exec("UPDATE restructure.job SET open = false, outcome = 'lost'");
  const std::string structure =
      "drop its triggers and helpers, and delete its row from restructure.structure; the table"
      " itself may be the one that bears the name.";
  std::vector<std::string> expected = {
      "structure 1 (public.orders__old) is neither live nor part of an open job | " + structure,
      "structure 2 (public.orders) is neither live nor part of an open job | " + structure,
      "table public.orders__old of job 1 on public.orders is left over | look whether its rows are"
      " wanted, then DROP TABLE public.orders__old."};
  const auto trigger = [&](const std::string& name, const std::string& table) {
    expected.push_back(absl::StrCat("trigger ", name, " on ", table,
                                    " is left over | DROP TRIGGER ", name, " ON ", table, "."));
  };
  for (const char* event : {"insert", "update", "delete", "truncate"}) {
    trigger(absl::StrCat("pg_restructure_1_sync_", event), "public.orders");
  }
  for (const char* helper :
       {"relation restructure.source_1", "relation restructure.source_2",
        "relation restructure.keys_1", "relation restructure.taken_1", "function restructure.log_1",
        "relation restructure.keys_2", "relation restructure.taken_2", "function restructure.log_2",
        "function restructure.sync_1", "function restructure.sync_2"}) {
    expected.push_back(
        absl::StrCat(helper, " is left over | drop it: no set and no open job uses it."));
  }
  EXPECT_TRUE(FindsAll(expected));
  // Its hints, followed, leave nothing and take nothing.
  sql().Exec(
      "DROP VIEW restructure.source_1, restructure.source_2;"
      "DROP TABLE restructure.keys_1, restructure.taken_1, restructure.keys_2, restructure.taken_2;"
      "DROP TABLE orders__old;"
      "DROP FUNCTION restructure.log_1, restructure.log_2, restructure.sync_2;"
      "DROP FUNCTION restructure.sync_1 CASCADE;"
      "DELETE FROM restructure.structure");
  EXPECT_TRUE(Clean());
  EXPECT_EQ(sql().Text("SELECT count(*) FROM orders"), "300");
}

TEST_F(TableDoctorTest, FindsTheTriggersAndLogsOfAJobThatIsInTheLedgerNoMore) {
  ASSERT_TRUE(Exits(kDone, RunOrders({"--hold-before-swap"})));
  sql().Exec(
      "DELETE FROM restructure.job; DELETE FROM restructure.structure;"
      "ALTER TABLE orders__new RENAME TO mine");
  for (const std::string& finding : Findings()) {
    EXPECT_NE(finding.find(" is left over | "), std::string::npos) << finding;
  }
  EXPECT_GE(Findings().size(), 12u);
}

TEST_F(TableDoctorTest, FindsATableThatWasMadeAnewUnderARetiredName) {
  ASSERT_TRUE(Exits(kDone, RunOrders({"--soak", "0"})));
  EXPECT_TRUE(Clean());
  sql().Exec("CREATE TABLE orders__old AS TABLE orders");
  const std::string hint = "look whether its rows are wanted, then DROP TABLE public.orders__old.";
  EXPECT_TRUE(Finds("table public.orders__old of job 1 on public.orders is left over", hint));
  // Another job on the same table passes the name by, and does not excuse it.
  ASSERT_TRUE(Exits(kDone, RunOrders()));
  EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_class WHERE relname = 'orders__old_x2'"), "1");
  EXPECT_TRUE(Finds("table public.orders__old of job 1 on public.orders is left over", hint));
  ASSERT_TRUE(Exits(kDone, Run({"finish", Job()})));
  sql().Exec("DROP TABLE orders__old");
  EXPECT_TRUE(Clean());
}

struct Loss {
  const char* name;
  bool swapped;
  const char* lost;  // the table that somebody drops
  const char* what;
  const char* hint;

  friend void PrintTo(const Loss& loss, std::ostream* stream) { *stream << loss.name; }
};

class LossTest : public TableDoctorTest, public testing::WithParamInterface<Loss> {};

TEST_P(LossTest, IsFoundAndItsHintWorks) {
  const Loss& loss = GetParam();
  ASSERT_TRUE(Exits(kDone, loss.swapped ? RunOrders() : RunOrders({"--hold-before-swap"})));
  sql().Exec(absl::StrCat("DROP TABLE ", loss.lost, " CASCADE"));
  EXPECT_TRUE(Finds(loss.what, loss.hint));
  ASSERT_TRUE(Exits(kDone, Run({loss.swapped ? "finish" : "abort", Job()})));
  const bool bore_the_name = std::string(loss.lost) == "orders";
  if (bore_the_name && loss.swapped) sql().Exec("ALTER TABLE orders__old RENAME TO orders");
  EXPECT_TRUE(Clean());
  EXPECT_EQ(sql().Text("SELECT count(*) FROM pg_class WHERE relname ~ '^orders' AND relkind = 'r'"),
            bore_the_name && !loss.swapped ? "0" : "1");
}

INSTANTIATE_TEST_SUITE_P(
    Tables, LossTest,
    testing::Values(
        Loss{"new_before", false, "orders__new",
             "job 1 on public.orders has lost its table public.orders__new",
             "pg_restructure abort 1"},
        Loss{"live_before", false, "orders",
             "job 1 on public.orders has lost its table public.orders",
             "its rows are in public.orders__new, which goes too: keep what is wanted, then "
             "pg_restructure abort 1"},
        Loss{"old_after", true, "orders__old",
             "job 1 on public.orders has lost its table public.orders__old",
             "pg_restructure finish 1"},
        Loss{"live_after", true, "orders",
             "job 1 on public.orders has lost its table public.orders",
             "its rows are in public.orders__old, which stays: rename it after "
             "pg_restructure finish 1"}),
    [](const auto& loss) { return std::string(loss.param.name); });

}  // namespace
}  // namespace server
