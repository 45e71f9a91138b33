// The throttle as a whole on the simulated server: what it promises, and that each of its parts is
// needed for that. `pg_restructure simulate` does the same with more seeds.

#include "throttle/simulation.h"

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

namespace throttle {
namespace {

constexpr double kWeights[] = {0.25, 0.5, 1, 2, 4, 8};

Experiment WithWeight(double weight) {
  Experiment experiment;
  experiment.plant.worker_takes *= weight;
  return experiment;
}

// Means of a few seeds; but the worst of them after a step.
Figures Measure(const Experiment& experiment, const std::string& name, int seeds = 4) {
  const Scenario& scenario = *FindScenario(name);
  Figures mean;
  for (int seed = 1; seed <= seeds; ++seed) {
    const std::vector<Moment> moments =
        Simulate(experiment, scenario, static_cast<std::uint64_t>(seed));
    const Figures figures = Judge(moments, scenario.steps);
    mean.utilisation += figures.utilisation / seeds;
    mean.violation += figures.violation / seeds;
    mean.step_seconds = std::max(mean.step_seconds, figures.step_seconds);
    mean.chatter += figures.chatter / seeds;
    mean.rows_per_second += figures.rows_per_second / seeds;
  }
  return mean;
}

TEST(SimulationTest, TheSameSeedGivesTheSameCourse) {
  const Scenario& scenario = *FindScenario("noise");
  const std::vector<Moment> one = Simulate(WithWeight(2), scenario, 7);
  const std::vector<Moment> two = Simulate(WithWeight(2), scenario, 7);
  const std::vector<Moment> other = Simulate(WithWeight(2), scenario, 8);
  ASSERT_EQ(one.size(), two.size());
  double difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].felt, two[i].felt);
    difference += std::abs(one[i].felt - other[i].felt);
  }
  EXPECT_GT(difference, 1);
}

TEST(SimulationTest, OthersHardlyFeelItWhateverAWorkerWeighs) {
  for (const Scenario& scenario : Scenarios()) {
    for (const double weight : kWeights) {
      const Figures figures = Measure(WithWeight(weight), scenario.name);
      EXPECT_LE(figures.violation, 0.007) << scenario.name << " x" << weight;
      EXPECT_LE(figures.step_seconds, 5) << scenario.name << " x" << weight;
      EXPECT_LE(figures.chatter, 0.08) << scenario.name << " x" << weight;
    }
  }
}

TEST(SimulationTest, ItUsesWhatIsSafeWhateverAWorkerWeighs) {
  for (const Scenario& scenario : Scenarios()) {
    // What never comes to rest is followed at a distance.
    const double least = scenario.name == "sawtooth" ? 0.6 : scenario.name == "noise" ? 0.75 : 0.8;
    for (const double weight : kWeights) {
      EXPECT_GE(Measure(WithWeight(weight), scenario.name).utilisation, least)
          << scenario.name << " x" << weight;
    }
  }
}

TEST(SimulationTest, ASteadyLoadIsNeverViolated) {
  for (const double weight : kWeights) {
    EXPECT_EQ(Measure(WithWeight(weight), "steady", 10).violation, 0) << weight;
  }
}

TEST(SimulationTest, WithoutBreathsALimitIsKeptThatIsNoLongerTrue) {
  Experiment experiment = WithWeight(2);
  EXPECT_GE(Measure(experiment, "step").utilisation, 0.8);
  experiment.controller.breath = false;
  EXPECT_LT(Measure(experiment, "step").utilisation, 0.6);
}

TEST(SimulationTest, WithoutPanicAnOverloadLastsLonger) {
  Experiment experiment = WithWeight(2);
  const double with = Measure(experiment, "half", 10).violation;
  experiment.controller.panic = false;
  EXPECT_GT(Measure(experiment, "half", 10).violation, 1.4 * with);
}

TEST(SimulationTest, WithoutTheCommitsOthersAreViolated) {
  Experiment experiment = WithWeight(4);
  experiment.limits.heed_commits = false;
  EXPECT_GT(Measure(experiment, "steady").violation, 0.5);
}

TEST(SimulationTest, WithoutTheBytesAReplicaThatStallsFallsFurtherBehind) {
  Experiment experiment = WithWeight(1);
  EXPECT_LT(Measure(experiment, "replica").violation, 0.005);
  experiment.limits.replica_lag_bytes_max = 0;
  EXPECT_GT(Measure(experiment, "replica").violation, 0.04) << "the lag time alone does not tell";
}

TEST(SimulationTest, WithoutTheAgeOfTheSampleAStepGoesUnseen) {
  Experiment experiment = WithWeight(4);
  EXPECT_LE(Measure(experiment, "blind").violation, 0.005);
  experiment.limits.sample_age_max = absl::ZeroDuration();
  EXPECT_GT(Measure(experiment, "blind").violation, 0.01);
}

TEST(SimulationTest, MoreWorkersDoMoreWhereAWorkerIsLight) {
  Experiment experiment = WithWeight(0.25);
  double rows = 0;
  for (const int workers : {1, 2, 4, 8}) {
    experiment.workers = workers;
    const double more = Measure(experiment, "step", 2).rows_per_second;
    EXPECT_GT(more, 1.5 * rows) << workers;
    rows = more;
  }
}

}  // namespace
}  // namespace throttle
