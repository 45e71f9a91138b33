#include "tools/demo_accounts.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/report.h"

namespace tools {
namespace {

constexpr absl::Duration kLimit = absl::Hours(2);  // For as many rows as the demo may have.

// The numbers of the only row.
absl::StatusOr<std::vector<std::int64_t>> Numbers(const DemoCluster& cluster,
                                                  const std::string& sql, std::size_t count) {
  const absl::StatusOr<std::string> answer = cluster.Query(sql, kLimit);
  if (!answer.ok()) return answer.status();
  std::vector<std::int64_t> numbers;
  for (const absl::string_view field : absl::StrSplit(*answer, '|')) {
    std::int64_t number = 0;
    if (absl::SimpleAtoi(field, &number)) numbers.push_back(number);
  }
  if (numbers.size() == count) return numbers;
  return absl::InternalError(absl::StrCat("the server answers \"", *answer, "\""));
}

}  // namespace

std::vector<std::string> SpreadBalances() {
  // Of two accounts one gets what the other one owes: more than the traffic will ever move.
  return {
      "UPDATE pgbench_accounts\n"
      "SET abalance = (1 - 2 * (aid % 2)) * (hashint4((aid - 1) / 2) % 10000000)",
      "CREATE INDEX accounts_by_balance ON pgbench_accounts (abalance)",
      "VACUUM ANALYZE pgbench_accounts"};
}

std::string ShapeOfAccounts() {
  return "SELECT pg_size_pretty(pg_table_size('pgbench_accounts')) AS \"table\",\n"
         "       pg_size_pretty(pg_indexes_size('pgbench_accounts')) AS indexes,\n"
         "       (SELECT round(correlation::numeric, 2) FROM pg_stats\n"
         "        WHERE tablename = 'pgbench_accounts' AND attname = 'abalance') AS correlation,\n"
         "       (SELECT count(DISTINCT (ctid::text::point)[0]) FROM\n"
         "         (SELECT ctid FROM pgbench_accounts ORDER BY abalance DESC LIMIT 1000) r)\n"
         "         AS \"pages of the 1000 richest\"";
}

absl::StatusOr<Proof> CompareWithRetired(const DemoCluster& cluster) {
  const absl::StatusOr<std::vector<std::int64_t>> numbers =
      Numbers(cluster,
              "SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM o)"
              " FROM pgbench_accounts a FULL JOIN pgbench_accounts__old o USING (aid)",
              2);
  if (!numbers.ok()) return numbers.status();
  Proof proof{(*numbers)[0], (*numbers)[1], ""};
  proof.text = absl::StrCat(FormatCount(proof.rows), " rows compared, ",
                            FormatCount(proof.differences), " differences");
  return proof;
}

absl::StatusOr<Proof> BalanceBooks(const DemoCluster& cluster, std::int64_t accounts) {
  const absl::StatusOr<std::vector<std::int64_t>> numbers =
      Numbers(cluster,
              "SELECT count(*), sum(abalance), (SELECT sum(tbalance) FROM pgbench_tellers),"
              " (SELECT sum(bbalance) FROM pgbench_branches),"
              " (SELECT coalesce(sum(delta), 0) FROM pgbench_history) FROM pgbench_accounts",
              5);
  if (!numbers.ok()) return numbers.status();
  const std::vector<std::int64_t>& found = *numbers;
  Proof proof{found[0], found[0] == accounts ? 0 : 1, ""};
  for (std::size_t i = 2; i < found.size(); ++i) proof.differences += found[i] == found[1] ? 0 : 1;
  proof.text =
      absl::StrCat(FormatCount(found[0]), " accounts; sums of balances: accounts ", found[1],
                   ", tellers ", found[2], ", branches ", found[3], ", history ", found[4]);
  return proof;
}

}  // namespace tools
