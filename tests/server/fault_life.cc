#include "tests/server/fault_life.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/server/writers.h"

namespace server {
namespace {

constexpr std::size_t kThreads = 4;
constexpr int kRows = 600;
constexpr char kSmallBatches[] = "PG_RESTRUCTURE_JOB_BATCH_ROWS=100";

// The faulty attempt had come to its end and only could not say so.
bool WasDoneBefore(const Outcome& outcome) {
  constexpr const char* kSaid[] = {"nothing to do", "is over: done", "is over: aborted",
                                   "has swapped already"};
  const auto said = [&outcome](const char* text) { return absl::StrContains(outcome.err, text); };
  return outcome.exit_code == kRefused && std::any_of(std::begin(kSaid), std::end(kSaid), said);
}

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

  bool showed() const { return showed_; }

 private:
  static Arguments WithJob(Client& client, Arguments arguments) {
    for (std::string& argument : arguments) {
      if (argument == "JOB") argument = client.Text("SELECT max(job_id) FROM restructure.job");
    }
    return arguments;
  }

  bool Finish(Client& client, const Arguments& step) {
    const Arguments arguments = WithJob(client, step);
    std::string story;
    bool as_foreseen = true;
    for (const std::string& setting : fault_.attempts) {
      const Outcome faulty =
          RunTool(target_, arguments, {kSmallBatches, "PG_RESTRUCTURE_FAIL=" + setting});
      // An attempt after one that was killed at its very end finds the work done.
      if (faulty.exit_code == kDone || WasDoneBefore(faulty)) return true;
      showed_ = true;
      as_foreseen = as_foreseen && !faulty.hung &&
                    (fault_.kills ? faulty.signal == SIGKILL : faulty.exit_code == kResumable);
      story += testing::PrintToString(faulty);
    }
    const Outcome last = RunTool(target_, arguments, {kSmallBatches});
    if (as_foreseen && (last.exit_code == kDone || WasDoneBefore(last))) return true;
    complaints_.push_back(story + testing::PrintToString(last));
    return false;
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
  bool showed_ = false;
};

}  // namespace

std::string Shown(const Fault& fault) { return absl::StrJoin(fault.attempts, " then "); }

std::vector<std::string> FailpointNames() {
  std::vector<std::string> names = FailpointNames({""});
  const auto of_others = [](const std::string& name) {
    return absl::StartsWith(name, "index_") || absl::StartsWith(name, "table_");
  };
  names.erase(std::remove_if(names.begin(), names.end(), of_others), names.end());
  return names;
}

std::vector<std::string> FailpointNames(const std::vector<std::string>& prefixes) {
  const Outcome outcome = RunTool(Cluster::Get().InDatabase("postgres"), {"failpoints"});
  EXPECT_TRUE(Exits(kDone, outcome));
  std::vector<std::string> names;
  for (const absl::string_view name : absl::StrSplit(outcome.out, '\n', absl::SkipWhitespace())) {
    const auto starts = [&name](const std::string& prefix) {
      return absl::StartsWith(name, prefix);
    };
    if (std::any_of(prefixes.begin(), prefixes.end(), starts)) names.emplace_back(name);
  }
  return names;
}

std::vector<std::string> NamesToKillAt(const std::vector<std::string>& names) {
  const char* const kills = std::getenv("PG_RESTRUCTURE_TEST_KILLS");
  if (kills == nullptr) return names;
  std::vector<std::string> chosen;
  const std::size_t first = std::string(kills) == "2" ? 1 : std::string(kills) == "3" ? 2 : 0;
  for (std::size_t i = first; i < names.size(); i += 3) {
    chosen.push_back(names[i]);
  }
  return chosen;
}

std::vector<Fault> OneByOne(const std::vector<std::string>& names, const std::string& action,
                            int nth) {
  std::vector<Fault> faults;
  for (const std::string& name : names) {
    faults.push_back({{absl::StrCat(name, "@", nth, ":", action)}, action == "kill"});
  }
  return faults;
}

std::vector<Fault> InGroups(const std::vector<std::string>& names, const std::string& action,
                            std::size_t together) {
  const std::size_t groups = (names.size() + together - 1) / together;
  std::vector<Fault> faults;
  for (std::size_t group = 0; group < groups; ++group) {
    std::vector<std::string> parts;
    for (std::size_t i = group; i < names.size(); i += groups) {
      parts.push_back(absl::StrCat(names[i], ":", action));
    }
    faults.push_back({{absl::StrJoin(parts, ",")}, false});
  }
  return faults;
}

std::set<std::string> LiveAll(const std::vector<Fault>& faults, const Life& life) {
  std::set<std::string> showed;
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
      if (one.showed()) showed.insert(Shown(faults[mine]));
      EXPECT_TRUE(None(complaints)) << Shown(faults[mine]);
    }
    Cluster::Get().DropDatabase(target);
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::min(kThreads, faults.size()); ++i) {
    threads.emplace_back(live_some);
  }
  for (std::thread& thread : threads) thread.join();
  return showed;
}

}  // namespace server
