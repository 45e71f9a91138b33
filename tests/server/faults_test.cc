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

constexpr std::size_t kLives = 4;

std::vector<std::string> NamesAfterTheSwap() {
  return FailpointNames({"exchange.", "revert.", "soak.", "empty.", "disconnect."});
}

TEST(FaultsTest, KilledAnywhere) {
  const std::vector<std::string> names = FailpointNames();
  const std::set<std::string> killed_at = LiveAll(Faults(names, "kill", kLives), kForward);
  // What this life never comes to, the lives below do.
  EXPECT_GT(killed_at.size(), names.size() / 2) << testing::PrintToString(killed_at);
}

TEST(FaultsTest, KilledInTheMiddleOfTheBatches) {
  std::vector<std::string> names =
      FailpointNames({"copy.", "settle.", "apply.", "verify.", "stage."});
  for (std::string& name : names) name += "@3";
  EXPECT_FALSE(LiveAll(Faults(names, "kill", kLives), kForward).empty());
}

TEST(FaultsTest, CutOffAnywhere) { LiveAll(Faults(FailpointNames(), "cut", 16), kForward); }

// PG_RESTRUCTURE_TEST_SLEEP_MS=3000 makes it the long version, which takes minutes.
TEST(FaultsTest, SlowAnywhere) {
  const char* const given = std::getenv("PG_RESTRUCTURE_TEST_SLEEP_MS");
  const std::string sleep = absl::StrCat("sleep=", given == nullptr ? "300" : given);
  LiveAll(Faults(FailpointNames(), sleep, 2 * kLives), kForward);
  LiveAll(Faults(NamesAfterTheSwap(), sleep, kLives), kThereAndBack);
}

TEST(FaultsTest, KilledOnTheWayThereAndBack) {
  EXPECT_GT(LiveAll(Faults(NamesAfterTheSwap(), "kill", kLives), kThereAndBack).size(), 10U);
}

TEST(FaultsTest, CutOffOnTheWayThereAndBack) {
  LiveAll(Faults(NamesAfterTheSwap(), "cut", kLives), kThereAndBack);
}

TEST(FaultsTest, KilledWhileItUndoes) {
  const std::vector<std::string> names =
      FailpointNames({"abandon.", "close_job.", "release.", "lease."});
  EXPECT_GE(LiveAll(Faults(names, "kill", kLives), kUndone).size(), 6U);
}

// Two random places, and nothing but them. Another seed gives other pairs.
TEST(FaultsTest, KilledTwice) {
  constexpr int kPairs = 4;
  const char* const given = std::getenv("PG_RESTRUCTURE_TEST_SEED");
  const auto seed =
      static_cast<std::uint32_t>(given == nullptr ? 1 : std::strtoul(given, nullptr, 10));
  SCOPED_TRACE(absl::StrCat("PG_RESTRUCTURE_TEST_SEED=", seed));
  Random random(seed);
  const std::vector<std::string> names = FailpointNames();
  const auto any = [&] {
    const auto last = static_cast<std::int64_t>(names.size()) - 1;
    return absl::StrCat(names[static_cast<std::size_t>(random.Between(0, last))], "@",
                        random.Between(1, 3));
  };
  std::vector<Fault> faults;
  for (int i = 0; i < kPairs; ++i) faults.push_back({{any(), any()}, "kill"});
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
