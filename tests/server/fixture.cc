#include "tests/server/fixture.h"

namespace server {

Arguments CreateSetArguments(const Arguments& more) {
  Arguments arguments = {"create",
                         "set",
                         "public.members_of_owner",
                         "--member",
                         "public.members",
                         "--owner",
                         "owner_id",
                         "--key",
                         kFirstKey,
                         "--carry",
                         "rank"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Arguments RunSetArguments(const Arguments& more) {
  Arguments arguments = {"run", "set", "public.members_of_owner", "--key", kSecondKey};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

testing::AssertionResult Exits(ExitCode code, const Outcome& outcome) {
  if (!outcome.hung && outcome.exit_code == code) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "expected exit code " << code << "\n" << outcome;
}

testing::AssertionResult None(const std::vector<std::string>& complaints) {
  if (complaints.empty()) return testing::AssertionSuccess();
  testing::AssertionResult failure = testing::AssertionFailure();
  failure << complaints.size() << " complaints:\n";
  for (const std::string& complaint : complaints) failure << "  " << complaint << "\n";
  return failure;
}

std::vector<std::string> Objects(Client& client) {
  constexpr char kOurs[] = "('pg_catalog', 'information_schema', 'pg_toast', 'restructure')";
  const std::string not_ours = std::string(" NOT IN ") + kOurs + " ";
  std::vector<std::string> objects;
  for (const Row& row :
       client.Query("SELECT 'relation ' || c.oid::regclass FROM pg_class c"
                    "  JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname" +
                    not_ours +
                    "UNION ALL SELECT 'function ' || p.oid::regprocedure FROM pg_proc p"
                    "  JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname" +
                    not_ours +
                    "UNION ALL SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass"
                    "  FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid"
                    "  JOIN pg_namespace n ON n.oid = relnamespace"
                    "  WHERE NOT tgisinternal AND nspname" +
                    not_ours +
                    "UNION ALL SELECT 'schema ' || nspname FROM pg_namespace"
                    "  WHERE nspname !~ '^pg_' ORDER BY 1")) {
    objects.push_back(*row[0]);
  }
  return objects;
}

void ServerTest::SetUp() {
  target_ = Cluster::Get().CreateDatabase();
  client_ = std::make_unique<Client>(target_.Conninfo("test"));
}

void ServerTest::TearDown() {
  client_.reset();
  if (!target_.database.empty()) Cluster::Get().DropDatabase(target_);
}

void ServerTest::CreateSet(std::int64_t rows) {
  CreateMembers(sql(), rows);
  ASSERT_TRUE(Exits(kDone, Run(CreateSetArguments())));
}

std::string ServerTest::Job() { return sql().Text("SELECT max(job_id) FROM restructure.job"); }

std::string ServerTest::Phase() {
  if (sql().Holds("to_regclass('restructure.job') IS NULL")) return "";
  const Rows rows = sql().Query("SELECT phase FROM restructure.job ORDER BY job_id DESC LIMIT 1");
  return rows.empty() ? "" : rows[0][0].value_or("");
}

bool ServerTest::AwaitPhase(const std::string& phase) {
  return Eventually([&] { return Phase() == phase; });
}

bool ServerTest::AwaitStage(const std::string& stage) {
  return Eventually([&] {
    return sql().Holds("to_regclass('restructure.structures') IS NOT NULL") &&
           sql().Holds(
               "EXISTS (SELECT FROM restructure.structures WHERE role = 'replacement'"
               " AND stage = " +
               Literal(stage) + ")");
  });
}

bool ServerTest::HasSwapped() {
  return sql().Holds(
      "(SELECT swapped_at IS NOT NULL FROM restructure.job ORDER BY job_id DESC LIMIT 1)");
}

bool ServerTest::ToolRuns(const std::string& pattern) {
  return sql().Holds(
      "EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'pg\\_restructure%'"
      " AND datname = current_database() AND state = 'active' AND query LIKE " +
      Literal(pattern) + ")");
}

std::vector<std::string> ServerTest::Differences() {
  std::vector<std::string> differences = CompareImages(sql(), MembersOfOwner());
  for (const std::string& table : SideTables(sql(), "public", "members_of_owner")) {
    const std::vector<std::string> more = CompareImages(sql(), MembersOfOwner(), table);
    differences.insert(differences.end(), more.begin(), more.end());
  }
  return differences;
}

testing::AssertionResult ServerTest::Aborts() {
  const Outcome outcome = Run({"abort", Job()});
  if (outcome.exit_code == kAborted) return testing::AssertionSuccess();
  return Exits(kDone, outcome);
}

testing::AssertionResult ServerTest::Clean() { return Exits(kDone, Run({"doctor"})); }

}  // namespace server
