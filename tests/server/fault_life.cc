#include "tests/server/fault_life.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/server/writers.h"

namespace server {
namespace {

constexpr std::size_t kThreads = 4;
constexpr int kRows = 600;
constexpr char kSmallBatches[] = "PG_RESTRUCTURE_JOB_BATCH_ROWS=100";

class FaultyLife {
 public:
  FaultyLife(const Target& target, const Fault& fault, const Life& life)
      : target_(target), fault_(fault), life_(life) {}

  // A line for each thing that is not as it should be.
  const std::vector<std::string>& Live() {
    try {
      Client client(target_.Conninfo("test"));
      client.Exec(
          "DROP SCHEMA IF EXISTS restructure CASCADE;"
          "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      CreateMembers(client, kRows);
      WriterOptions options;
      options.pause = milliseconds(8);
      options.two_phase = false;
      Writers writers(target_, 1, options);
      const bool finished = std::all_of(
          life_.begin(), life_.end(), [&](const Arguments& step) { return Finish(client, step); });
      Add(writers.Complaints(client));
      if (finished) Compare(client);
    } catch (const std::exception& error) {
      complaints_.push_back(error.what());
    }
    return complaints_;
  }

  const std::set<std::string>& killed_at() const { return killed_at_; }

 private:
  static Arguments WithJob(Client& client, Arguments arguments) {
    for (std::string& argument : arguments) {
      if (argument == "JOB") argument = client.Text("SELECT max(job_id) FROM restructure.job");
    }
    return arguments;
  }

  bool Finish(Client& client, const Arguments& step) {
    const Arguments arguments = WithJob(client, step);
    const Killed run = fault_.action == "kill" ? RunKilled(target_, [&] { return arguments; },
                                                           fault_.points, {kSmallBatches})
                                               : RunOnceMore(arguments);
    killed_at_.insert(run.at.begin(), run.at.end());
    // An attempt after one that was killed at its very end finds the work done.
    const bool repeated = !run.story.empty();
    if (run.last.exit_code == kDone || (repeated && WasDoneBefore(run.last))) return true;
    complaints_.push_back(run.story + testing::PrintToString(run.last));
    return false;
  }

  Killed RunOnceMore(const Arguments& arguments) {
    Killed run;
    run.last = RunTool(target_, arguments, {kSmallBatches, Armed(fault_.points, fault_.action)});
    if (run.last.exit_code != kResumable || run.last.hung) return run;
    run.story = testing::PrintToString(run.last);
    run.last = RunTool(target_, arguments, {kSmallBatches});
    return run;
  }

  void Compare(Client& client) {
    Add(CompareImages(client, MembersOfOwner()));
    const std::size_t tables = SideTables(client, "public", "members_of_owner").size();
    if (tables != 1) complaints_.push_back(absl::StrCat(tables, " side tables are left"));
    const Outcome doctor = RunTool(target_, {"doctor"});
    if (doctor.exit_code != kDone) complaints_.push_back(testing::PrintToString(doctor));
  }

  void Add(const std::vector<std::string>& complaints) {
    complaints_.insert(complaints_.end(), complaints.begin(), complaints.end());
  }

  const Target target_;
  const Fault& fault_;
  const Life& life_;
  std::vector<std::string> complaints_;
  std::set<std::string> killed_at_;
};

}  // namespace

std::vector<std::string> FailpointNames() {
  std::vector<std::string> names = FailpointNames({""});
  const auto of_others = [](const std::string& name) {
    return absl::StartsWith(name, "index_") || absl::StartsWith(name, "table_");
  };
  names.erase(std::remove_if(names.begin(), names.end(), of_others), names.end());
  return names;
}

std::vector<Fault> Faults(const std::vector<std::string>& names, const std::string& action,
                          std::size_t lives) {
  std::vector<Fault> faults;
  for (std::vector<std::string>& points : Dealt(names, lives)) {
    faults.push_back({std::move(points), action});
  }
  return faults;
}

std::set<std::string> LiveAll(const std::vector<Fault>& faults, const Life& life) {
  std::set<std::string> killed_at;
  std::mutex mutex;
  std::atomic<std::size_t> next{0};
  // A thread keeps its database as long as nothing goes wrong in it.
  const auto live_some = [&] {
    Target target = Cluster::Get().CreateDatabase();
    for (std::size_t mine; (mine = next++) < faults.size();) {
      FaultyLife one(target, faults[mine], life);
      const std::vector<std::string>& complaints = one.Live();
      if (!complaints.empty()) target = Cluster::Get().CreateDatabase();
      const std::lock_guard<std::mutex> lock(mutex);
      killed_at.insert(one.killed_at().begin(), one.killed_at().end());
      EXPECT_TRUE(None(complaints)) << Armed(faults[mine].points, faults[mine].action);
    }
    Cluster::Get().DropDatabase(target);
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::min(kThreads, faults.size()); ++i) {
    threads.emplace_back(live_some);
  }
  for (std::thread& thread : threads) thread.join();
  return killed_at;
}

}  // namespace server
