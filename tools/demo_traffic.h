// pgbench's own TPC-B transactions, running all the time while the demo works, and what its
// transaction log says about them afterwards.

#ifndef TOOLS_DEMO_TRAFFIC_H_
#define TOOLS_DEMO_TRAFFIC_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/child_process.h"
#include "tools/demo_cluster.h"

namespace tools {

// One transaction, as pgbench logged it.
struct Transaction {
  absl::Time ended;
  absl::Duration latency;  // With an open-loop rate: since the time it was due.
  bool failed = false;     // Then the latency is not known.
};

// One line of pgbench's transaction log; nothing if it is not one.
std::optional<Transaction> ParseTransaction(absl::string_view line);

struct TrafficFigures {
  std::int64_t transactions = 0;
  std::int64_t failed = 0;
  absl::Duration p50;
  absl::Duration p99;
  absl::Duration longest;
};

// The figures of the transactions that ended in [from, to).
TrafficFigures FiguresBetween(const std::vector<Transaction>& transactions, absl::Time from,
                              absl::Time to);

// Not thread-safe. Traffic that still runs when this is destroyed is killed. The cluster must
// outlive it.
class DemoTraffic {
 public:
  explicit DemoTraffic(const DemoCluster& cluster) : cluster_(cluster) {}

  // Runs at full speed for `duration`; returns transactions per second.
  absl::StatusOr<double> Measure(absl::Duration duration);

  // Starts traffic in the background, at a rate that does not depend on how fast it is answered.
  absl::Status Start(std::int64_t transactions_per_second);

  // Clients that gave up so far because of an error, each with its transaction.
  std::int64_t AbortedClients() const;

  // Lets the transactions under way end, and returns all of them.
  absl::StatusOr<std::vector<Transaction>> Stop();

  // What pgbench has to say, for a message.
  std::string LastWords() const;

 private:
  const DemoCluster& cluster_;
  std::unique_ptr<ChildProcess> pgbench_;
};

}  // namespace tools

#endif  // TOOLS_DEMO_TRAFFIC_H_
