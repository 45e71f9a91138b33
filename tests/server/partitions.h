// A partition tree with all that one may have, and who writes to it.
//
//   orders                        by day
//     orders_2024                 by region
//       orders_2024_eu            de, fr; with many things of its own
//       orders_2024_us            by hash: orders_2024_us0, orders_2024_us1
//       orders_2024_rest          the default partition
//     orders_2025                 its columns lie otherwise, and one was dropped
//     orders_other                the default partition
//   customers                     that orders refer to

#ifndef TESTS_SERVER_PARTITIONS_H_
#define TESTS_SERVER_PARTITIONS_H_

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/fixture.h"

namespace server {

class PartitionsTest : public ServerTest {
 protected:
  void TearDown() override;

  // The tree with so many orders, and more of them; customers 1 to 50.
  void CreateTree(int rows);
  void Fill(int rows);

  static Arguments RunTable(const std::string& name, const Arguments& more = {});

  // All rows of a table of the schema public, as text.
  std::string Image(const std::string& table);

  // The table beside a leaf, LEAF__new or LEAF__old.
  std::string Other(const std::string& leaf);

  // The structure of the tree (structure_dump.h), and the lines that only one of two has; what a
  // job needs for a time is left out.
  std::string Dump();
  static std::vector<std::string> Differences(const std::string& before, const std::string& after);

  // Neither tables, nor triggers, constraints, functions.
  void ExpectNothingOfOurs();
};

// Writes through the tree, and the same into a plain table beside it, mirror (id, placed, region,
// customer, amount, ticket), in the same transactions, until it is stopped or something fails.
class TreeWriter {
 public:
  // Of seeds 0 to 2 each has customers of its own: writers meet in pages but not in rows.
  TreeWriter(const Target& target, int seed);
  ~TreeWriter() { Stop(); }
  void Stop();

  int done() const { return done_; }
  // Sound after Stop; empty: nothing failed.
  const std::string& error() const { return error_; }

 private:
  void Work(const Target& target, int seed);

  std::atomic<bool> stop_{false};
  std::atomic<int> done_{0};
  std::string error_;
  std::thread thread_;
};

}  // namespace server

#endif  // TESTS_SERVER_PARTITIONS_H_
