#include "tools/simulate.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "throttle/fit.h"
#include "throttle/scenario.h"
#include "throttle/trace.h"
#include "tools/command_context.h"
#include "tools/exit_codes.h"
#include "tools/option_table.h"
#include "tools/option_values.h"
#include "tools/parallel.h"
#include "tools/simulate_grid.h"
#include "tools/simulate_page.h"

namespace tools {
namespace {

constexpr std::int64_t kRunsMax = 10000000;

absl::StatusOr<throttle::Fit> FitTo(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.is_open() || file.bad()) {
    return UsageError(absl::StrCat("trace ", path, " cannot be read: ", std::strerror(errno)),
                      "name a file that `pg_restructure run --trace FILE` wrote");
  }
  const absl::StatusOr<std::vector<throttle::TraceRow>> rows = throttle::ParseTrace(text, path);
  if (!rows.ok()) return rows.status();
  absl::StatusOr<throttle::Fit> fit = throttle::FitPlant(*rows);
  if (!fit.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("trace ", path, ": ", fit.status().message()));
  }
  return fit;
}

std::string Describe(const std::string& path, const throttle::Fit& fit) {
  std::string text = absl::StrFormat(
      "fitted to %s: %d s; a commit takes %s alone, others take %.0f to %.0f %% of the server "
      "beyond"
      " that,\ncommits vary by %.0f %%, %.1f %% of them are far off; ",
      path, fit.scenario.length,
      absl::FormatDuration(absl::Trunc(fit.plant.commit, absl::Microseconds(10))),
      100 * fit.others_min, 100 * fit.others_max, 100 * fit.plant.noise, 100 * fit.plant.outliers);
  if (fit.knows_worker) {
    absl::StrAppendFormat(&text, "a worker takes %.1f %%.", 100 * fit.plant.worker_takes);
  } else {
    absl::StrAppend(&text, "what a worker takes, it does not tell.");
  }
  absl::StrAppendFormat(&text, " The fit explains %.0f %% of how commits varied.",
                        100 * fit.explained);
  return text;
}

absl::StatusOr<std::vector<throttle::Scenario>> ChooseScenarios(const Arguments& arguments,
                                                                const throttle::Fit* fit) {
  const std::string& name = arguments.simulation.scenario;
  if (name.empty() && fit != nullptr) return std::vector<throttle::Scenario>{fit->scenario};
  if (name.empty() || name == "all") return throttle::Scenarios();
  if (const throttle::Scenario* scenario = throttle::FindScenario(name)) {
    return std::vector<throttle::Scenario>{*scenario};
  }
  const std::string names =
      absl::StrJoin(throttle::Scenarios(), ", ",
                    [](std::string* out, const auto& scenario) { *out += scenario.name; });
  return UsageError(absl::StrCat("there is no scenario \"", name, "\""),
                    absl::StrCat("these are: ", names, ", all"));
}

// The profile, the command line, and over them the cell.
absl::StatusOr<throttle::Experiment> ExperimentOf(const Arguments& arguments,
                                                  const GridCell& cell) {
  Arguments used = arguments;
  for (const auto& [key, value] : cell) {
    if (absl::Status set = FindOption(key)->apply(value, used); !set.ok()) return set;
  }
  const restructure::Settings settings = SettingsFrom(used.run);
  throttle::Experiment experiment;
  // `auto` is from the server's cores, and there is no server.
  if (used.run.workers) experiment.workers = *used.run.workers;
  experiment.limits = settings.limits;
  experiment.batch_size = settings.batch_size;
  return experiment;
}

void Worsen(const throttle::Figures& figures, throttle::Figures* worst) {
  worst->utilisation = std::min(worst->utilisation, figures.utilisation);
  worst->violation = std::max(worst->violation, figures.violation);
  worst->step_seconds = std::max(worst->step_seconds, figures.step_seconds);
  worst->settling = std::max(worst->settling, figures.settling);
  worst->chatter = std::max(worst->chatter, figures.chatter);
  worst->rows_per_second = std::min(worst->rows_per_second, figures.rows_per_second);
}

// `runs` begins with the row's own, `count` of them.
void Summarize(const throttle::Figures* runs, std::size_t count, SimulationRow* row) {
  row->worst = runs[0];
  for (std::size_t i = 0; i < count; ++i) {
    Worsen(runs[i], &row->worst);
    const auto share = static_cast<double>(count);
    row->mean.utilisation += runs[i].utilisation / share;
    row->mean.violation += runs[i].violation / share;
    row->mean.step_seconds += runs[i].step_seconds / share;
    row->mean.settling += runs[i].settling / share;
    row->mean.chatter += runs[i].chatter / share;
    row->mean.rows_per_second += runs[i].rows_per_second / share;
  }
}

// All that is run, in the order cell, scenario, weight, seed.
struct Work {
  std::vector<GridCell> cells;
  std::vector<throttle::Experiment> experiments;  // one for each cell
  std::vector<throttle::Scenario> scenarios;
  std::vector<double> weights;
  std::size_t seeds = 0;

  std::size_t runs_of_cell() const { return scenarios.size() * weights.size() * seeds; }
  throttle::Experiment Weighted(std::size_t cell, double weight) const {
    throttle::Experiment experiment = experiments[cell];
    experiment.plant.worker_takes *= weight;
    return experiment;
  }
};

std::vector<throttle::Figures> RunAll(const Work& work) {
  std::vector<throttle::Figures> figures(work.cells.size() * work.runs_of_cell());
  ForEach(figures.size(), [&](std::size_t i) {
    const std::size_t seed = i % work.seeds + 1;
    const std::size_t weight = i / work.seeds % work.weights.size();
    const std::size_t scenario = i / (work.seeds * work.weights.size()) % work.scenarios.size();
    const throttle::Experiment experiment =
        work.Weighted(i / work.runs_of_cell(), work.weights[weight]);
    figures[i] = throttle::Judge(throttle::Simulate(experiment, work.scenarios[scenario], seed),
                                 work.scenarios[scenario].steps);
  });
  return figures;
}

std::vector<SimulationRow> RowsOf(const Work& work, bool has_grid) {
  const std::vector<throttle::Figures> figures = RunAll(work);
  std::vector<SimulationRow> rows;
  if (has_grid) {
    for (std::size_t cell = 0; cell < work.cells.size(); ++cell) {
      rows.emplace_back();
      rows.back().cell = NameOf(work.cells[cell]);
      Summarize(&figures[cell * work.runs_of_cell()], work.runs_of_cell(), &rows.back());
    }
    SortBestFirst(rows);
    return rows;
  }
  for (std::size_t i = 0; i < figures.size(); i += work.seeds) {
    rows.emplace_back();
    rows.back().scenario = work.scenarios[i / (work.seeds * work.weights.size())].name;
    rows.back().weight = work.weights[i / work.seeds % work.weights.size()];
    Summarize(&figures[i], work.seeds, &rows.back());
  }
  return rows;
}

std::string SettingsText(const throttle::Experiment& experiment) {
  return absl::StrCat(experiment.workers, experiment.workers == 1 ? " worker" : " workers",
                      ", batches of ", absl::FormatDuration(experiment.batch_size.target),
                      ", controller ", experiment.limits.heed_commits ? "on" : "off");
}

}  // namespace

absl::StatusOr<SimulationReport> RunSimulations(const Arguments& arguments) {
  const SimulateArguments& asked = arguments.simulation;
  absl::StatusOr<std::vector<GridCell>> cells = ParseGrid(asked.grid);
  if (!cells.ok()) return cells.status();
  const absl::StatusOr<std::vector<double>> weights = ParseWeights(asked.weight);
  if (!weights.ok()) return weights.status();
  SimulationReport report;
  std::optional<throttle::Fit> fit;
  if (arguments.run.trace) {
    absl::StatusOr<throttle::Fit> fitted = FitTo(*arguments.run.trace);
    if (!fitted.ok()) return fitted.status();
    fit = *std::move(fitted);
    report.fit = Describe(*arguments.run.trace, *fit);
  }
  absl::StatusOr<std::vector<throttle::Scenario>> scenarios =
      ChooseScenarios(arguments, fit ? &*fit : nullptr);
  if (!scenarios.ok()) return scenarios.status();
  Work work{*std::move(cells),
            {},
            *std::move(scenarios),
            *weights,
            static_cast<std::size_t>(asked.seeds)};
  const std::size_t runs = work.cells.size() * work.runs_of_cell();
  if (static_cast<std::int64_t>(runs) > kRunsMax) {
    return UsageError(absl::StrCat(runs, " runs are asked for, at most 10000000 are done"),
                      "ask for fewer seeds, weights or cells");
  }
  for (const GridCell& cell : work.cells) {
    absl::StatusOr<throttle::Experiment> experiment = ExperimentOf(arguments, cell);
    if (!experiment.ok()) return experiment.status();
    if (fit) experiment->plant = fit->plant;
    work.experiments.push_back(*experiment);
  }
  report.profile = arguments.run.profile.value_or("balanced");
  report.seeds = asked.seeds;
  report.has_grid = !asked.grid.empty();
  report.worker_takes = work.experiments[0].plant.worker_takes;
  report.rows = RowsOf(work, report.has_grid);
  std::size_t shown = 0;
  while (report.has_grid && NameOf(work.cells[shown]) != report.rows[0].cell) ++shown;
  report.settings = SettingsText(work.experiments[report.has_grid ? shown : 0]);
  if (report.has_grid) absl::StrAppend(&report.settings, " in the best cell");
  for (const throttle::Scenario& scenario : work.scenarios) {
    report.runs.push_back({absl::StrCat(scenario.name, ": ", scenario.purpose),
                           throttle::Simulate(work.Weighted(shown, work.weights[0]), scenario, 1)});
  }
  return report;
}

int Simulate(const Arguments& arguments) {
  const absl::StatusOr<SimulationReport> report = RunSimulations(arguments);
  if (!report.ok()) {
    PrintError(std::string(report.status().message()));
    return kExitUsage;
  }
  if (arguments.simulation.html) {
    std::ofstream file(*arguments.simulation.html);
    file << SimulationPage(*report);
    if (!file.flush()) {
      PrintError(absl::StrCat("cannot write the page to ", *arguments.simulation.html,
                              "\nHINT: name a file in a directory that is there"));
      return kExitRefused;
    }
  }
  absl::PrintF("%s\n", arguments.json ? SimulationToJson(*report) : RenderSimulation(*report));
  return kExitDone;
}

}  // namespace tools
