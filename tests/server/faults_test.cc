// The tool dies, loses its connection or stands still at every named place of every command, under
// a writer; the same command again goes on to the same end.

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/fault_life.h"
#include "tests/server/random.h"

namespace server {
namespace {

// None of this is about the throttle: the other tests on the same server would set the pace.
const Life kForward = {CreateSetArguments(),
                       RunSetArguments({"--no-throttle", "--workers", "2", "--soak", "0"})};

const Life kThereAndBack = {
    CreateSetArguments(),
    RunSetArguments({"--no-throttle", "--workers", "2", "--hold-before-swap"}),
    {"swap", "JOB"},
    {"revert", "JOB"},
    {"finish", "JOB", "--disconnect", "batches", "--no-throttle"}};

const Life kUndone = {CreateSetArguments(),
                      RunSetArguments({"--no-throttle", "--workers", "2", "--hold-before-swap"}),
                      {"abort", "JOB"}};

TEST(FaultsTest, KilledAnywhere) {
  const std::vector<Fault> faults = OneByOne(NamesToKillAt(FailpointNames()), "kill");
  ASSERT_GT(faults.size(), 20U);
  // A kill always shows. What this life never comes to, the lives below do.
  EXPECT_GT(LiveAll(faults, kForward).size(), faults.size() / 2);
}

TEST(FaultsTest, KilledInTheMiddleOfTheBatches) {
  LiveAll(
      OneByOne(NamesToKillAt(FailpointNames({"copy.", "settle.", "apply.", "verify.", "stage."})),
               "kill", 3),
      kForward);
}

TEST(FaultsTest, CutOffAnywhere) { LiveAll(InGroups(FailpointNames(), "cut", 4), kForward); }

// PG_RESTRUCTURE_TEST_SLEEP_MS=3000 makes it the long version, which takes minutes.
TEST(FaultsTest, SlowAnywhere) {
  const char* const given = std::getenv("PG_RESTRUCTURE_TEST_SLEEP_MS");
  const std::string sleep = absl::StrCat("sleep=", given == nullptr ? "300" : given);
  LiveAll(InGroups(FailpointNames(), sleep, 8), kForward);
  LiveAll(InGroups(FailpointNames({"exchange.", "revert.", "soak.", "empty.", "disconnect."}),
                   sleep, 3),
          kThereAndBack);
}

TEST(FaultsTest, KilledOnTheWayThereAndBack) {
  LiveAll(OneByOne(NamesToKillAt(
                       FailpointNames({"exchange.", "revert.", "soak.", "empty.", "disconnect."})),
                   "kill"),
          kThereAndBack);
}

TEST(FaultsTest, CutOffOnTheWayThereAndBack) {
  LiveAll(InGroups(FailpointNames({"exchange.", "revert.", "soak.", "empty.", "disconnect."}),
                   "cut", 3),
          kThereAndBack);
}

TEST(FaultsTest, KilledWhileItUndoes) {
  const std::vector<std::string> names =
      FailpointNames({"abandon.", "close_job.", "release.", "lease."});
  EXPECT_FALSE(LiveAll(OneByOne(names, "kill"), kUndone).empty());
}

// Random pairs: the second attempt is killed too. Another seed gives other pairs.
TEST(FaultsTest, KilledTwice) {
  constexpr int kPairs = 10;
  const char* const given = std::getenv("PG_RESTRUCTURE_TEST_SEED");
  const auto seed =
      static_cast<std::uint32_t>(given == nullptr ? 1 : std::strtoul(given, nullptr, 10));
  SCOPED_TRACE(absl::StrCat("PG_RESTRUCTURE_TEST_SEED=", seed));
  Random random(seed);
  const std::vector<std::string> names = FailpointNames();
  const auto any = [&] {
    const auto last = static_cast<std::int64_t>(names.size()) - 1;
    return absl::StrCat(names[static_cast<std::size_t>(random.Between(0, last))], "@",
                        random.Between(1, 3), ":kill");
  };
  std::vector<Fault> faults;
  for (int i = 0; i < kPairs; ++i) faults.push_back({{any(), any()}, true});
  LiveAll(faults, kForward);
}

TEST(FaultsTest, AnUnknownNameIsAUsageError) {
  const Target target = Cluster::Get().InDatabase("postgres");
  const Outcome outcome = RunTool(target, {"doctor"}, {"PG_RESTRUCTURE_FAIL=nowhere:kill"});
  EXPECT_TRUE(Exits(kUsage, outcome));
  EXPECT_NE(outcome.err.find("HINT:"), std::string::npos) << outcome;
}

}  // namespace
}  // namespace server
