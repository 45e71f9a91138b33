// Each part of the throttle is needed: a property holds with it, and does not when it is switched
// off.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "throttle/simulation.h"

namespace throttle {
namespace {

struct Part {
  const char* name;
  const char* scenario;
  double weight;
  void (*set_up)(Experiment& experiment, Scenario& scenario);  // nullptr: as it is
  void (*switch_off)(Experiment& experiment);
  double (*harm)(const std::vector<Moment>& moments, const Figures& figures);
  double harm_max;      // with it
  double harm_without;  // at least
};

double Violation(const std::vector<Moment>&, const Figures& figures) { return figures.violation; }
double Unused(const std::vector<Moment>&, const Figures& figures) {
  return 1 - figures.utilisation;
}

// Workers that the server feels, on the mean of these seconds.
double Felt(const std::vector<Moment>& moments, double from, double to) {
  double sum = 0;
  double seconds = 0;
  for (const Moment& moment : moments) {
    if (moment.seconds <= from || moment.seconds > to) continue;
    sum += moment.felt;
    ++seconds;
  }
  return sum / seconds;
}

const Part kParts[] = {
    {"Canary", "steady", 4, nullptr, [](Experiment& e) { e.limits.heed_commits = false; },
     &Violation, 0.005, 0.5},
    {"TransactionsOfOthers", "unfelt", 4, nullptr,
     [](Experiment& e) { e.limits.commit_max = absl::Seconds(1); }, &Violation, 0.005, 0.5},
    {"ReplicaLag", "replica", 1, nullptr,
     [](Experiment& e) {
       e.limits.replica_lag_bytes_max = 0;
       e.limits.replica_lag_max = absl::ZeroDuration();
     },
     &Violation, 0.005, 0.04},
    {"ReplicaLagInBytes", "replica", 1, nullptr,
     [](Experiment& e) { e.limits.replica_lag_bytes_max = 0; }, &Violation, 0.005, 0.04},
    {"AgeOfTheSample", "blind", 4, nullptr,
     [](Experiment& e) { e.limits.sample_age_max = absl::ZeroDuration(); }, &Violation, 0.005,
     0.01},
    {"WaitsForOurLocks", "steady", 1,
     [](Experiment&, Scenario& scenario) {
       scenario.course.others_need_our_locks = [](double at) { return at >= 100 && at < 160; };
     },
     [](Experiment& e) { e.limits.wait_for_us_max = absl::ZeroDuration(); },
     [](const std::vector<Moment>& moments, const Figures&) {
       double longest = 0;
       for (const Moment& moment : moments) longest = std::max(longest, moment.blocked);
       return longest;
     },
     1, 10},
    {"ActiveSessions", "step", 1,
     [](Experiment& e, Scenario&) { e.limits.active_sessions_max = 20; },
     [](Experiment& e) { e.limits.active_sessions_max = 0; },
     [](const std::vector<Moment>& moments, const Figures&) { return Felt(moments, 205, 400); },
     0.05, 0.5},
    {"Breath", "step", 2, nullptr, [](Experiment& e) { e.controller.breath = false; }, &Unused, 0.2,
     0.4},
    {"Panic", "half", 2, nullptr, [](Experiment& e) { e.controller.panic = false; }, &Violation,
     0.005, 0.0053},
    {"Knee", "contention", 1, nullptr, [](Experiment& e) { e.limits.heed_knee = false; },
     // Two workers do all that can be done.
     [](const std::vector<Moment>& moments, const Figures&) { return Felt(moments, 120, 600); },
     2.4, 3.5},
};

double Harm(const Part& part, bool on) {
  constexpr int kPartSeeds = 4;
  Experiment experiment;
  experiment.plant.worker_takes *= part.weight;
  Scenario scenario = *FindScenario(part.scenario);
  if (part.set_up != nullptr) part.set_up(experiment, scenario);
  if (!on) part.switch_off(experiment);
  double harm = 0;
  for (std::uint64_t seed = 1; seed <= kPartSeeds; ++seed) {
    const std::vector<Moment> moments = Simulate(experiment, scenario, seed);
    harm += part.harm(moments, Judge(moments, scenario.steps)) / kPartSeeds;
  }
  return harm;
}

class PartTest : public testing::TestWithParam<Part> {};

TEST_P(PartTest, IsNeeded) {
  EXPECT_LE(Harm(GetParam(), true), GetParam().harm_max) << "with it";
  EXPECT_GT(Harm(GetParam(), false), GetParam().harm_without) << "without it";
}

INSTANTIATE_TEST_SUITE_P(All, PartTest, testing::ValuesIn(kParts),
                         [](const auto& part) { return std::string(part.param.name); });

// The knee costs nothing: what stands back brought nothing.
TEST(KneeInSimulationTest, WritesAsManyRowsWithHalfOfTheWorkers) {
  Experiment experiment;
  const Scenario& scenario = *FindScenario("contention");
  const double with = Judge(Simulate(experiment, scenario, 1), scenario.steps).rows_per_second;
  experiment.limits.heed_knee = false;
  const double without = Judge(Simulate(experiment, scenario, 1), scenario.steps).rows_per_second;
  EXPECT_GT(with, 0.93 * without);
}

}  // namespace
}  // namespace throttle
