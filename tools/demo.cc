#include "tools/demo.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "restructure/summary.h"
#include "tools/child_process.h"
#include "tools/demo_accounts.h"
#include "tools/demo_cluster.h"
#include "tools/demo_traffic.h"
#include "tools/exit_codes.h"
#include "tools/report.h"

namespace tools {
namespace {

constexpr std::int64_t kRowsPerScale = 100000;
constexpr absl::Duration kQuiet = absl::Seconds(10);  // Traffic alone, before and after.
constexpr absl::Duration kStepLimit = absl::Hours(2);
constexpr double kShareOfFullSpeed = 0.5;  // So that the traffic alone does not fill the machine.
constexpr char kSet[] = "public.accounts_of_branch";
constexpr char kIndex[] = "public.accounts_by_balance";
constexpr char kTable[] = "public.pgbench_accounts";

// Text of ours and of the children goes to the same place: nothing may stay in a buffer.
void Say(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

class Demo {
 public:
  explicit Demo(const DemoOptions& options);

  // All of it; OK if every step did what it should.
  absl::Status Play();

  // Prints the table; true if it shows what it should.
  bool Report() const;

  // Leaves the server running, if there is one.
  void Keep();

 private:
  absl::Status Prepare();
  absl::Status StartTraffic();
  absl::Status Restructure();
  absl::Status EndTraffic();

  // Runs this program with `arguments`, shows what it does, and returns its summary.
  absl::StatusOr<restructure::Summary> Do(std::vector<std::string> arguments);
  absl::Status RestructureSet();
  absl::Status RestructureIndex();
  absl::Status RestructureTable();
  absl::Status ThereAndBack();  // revert, revert, finish
  absl::Status Verify();
  absl::Status VerifyTable();
  absl::Status Note(const absl::StatusOr<Proof>& proof);
  absl::Status Psql(const std::string& sql, const char* failure);
  Command Ourselves(std::vector<std::string> arguments) const;
  absl::Status ShowFirstMembers();
  absl::Status ShowTable();
  std::int64_t accounts() const { return scale_ * kRowsPerScale; }

  void Title(const std::string& text) const;

  const DemoOptions options_;
  const std::int64_t scale_;  // pgbench's
  const absl::Time started_ = absl::Now();
  std::string program_;
  std::unique_ptr<DemoCluster> cluster_;
  std::unique_ptr<DemoTraffic> traffic_;  // Uses the cluster: destroyed before it.

  absl::Time work_began_;
  absl::Time work_ended_;
  std::int64_t aborted_before_ = 0;
  std::int64_t aborted_during_ = 0;
  std::int64_t aborted_after_ = 0;
  std::vector<Transaction> transactions_;

  restructure::Summary run_;
  std::int64_t verified_rows_ = 0;  // At the end, and what differed then.
  std::int64_t differences_ = 0;
  std::vector<restructure::LockHold> locks_;
  int doctor_ = kExitInternalError;
};

Demo::Demo(const DemoOptions& options)
    : options_(options),
      scale_(std::max<std::int64_t>(1, (options.rows + kRowsPerScale - 1) / kRowsPerScale)),
      program_(options.program) {
  if (program_.find('/') != std::string::npos) {
    char* const absolute = realpath(program_.c_str(), nullptr);  // Children work elsewhere.
    if (absolute != nullptr) program_ = absolute;
    std::free(absolute);
    return;
  }
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length > 0) program_.assign(self, static_cast<size_t>(length));
}

void Demo::Title(const std::string& text) const {
  Say(absl::StrFormat("\n== %3d s  %s\n", absl::ToInt64Seconds(absl::Now() - started_), text));
}

absl::Status Demo::Play() {
  for (const auto part :
       {&Demo::Prepare, &Demo::StartTraffic, &Demo::Restructure, &Demo::EndTraffic}) {
    absl::Status status = (this->*part)();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Demo::Prepare() {
  Title("a throw-away PostgreSQL");
  absl::StatusOr<std::unique_ptr<DemoCluster>> cluster = DemoCluster::Start();
  if (!cluster.ok()) return cluster.status();
  cluster_ = *std::move(cluster);
  Say(absl::StrCat("PostgreSQL ", cluster_->version(), " in ", cluster_->folder(),
                   ", fsync on; we are the role demo, not a superuser\n"));

  Title(absl::StrCat("pgbench's tables, with ", FormatCount(accounts()), " accounts"));
  Command initialize = cluster_->Client("pgbench", {"-i", "-q", "-s", absl::StrCat(scale_)});
  initialize.output_file = cluster_->folder() + "/pgbench_initialize.log";
  const absl::StatusOr<int> code = Run(initialize, kStepLimit);
  if (!code.ok()) return code.status();
  if (*code != 0) return absl::InternalError(absl::StrCat("pgbench -i ended with ", *code));
  if (options_.kind == "index") {
    return Psql("CREATE INDEX accounts_by_balance ON pgbench_accounts (abalance, bid)",
                "the index cannot be made");
  }
  if (options_.kind != "table") return absl::OkStatus();
  for (const std::string& sql : SpreadBalances()) {
    absl::Status done = Psql(sql, "the table cannot be prepared");
    if (!done.ok()) return done;
  }
  return absl::OkStatus();
}

absl::Status Demo::StartTraffic() {
  traffic_ = std::make_unique<DemoTraffic>(*cluster_);
  const absl::StatusOr<double> full = traffic_->Measure(absl::Seconds(3));
  if (!full.ok()) return full.status();
  const std::int64_t rate =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(*full * kShareOfFullSpeed));
  Title(absl::StrFormat("traffic: 8 clients of pgbench, %s of the %s transactions/s they can do",
                        FormatCount(rate), FormatCount(static_cast<std::int64_t>(*full))));
  absl::Status status = traffic_->Start(rate);
  if (!status.ok()) return status;
  return SleepUnlessInterrupted(kQuiet);
}

Command Demo::Ourselves(std::vector<std::string> arguments) const {
  Command command;
  command.argv = std::move(arguments);
  command.argv.insert(command.argv.begin(), program_);
  command.environment = cluster_->environment();
  return command;
}

absl::StatusOr<restructure::Summary> Demo::Do(std::vector<std::string> arguments) {
  std::string shown;
  for (const std::string& argument : arguments) {
    const bool quote = argument.find(' ') != std::string::npos;
    absl::StrAppend(&shown, " ", quote ? absl::StrCat("'", argument, "'") : argument);
  }
  Title(absl::StrCat("pg_restructure", shown));

  const std::string file = cluster_->folder() + "/summary.json";
  std::remove(file.c_str());
  arguments.push_back("--summary");
  arguments.push_back(file);
  const absl::StatusOr<int> code = Run(Ourselves(std::move(arguments)), kStepLimit);
  if (!code.ok()) return code.status();
  if (*code != kExitDone) {
    return absl::InternalError(absl::StrCat("pg_restructure", shown, " ended with ", *code));
  }
  std::ifstream stream(file);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (text.empty()) return restructure::Summary();
  absl::StatusOr<restructure::Summary> summary = restructure::SummaryFromJson(text);
  if (summary.ok()) locks_.insert(locks_.end(), summary->locks.begin(), summary->locks.end());
  return summary;
}

absl::Status Demo::Psql(const std::string& sql, const char* failure) {
  Say(absl::StrCat(sql, "\n"));
  const absl::StatusOr<int> code =
      Run(cluster_->Client("psql", {"-X", "-P", "pager=off", "-c", sql}), kStepLimit);
  if (!code.ok()) return code.status();
  return *code == 0 ? absl::OkStatus() : absl::InternalError(failure);
}

absl::Status Demo::ShowFirstMembers() {
  Title("what a program reads, always with the same query");
  return Psql(
      absl::StrCat(
          "SELECT bid, aid,\n"
          "       (SELECT abalance FROM pgbench_accounts a WHERE a.aid = s.aid) AS abalance\n"
          "FROM accounts_of_branch s WHERE bid = ",
          std::min<std::int64_t>(7, scale_), " LIMIT 5"),
      "the alias cannot be read");
}

absl::Status Demo::ShowTable() {
  Title("the table, and where its richest accounts lie");
  return Psql(ShapeOfAccounts(), "the table cannot be read");
}

absl::Status Demo::Note(const absl::StatusOr<Proof>& proof) {
  if (!proof.ok()) return proof.status();
  Say(absl::StrCat(proof->text, "\n"));
  verified_rows_ = proof->rows;
  differences_ += proof->differences;
  return absl::OkStatus();
}

absl::Status Demo::VerifyTable() {
  Title("the books, in one snapshot: nothing was lost, nothing done twice");
  return Note(BalanceBooks(*cluster_, accounts()));
}

absl::Status Demo::Verify() {
  if (options_.kind == "table") return VerifyTable();
  const std::string name = options_.kind == "index" ? kIndex : kSet;
  Title(absl::StrCat("pg_restructure verify ", options_.kind, " ", name));
  const absl::StatusOr<Output> output =
      CaptureOutput(Ourselves({"verify", options_.kind, name, "--json"}), kStepLimit);
  if (!output.ok()) return output.status();
  const nlohmann::json result = nlohmann::json::parse(output->text, nullptr, false);
  if (!result.is_object() ||
      (output->exit_code != kExitDone && output->exit_code != kExitDifferences)) {
    return absl::InternalError(absl::StrCat("verify ended with ", output->exit_code));
  }
  verified_rows_ = result.value("verified_rows", std::int64_t{0});
  differences_ = result.value("differences", std::int64_t{0});
  if (output->exit_code == kExitDifferences) differences_ = std::max<std::int64_t>(1, differences_);
  Say(absl::StrCat(FormatCount(verified_rows_), " rows compared, ", FormatCount(differences_),
                   " differences\n"));
  return absl::OkStatus();
}

absl::Status Demo::RestructureSet() {
  absl::StatusOr<restructure::Summary> done =
      Do({"create", "set", kSet, "--member", "public.pgbench_accounts", "--owner", "bid", "--key",
          "aid"});
  if (!done.ok()) return done.status();
  if (absl::Status shown = ShowFirstMembers(); !shown.ok()) return shown;
  std::vector<std::string> run = {"run", "set", kSet, "--key", "abalance desc, aid"};
  if (options_.workers > 0) {
    run.insert(run.end(), {"--workers", absl::StrCat(options_.workers)});
  }
  done = Do(run);
  if (!done.ok()) return done.status();
  run_ = *done;
  return ShowFirstMembers();
}

absl::Status Demo::RestructureIndex() {
  Title("a query that needs the index in another order");
  const std::string query =
      "SELECT aid, abalance FROM pgbench_accounts WHERE bid = 1 ORDER BY abalance DESC LIMIT 5";
  absl::Status planned = Psql(absl::StrCat("EXPLAIN ", query), "the query cannot be planned");
  if (!planned.ok()) return planned;
  const absl::StatusOr<restructure::Summary> done = Do(
      {"run", "index", kIndex, "--key", "bid, abalance desc", "--include", "aid", "--try", query});
  if (!done.ok()) return done.status();
  run_ = *done;
  return absl::OkStatus();
}

absl::Status Demo::RestructureTable() {
  if (absl::Status shown = ShowTable(); !shown.ok()) return shown;
  std::vector<std::string> run = {"run", "table", kTable, "--order-by", "abalance desc, aid"};
  if (options_.workers > 0) {
    run.insert(run.end(), {"--workers", absl::StrCat(options_.workers)});
  }
  const absl::StatusOr<restructure::Summary> done = Do(run);
  if (!done.ok()) return done.status();
  run_ = *done;
  return ShowTable();
}

// To the old order, to the new one again, and the new one for good.
absl::Status Demo::ThereAndBack() {
  const std::string job = absl::StrCat(run_.job);
  for (const char* const verb : {"revert", "revert"}) {
    const absl::StatusOr<restructure::Summary> done = Do({verb, job});
    if (!done.ok()) return done.status();
  }
  if (options_.kind == "table") {
    Title("both tables, row by row, in one snapshot");
    absl::Status same = Note(CompareWithRetired(*cluster_));
    if (!same.ok()) return same;
  }
  return Do({"finish", job}).status();
}

absl::Status Demo::Restructure() {
  aborted_before_ = traffic_->AbortedClients();
  work_began_ = absl::Now();
  absl::Status done = options_.kind == "index"   ? RestructureIndex()
                      : options_.kind == "table" ? RestructureTable()
                                                 : RestructureSet();
  if (done.ok()) done = ThereAndBack();
  if (!done.ok()) return done;

  const absl::Status verified = Verify();
  if (!verified.ok()) return verified;

  Title("pg_restructure doctor");
  const absl::StatusOr<int> doctor = Run(Ourselves({"doctor"}), kStepLimit);
  if (!doctor.ok()) return doctor.status();
  doctor_ = *doctor;
  work_ended_ = absl::Now();
  aborted_during_ = traffic_->AbortedClients() - aborted_before_;
  return absl::OkStatus();
}

absl::Status Demo::EndTraffic() {
  Title("the traffic goes on alone");
  absl::Status slept = SleepUnlessInterrupted(kQuiet);
  if (!slept.ok()) return slept;
  absl::StatusOr<std::vector<Transaction>> transactions = traffic_->Stop();
  if (!transactions.ok()) return transactions.status();
  transactions_ = *std::move(transactions);
  aborted_after_ = traffic_->AbortedClients() - aborted_before_ - aborted_during_;
  return absl::OkStatus();
}

std::string TrafficTable(const TrafficFigures (&columns)[3], const std::int64_t (&failed)[3]) {
  std::string table =
      absl::StrFormat("%-24s %12s %12s %12s\n", "pgbench", "before", "during", "after");
  const auto row = [&](const char* name, const std::string& a, const std::string& b,
                       const std::string& c) {
    absl::StrAppendFormat(&table, "  %-22s %12s %12s %12s\n", name, a, b, c);
  };
  const auto& [before, during, after] = columns;
  row("transactions", FormatCount(before.transactions), FormatCount(during.transactions),
      FormatCount(after.transactions));
  row("latency p50", FormatTimeSpan(before.p50), FormatTimeSpan(during.p50),
      FormatTimeSpan(after.p50));
  row("latency p99", FormatTimeSpan(before.p99), FormatTimeSpan(during.p99),
      FormatTimeSpan(after.p99));
  row("longest", FormatTimeSpan(before.longest), FormatTimeSpan(during.longest),
      FormatTimeSpan(after.longest));
  row("failed transactions", FormatCount(failed[0]), FormatCount(failed[1]),
      FormatCount(failed[2]));
  return table;
}

std::string LongestHold(const std::vector<restructure::LockHold>& locks) {
  const auto longest =
      std::max_element(locks.begin(), locks.end(),
                       [](const restructure::LockHold& a, const restructure::LockHold& b) {
                         return a.times.held < b.times.held;
                       });
  if (longest == locks.end()) return "none";
  return absl::StrFormat("%s (%s on %s)", FormatTimeSpan(longest->times.held), longest->mode,
                         longest->relation);
}

bool Demo::Report() const {
  const TrafficFigures figures[3] = {
      FiguresBetween(transactions_, absl::InfinitePast(), work_began_),
      FiguresBetween(transactions_, work_began_, work_ended_),
      FiguresBetween(transactions_, work_ended_, absl::InfiniteFuture())};
  const std::int64_t failed[3] = {figures[0].failed + aborted_before_,
                                  figures[1].failed + aborted_during_,
                                  figures[2].failed + aborted_after_};
  const auto connect = run_.phases.find("connect");
  const double seconds = connect == run_.phases.end() ? 0 : absl::ToDoubleSeconds(connect->second);
  const double rate = seconds > 0 ? static_cast<double>(run_.rows) / seconds : 0;
  const std::int64_t differences = run_.differences + differences_;

  Title("what it cost");
  Say(absl::StrFormat(
      "rows connected    %s\n"
      "rows/s            %s\n"
      "longest lock hold %s\n"
      "verification      %s rows compared before the swap, %s at the end; %s differences\n"
      "doctor            %s\n\n%s",
      FormatCount(run_.rows), FormatCount(static_cast<std::int64_t>(rate)), LongestHold(locks_),
      FormatCount(run_.verified_rows), FormatCount(verified_rows_), FormatCount(differences),
      doctor_ == kExitDone ? "clean" : "found leftovers", TrafficTable(figures, failed)));
  if (failed[0] + failed[1] + failed[2] > 0) Say(traffic_->LastWords());
  return failed[0] + failed[1] + failed[2] == 0 && figures[1].transactions > 0 &&
         differences == 0 && run_.verified_rows > 0 && verified_rows_ > 0 && doctor_ == kExitDone;
}

void Demo::Keep() {
  traffic_.reset();
  if (cluster_ != nullptr) Say(absl::StrCat("\n", cluster_->Keep()));
}

}  // namespace

int RunDemo(const DemoOptions& options) {
  InterruptGuard guard;
  Demo demo(options);
  const absl::Status played = demo.Play();
  const int signal = InterruptGuard::Signal();
  InterruptGuard::IgnoreFurther();  // What follows, and the cleaning up, is short.

  bool as_it_should = false;
  if (played.ok()) {
    as_it_should = demo.Report();
  } else {
    std::fprintf(stderr, "%s\n", std::string(played.message()).c_str());
  }
  if (options.keep) demo.Keep();
  if (signal != 0) return 128 + signal;
  return as_it_should ? kExitDone : kExitInternalError;
}

}  // namespace tools
