// pgbench's accounts as a table that is worth a rebuild: what makes it one, what shows it, and how
// the demo proves in SQL that the rebuild lost nothing.

#ifndef TOOLS_DEMO_ACCOUNTS_H_
#define TOOLS_DEMO_ACCOUNTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/demo_cluster.h"

namespace tools {

// To be executed one by one, before the traffic starts: every account gets a balance, which
// leaves half of the table empty, and in no order of the balances. The sum stays 0.
std::vector<std::string> SpreadBalances();

// A row for people: sizes, correlation, and on how many pages the richest accounts lie.
std::string ShapeOfAccounts();

struct Proof {
  std::int64_t rows = 0;  // looked at
  std::int64_t differences = 0;
  std::string text;  // What was seen, a line for people.
};

// Compares each row of the table with the one that the rebuild keeps equal to it, in one snapshot.
absl::StatusOr<Proof> CompareWithRetired(const DemoCluster& cluster);

// What TPC-B keeps, in one snapshot: `accounts` accounts, whose balances sum up to the tellers',
// the branches' and the history's.
absl::StatusOr<Proof> BalanceBooks(const DemoCluster& cluster, std::int64_t accounts);

}  // namespace tools

#endif  // TOOLS_DEMO_ACCOUNTS_H_
