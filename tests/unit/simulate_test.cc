#include "tools/simulate.h"

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "throttle/trace.h"
#include "tools/profile.h"
#include "tools/simulate_grid.h"
#include "tools/simulate_page.h"

namespace tools {
namespace {

Arguments SimulateParsed(std::vector<std::string> more) {
  more.insert(more.begin(), "simulate");
  absl::StatusOr<Arguments> arguments = ParseArguments(more);
  EXPECT_TRUE(arguments.ok()) << arguments.status();
  if (!arguments.ok()) return {};
  EXPECT_TRUE(UseProfile(*arguments).ok());
  return *arguments;
}

SimulationReport Report(const std::vector<std::string>& more) {
  absl::StatusOr<SimulationReport> report = RunSimulations(SimulateParsed(more));
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *std::move(report) : SimulationReport();
}

std::string SimulateRefusal(const std::vector<std::string>& more) {
  return std::string(RunSimulations(SimulateParsed(more)).status().message());
}

std::vector<std::string> Names(const std::string& grid) {
  const absl::StatusOr<std::vector<GridCell>> cells = ParseGrid(grid);
  EXPECT_TRUE(cells.ok()) << cells.status();
  std::vector<std::string> names;
  for (const GridCell& cell : *cells) names.push_back(NameOf(cell));
  return names;
}

std::string GridRefusal(const std::string& grid) {
  return std::string(ParseGrid(grid).status().message());
}

TEST(GridTest, ARangeDoublesAndAListIsAsItIs) {
  EXPECT_EQ(Names("workers=1:6"),
            (std::vector<std::string>{"workers=1", "workers=2", "workers=4", "workers=6"}));
  EXPECT_EQ(
      Names("workers=1,3 batch=10ms:30ms"),
      (std::vector<std::string>{"workers=1 batch-target=10ms", "workers=1 batch-target=20ms",
                                "workers=1 batch-target=30ms", "workers=3 batch-target=10ms",
                                "workers=3 batch-target=20ms", "workers=3 batch-target=30ms"}));
  EXPECT_EQ(Names(""), std::vector<std::string>{""});
}

TEST(GridTest, RefusesWhatIsNoGrid) {
  EXPECT_TRUE(absl::StartsWith(
      GridRefusal("colour=1:2"),
      "\"colour\" is no run option that a profile can have\nHINT: these are: workers, "))
      << GridRefusal("colour=1:2");
  EXPECT_EQ(GridRefusal("lock=1s"),
            "\"lock\" is the beginning of several run options\n"
            "HINT: write one of lock-timeout, lock-patience");
  EXPECT_EQ(GridRefusal("workers"),
            "\"workers\" is no key with values\n"
            "HINT: write for example 'workers=1:8 batch-target=10ms:250ms'");
  constexpr char kNoRange[] =
      "\nHINT: write 1,2,4 or 1:8 or 10ms:250ms, the same unit on both sides, low to high";
  EXPECT_EQ(GridRefusal("workers=8:1"),
            absl::StrCat("\"8:1\" is neither a list nor a range", kNoRange));
  EXPECT_EQ(GridRefusal("batch=10ms:1s"),
            absl::StrCat("\"10ms:1s\" is neither a list nor a range", kNoRange));
  EXPECT_EQ(GridRefusal("workers=0,1"),
            "key workers: \"0\" is not a number from 1 to 64\nHINT: write plain digits, e.g. 4");
  EXPECT_EQ(GridRefusal("workers=1 workers=2"), "key workers is given twice\nHINT: give it once");
  EXPECT_EQ(GridRefusal("workers=1:64 batch=1ms:1000ms active-sessions=1:64"),
            "the grid has 539 cells, at most 256 are run\n"
            "HINT: leave out a key, or give a shorter range");
}

TEST(GridTest, WeightsAreNumbers) {
  EXPECT_EQ(*ParseWeights("0.25:1"), (std::vector<double>{0.25, 0.5, 1}));
  EXPECT_EQ(*ParseWeights("1,3"), (std::vector<double>{1, 3}));
  EXPECT_EQ(ParseWeights("1,heavy").status().message(),
            "\"heavy\" is not a number from 0.01 to 100\n"
            "HINT: a worker of weight 1 takes 5 % of the server: write 1, or 0.25:8");
}

TEST(SimulateTest, NamesTheScenariosWhenThereIsNoSuch) {
  EXPECT_TRUE(absl::StartsWith(SimulateRefusal({"--scenario", "flood"}),
                               "there is no scenario \"flood\"\nHINT: these are: steady, step, "));
}

TEST(SimulateTest, HasARowForEachScenarioAndWeight) {
  const SimulationReport report =
      Report({"--scenario", "steady", "--weight", "1:2", "--seeds", "2"});
  ASSERT_EQ(report.rows.size(), 2U);
  EXPECT_EQ(report.rows[0].scenario, "steady");
  EXPECT_EQ(report.rows[1].weight, 2);
  EXPECT_GT(report.rows[0].mean.utilisation, 0.8);
  EXPECT_LE(report.rows[0].worst.utilisation, report.rows[0].mean.utilisation);
  const std::string text = RenderSimulation(report);
  EXPECT_TRUE(absl::StrContains(text, "profile balanced: 4 workers, batches of 100ms")) << text;
  EXPECT_TRUE(absl::StrContains(text, "\nsteady        x2  ")) << text;
  EXPECT_TRUE(absl::StrContains(text, "2 of 2 reach the aims")) << text;
  EXPECT_TRUE(absl::StrContains(SimulationToJson(report), "\"scenario\": \"steady\""));
}

TEST(SimulateTest, AGridIsSortedBestFirst) {
  const SimulationReport report = Report({"--scenario", "steady", "--weight", "4", "--seeds", "1",
                                          "--grid", "controller=off,on workers=1,4"});
  ASSERT_EQ(report.rows.size(), 4U);
  EXPECT_TRUE(report.rows[0].reaches_aims());
  EXPECT_TRUE(absl::StartsWith(report.rows[3].cell, "controller=off"))
      << "no limit heeds its commits";
  EXPECT_FALSE(report.rows[3].reaches_aims());
  for (const SimulationRow& row : report.rows) EXPECT_TRUE(row.scenario.empty());
}

TEST(SimulateTest, AProfileDecides) {
  const std::vector<std::string> common = {"--scenario", "steady",  "--weight",
                                           "0.25",       "--seeds", "1"};
  const auto with = [&](const std::string& profile) {
    std::vector<std::string> args = common;
    args.insert(args.end(), {"--profile", profile});
    return Report(args);
  };
  const SimulationReport gentle = with("gentle");
  const SimulationReport fast = with("fast");
  EXPECT_EQ(gentle.profile, "gentle");
  EXPECT_GT(fast.rows[0].mean.rows_per_second, 4 * gentle.rows[0].mean.rows_per_second);
}

TEST(SimulateTest, FitsThePlantToATrace) {
  std::vector<throttle::TraceRow> rows;
  throttle::Simulate(throttle::Experiment(), *throttle::FindScenario("ramp"), 1, &rows);
  const std::string path = absl::StrCat(testing::TempDir(), "simulate_test.csv");
  {
    std::ofstream file(path);
    file << throttle::TraceHeader() << "\n";
    for (const throttle::TraceRow& row : rows) file << throttle::TraceLine(row) << "\n";
  }
  const SimulationReport report = Report({"--trace", path, "--seeds", "2"});
  ASSERT_EQ(report.rows.size(), 1U);
  EXPECT_EQ(report.rows[0].scenario, "trace");
  EXPECT_TRUE(absl::StrContains(report.fit, "The fit explains ")) << report.fit;
  EXPECT_GT(report.rows[0].mean.utilisation, 0.7);

  std::ofstream(path) << "time,pressure\n";
  EXPECT_TRUE(absl::StartsWith(SimulateRefusal({"--trace", path}),
                               absl::StrCat("trace ", path, ", line 1: the header is not ")));
  std::ofstream(path, std::ios::trunc).flush();
  EXPECT_TRUE(absl::StartsWith(SimulateRefusal({"--trace", path}),
                               absl::StrCat("trace ", path, ", line 1: the file is empty")));
  (void)std::remove(path.c_str());
  EXPECT_EQ(SimulateRefusal({"--trace", path}),
            absl::StrCat("trace ", path, " cannot be read: No such file or directory\n",
                         "HINT: name a file that `pg_restructure run --trace FILE` wrote"));
}

TEST(SimulationPageTest, IsOneFileAndEscapesWhatItShows) {
  SimulationReport report = Report({"--scenario", "step", "--seeds", "1", "--grid", "workers=1,4"});
  report.profile = "<script>alert(1)</script>";
  report.runs[0].moments[300].reason = "a \"query\" <b>";
  const std::string page = SimulationPage(report);
  EXPECT_FALSE(absl::StrContains(page, "<script"));
  EXPECT_TRUE(absl::StrContains(page, "&lt;script&gt;alert(1)"));
  EXPECT_TRUE(absl::StrContains(page, "a &quot;query&quot; &lt;b&gt;"));
  EXPECT_TRUE(absl::StrContains(page, "<h2>The trade-off</h2>"));
  EXPECT_TRUE(absl::StrContains(page, "workers=4"));
  for (const char* outside : {"http://", "https://", "src=", "href=", "url(", "@import"}) {
    EXPECT_FALSE(absl::StrContains(page, outside)) << outside;
  }
}

}  // namespace
}  // namespace tools
