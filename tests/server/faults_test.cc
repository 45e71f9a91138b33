// The tool dies, loses its connection or stands still at every named place of every command, under
// writers; the same command again goes on to the same end.

#include <atomic>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/writers.h"

namespace server {
namespace {

constexpr int kThreads = 4;
constexpr int kRows = 600;
constexpr char kSmallBatches[] = "PG_RESTRUCTURE_JOB_BATCH_ROWS=100";

// The commands of one life of a set. Each is repeated until it ends well.
using Life = std::vector<Arguments>;

// One place and what happens there.
struct Fault {
  std::string name;
  std::string action;
  int nth = 1;

  std::string Setting() const {
    return absl::StrCat("PG_RESTRUCTURE_FAIL=", name, "@", nth, ":", action);
  }
};

// What one life under one fault came to.
struct Verdict {
  bool reached = false;  // The fault happened, as far as it shows from outside.
  std::vector<std::string> complaints;
};

class LifeUnderFault {
 public:
  LifeUnderFault(const Fault& fault, const Life& life) : fault_(fault), life_(life) {}

  Verdict Live() {
    target_ = Cluster::Get().CreateDatabase();
    try {
      Client client(target_.Conninfo("test"));
      CreateMembers(client, kRows);
      WriterOptions options;
      options.pause = milliseconds(8);
      options.two_phase = false;
      Writers writers(target_, 1, options);
      for (const Arguments& step : life_) {
        if (!Finish(client, step)) break;
      }
      Add(writers.Complaints(client));
      if (verdict_.complaints.empty()) Compare(client);
    } catch (const std::exception& error) {
      verdict_.complaints.push_back(error.what());
    }
    Cluster::Get().DropDatabase(target_);
    return verdict_;
  }

 private:
  // JOB stands for the newest job's number.
  static Arguments WithJob(Client& client, Arguments arguments) {
    for (std::string& argument : arguments) {
      if (argument == "JOB") argument = client.Text("SELECT max(job_id) FROM restructure.job");
    }
    return arguments;
  }

  // With the fault first, then without until it succeeds: once is enough.
  bool Finish(Client& client, const Arguments& step) {
    const Arguments arguments = WithJob(client, step);
    const Outcome first = RunTool(target_, arguments, {kSmallBatches, fault_.Setting()});
    if (first.exit_code == kDone) return true;
    verdict_.reached = true;
    const bool killed = first.signal == SIGKILL && fault_.action == "kill" && !first.hung;
    const bool gave_up = first.exit_code == kResumable && fault_.action != "kill";
    const Outcome second = RunTool(target_, arguments, {kSmallBatches});
    if ((killed || gave_up) && second.exit_code == kDone) return true;
    verdict_.complaints.push_back(testing::PrintToString(first));
    verdict_.complaints.push_back(testing::PrintToString(second));
    return false;
  }

  void Compare(Client& client) {
    Add(CompareImages(client, MembersOfOwner()));
    const std::size_t tables = SideTables(client, "public", "members_of_owner").size();
    if (tables != 1) verdict_.complaints.push_back(absl::StrCat(tables, " side tables are left"));
    const Outcome doctor = RunTool(target_, {"doctor"});
    if (doctor.exit_code != kDone) verdict_.complaints.push_back(testing::PrintToString(doctor));
  }

  void Add(const std::vector<std::string>& complaints) {
    verdict_.complaints.insert(verdict_.complaints.end(), complaints.begin(), complaints.end());
  }

  const Fault fault_;
  const Life life_;
  Target target_;
  Verdict verdict_;
};

std::vector<std::string> FailpointNames() {
  const Outcome outcome = RunTool(Cluster::Get().InDatabase("postgres"), {"failpoints"});
  EXPECT_TRUE(Exits(kDone, outcome));
  return absl::StrSplit(outcome.out, '\n', absl::SkipWhitespace());
}

// Lives one life for each fault, several at a time; returns the names that were reached.
std::set<std::string> LiveAll(const std::vector<Fault>& faults, const Life& life) {
  std::set<std::string> reached;
  std::mutex mutex;
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      while (true) {
        const std::size_t mine = next++;
        if (mine >= faults.size()) return;
        const Verdict verdict = LifeUnderFault(faults[mine], life).Live();
        const std::lock_guard<std::mutex> lock(mutex);
        if (verdict.reached) reached.insert(faults[mine].name);
        EXPECT_TRUE(None(verdict.complaints)) << faults[mine].Setting();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return reached;
}

const Life& Forward() {
  static const Life life = {CreateSetArguments(),
                            RunSetArguments({"--no-throttle", "--workers", "2", "--soak", "0"})};
  return life;
}

const Life& ThereAndBack() {
  static const Life life = {CreateSetArguments(),
                            RunSetArguments({"--no-throttle", "--workers", "2",
                                             "--hold-before-swap", "--disconnect", "batches"}),
                            {"swap", "JOB"},
                            {"revert", "JOB"},
                            {"finish", "JOB"}};
  return life;
}

class FaultsTest : public testing::TestWithParam<const char*> {
 protected:
  static std::vector<Fault> Everywhere() {
    std::vector<Fault> faults;
    for (const std::string& name : FailpointNames()) faults.push_back({name, GetParam()});
    return faults;
  }
};

TEST_P(FaultsTest, EveryPlaceOnTheWayForward) {
  const std::vector<Fault> faults = Everywhere();
  ASSERT_GT(faults.size(), 20U);
  const std::set<std::string> reached = LiveAll(faults, Forward());
  // A kill always shows: a name that is never reached tests nothing.
  if (std::string(GetParam()) == "kill") {
    EXPECT_GT(reached.size(), faults.size() / 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Actions, FaultsTest, testing::Values("kill", "cut", "sleep=300"),
                         [](const testing::TestParamInfo<const char*>& action) {
                           const std::string text = action.param;
                           return text.substr(0, text.find('='));
                         });

TEST(RevertFaultsTest, KilledOnTheWayThereAndBack) {
  std::vector<Fault> faults;
  for (const std::string& name : FailpointNames()) {
    for (const char* part : {"swap.", "exchange.", "revert.", "soak.", "disconnect.", "empty.",
                             "release.", "drop.", "synchronize."}) {
      if (name.rfind(part, 0) == 0) faults.push_back({name, "kill"});
    }
  }
  LiveAll(faults, ThereAndBack());
}

TEST(RevertFaultsTest, KilledInTheMiddleOfTheBatches) {
  std::vector<Fault> faults;
  for (const char* name : {"copy", "settle", "apply", "verify", "stage"}) {
    for (const char* point : {".before_commit", ".commit_unanswered", ".after_commit"}) {
      for (const char* action : {"kill", "cut"}) {
        faults.push_back({absl::StrCat(name, point), action, 3});
      }
    }
  }
  LiveAll(faults, Forward());
}

TEST(AbortFaultsTest, AnAbortIsUndoneToItsEnd) {
  std::vector<Fault> faults;
  for (const std::string& name : FailpointNames()) {
    for (const char* part : {"abandon.", "release.", "drop.", "close_job.", "lease.", "empty."}) {
      if (name.rfind(part, 0) == 0) faults.push_back({name, "kill"});
    }
  }
  const Life life = {CreateSetArguments(),
                     RunSetArguments({"--no-throttle", "--hold-before-swap"}),
                     {"abort", "JOB"}};
  LiveAll(faults, life);
}

TEST(FailpointSettingTest, AnUnknownNameIsAUsageError) {
  const Target target = Cluster::Get().InDatabase("postgres");
  const Outcome outcome = RunTool(target, {"doctor"}, {"PG_RESTRUCTURE_FAIL=nowhere:kill"});
  EXPECT_TRUE(Exits(kUsage, outcome));
  EXPECT_NE(outcome.err.find("HINT:"), std::string::npos) << outcome;
}

}  // namespace
}  // namespace server
