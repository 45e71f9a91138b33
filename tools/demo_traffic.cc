#include "tools/demo_traffic.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tools {
namespace {

namespace fs = std::filesystem;

constexpr char kLogPrefix[] = "transactions";
constexpr absl::Duration kLongestDemo = absl::Hours(2);

std::string ErrorFile(const DemoCluster& cluster) { return cluster.folder() + "/pgbench.log"; }

// Requires: sorted, not empty. The nearest-rank percentile.
absl::Duration Percentile(const std::vector<absl::Duration>& sorted, int percent) {
  const size_t rank = (sorted.size() * static_cast<size_t>(percent) + 99) / 100;
  return sorted[std::max<size_t>(rank, 1) - 1];
}

}  // namespace

std::optional<Transaction> ParseTransaction(absl::string_view line) {
  // client_id transaction_no time script_no time_epoch time_us [schedule_lag] [retries]
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
  if (fields.size() < 6) return std::nullopt;
  Transaction transaction;
  std::int64_t latency_us = 0;
  std::int64_t seconds = 0;
  std::int64_t microseconds = 0;
  if (!absl::SimpleAtoi(fields[4], &seconds) || !absl::SimpleAtoi(fields[5], &microseconds)) {
    return std::nullopt;
  }
  // In place of the time: "failed", "serialization" or "deadlock".
  transaction.failed = !absl::SimpleAtoi(fields[2], &latency_us);
  transaction.latency = absl::Microseconds(latency_us);
  transaction.ended = absl::FromUnixSeconds(seconds) + absl::Microseconds(microseconds);
  return transaction;
}

TrafficFigures FiguresBetween(const std::vector<Transaction>& transactions, absl::Time from,
                              absl::Time to) {
  TrafficFigures figures;
  std::vector<absl::Duration> latencies;
  for (const Transaction& transaction : transactions) {
    if (transaction.ended < from || transaction.ended >= to) continue;
    ++figures.transactions;
    if (transaction.failed) {
      ++figures.failed;
    } else {
      latencies.push_back(transaction.latency);
    }
  }
  if (latencies.empty()) return figures;
  std::sort(latencies.begin(), latencies.end());
  figures.p50 = Percentile(latencies, 50);
  figures.p99 = Percentile(latencies, 99);
  figures.longest = latencies.back();
  return figures;
}

absl::StatusOr<double> DemoTraffic::Measure(absl::Duration duration) {
  const absl::StatusOr<std::string> report =
      Capture(cluster_.Client("pgbench", {"-n", "-c", "8", "-j", "2", "-M", "prepared", "-T",
                                          absl::StrCat(absl::ToInt64Seconds(duration))}),
              duration + absl::Minutes(1));
  if (!report.ok()) return report.status();
  for (const absl::string_view line : absl::StrSplit(*report, '\n')) {
    // "tps = 1234.567 (without initial connection time)"
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    double tps = 0;
    if (words.size() > 2 && words[0] == "tps" && absl::SimpleAtod(words[2], &tps)) return tps;
  }
  return absl::InternalError("pgbench reported no tps");
}

absl::Status DemoTraffic::Start(std::int64_t transactions_per_second) {
  Command command =
      cluster_.Client("pgbench", {"-n", "-c", "8", "-j", "2", "-M", "prepared", "-T",
                                  absl::StrCat(absl::ToInt64Seconds(kLongestDemo)), "-R",
                                  absl::StrCat(transactions_per_second), "-l", "--log-prefix",
                                  absl::StrCat(cluster_.folder(), "/", kLogPrefix)});
  command.output_file = ErrorFile(cluster_);
  absl::StatusOr<ChildProcess> child = ChildProcess::Start(command);
  if (!child.ok()) return child.status();
  pgbench_ = std::make_unique<ChildProcess>(*std::move(child));
  return absl::OkStatus();
}

std::int64_t DemoTraffic::AbortedClients() const {
  // "pgbench: error: client 3 script 0 aborted in command 4 query 0: ERROR: ..."
  std::ifstream log(ErrorFile(cluster_));
  std::int64_t aborted = 0;
  for (std::string line; std::getline(log, line);) {
    if (absl::StrContains(line, "client ") && absl::StrContains(line, " aborted")) ++aborted;
  }
  return aborted;
}

absl::StatusOr<std::vector<Transaction>> DemoTraffic::Stop() {
  if (pgbench_ == nullptr) return absl::FailedPreconditionError("no traffic was started");
  // SIGALRM is what pgbench sets itself for the end of its time: it ends in order and writes out
  // its logs, which it does for no other signal.
  const absl::StatusOr<int> code = pgbench_->Stop(SIGALRM, absl::Seconds(20));
  pgbench_.reset();
  if (!code.ok()) return code.status();

  std::vector<Transaction> transactions;
  for (const fs::directory_entry& entry : fs::directory_iterator(cluster_.folder())) {
    if (!absl::StartsWith(entry.path().filename().string(), absl::StrCat(kLogPrefix, "."))) {
      continue;
    }
    std::ifstream log(entry.path());
    for (std::string line; std::getline(log, line);) {
      const std::optional<Transaction> transaction = ParseTransaction(line);
      if (transaction.has_value()) transactions.push_back(*transaction);
    }
  }
  return transactions;
}

std::string DemoTraffic::LastWords() const {
  std::ifstream log(ErrorFile(cluster_));
  std::string words;
  for (std::string line; std::getline(log, line);) {
    if (absl::StrContains(line, "error")) absl::StrAppend(&words, line, "\n");
  }
  return words;
}

}  // namespace tools
