// A plant that is known is simulated and recorded; the fit has to find it again.

#include "throttle/fit.h"

#include "gtest/gtest.h"
#include "throttle/simulation.h"

namespace throttle {
namespace {

std::vector<TraceRow> Recorded(const Experiment& experiment, const std::string& scenario,
                               std::uint64_t seed = 3) {
  std::vector<TraceRow> trace;
  Simulate(experiment, *FindScenario(scenario), seed, &trace);
  return trace;
}

Fit Fitted(const std::vector<TraceRow>& rows) {
  const absl::StatusOr<Fit> fit = FitPlant(rows);
  EXPECT_TRUE(fit.ok()) << fit.status();
  return fit.ok() ? *fit : Fit();
}

TEST(FitTest, FindsThePlantThatWasRecorded) {
  for (const double weight : {1.0, 2.0, 4.0}) {
    Experiment experiment;
    experiment.plant.worker_takes *= weight;
    const Fit fit = Fitted(Recorded(experiment, "ramp"));
    ASSERT_TRUE(fit.knows_worker) << weight;
    // The lightest moment, 20 % of the server, is the fit's empty server: all is of the rest.
    EXPECT_NEAR(absl::ToDoubleMilliseconds(fit.plant.commit), 4 / 0.8, 0.3) << weight;
    EXPECT_NEAR(fit.plant.worker_takes * 0.8 / experiment.plant.worker_takes, 1, 0.3) << weight;
    EXPECT_NEAR(fit.others_min, 0, 0.02) << weight;
    EXPECT_NEAR(fit.others_max, 0.45 / 0.8, 0.06) << weight;
    EXPECT_NEAR(fit.plant.noise, 0.12, 0.05) << weight;
    EXPECT_GT(fit.explained, 0.7) << weight;
    EXPECT_NEAR(fit.scenario.length, 599, 1) << weight;
    EXPECT_NEAR(fit.scenario.course.others(300), 0.45 / 0.8, 0.06) << weight;
  }
}

TEST(FitTest, TellsAWorkerFromNoneWhereNobodyRan) {
  std::vector<TraceRow> rows = Recorded(Experiment(), "steady");
  for (TraceRow& row : rows) {
    row.busy = 0;
    row.commit = absl::Milliseconds(5);
  }
  const Fit fit = Fitted(rows);
  EXPECT_FALSE(fit.knows_worker);
  EXPECT_EQ(fit.plant.worker_takes, Plant::Options().worker_takes);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(fit.plant.commit), 5, 1e-6);
  EXPECT_NEAR(fit.plant.noise, 0, 1e-6);
}

TEST(FitTest, CountsOutliersApart) {
  std::vector<TraceRow> rows = Recorded(Experiment(), "steady");
  for (std::size_t i = 0; i < rows.size(); i += 50) rows[i].commit = 6 * *rows[i].commit;
  const Fit fit = Fitted(rows);
  EXPECT_NEAR(fit.plant.outliers, 0.02, 0.005);
  EXPECT_NEAR(fit.plant.noise, 0.12, 0.05);
}

TEST(FitTest, RefusesWhatTellsTooLittle) {
  std::vector<TraceRow> rows = Recorded(Experiment(), "steady");
  rows.resize(40);
  EXPECT_EQ(FitPlant(rows).status().message(),
            "the trace has commits of 9 s, expected at least 40 s\n"
            "HINT: record a longer run, with the controller on");
  EXPECT_FALSE(FitPlant({}).ok());
}

}  // namespace
}  // namespace throttle
