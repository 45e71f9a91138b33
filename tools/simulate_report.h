// What `simulate` found, and how it is shown: a table, JSON, or a page (simulate_page.h).

#ifndef TOOLS_SIMULATE_REPORT_H_
#define TOOLS_SIMULATE_REPORT_H_

#include <string>
#include <vector>

#include "throttle/simulation.h"

namespace tools {

// Means over the seeds, and the worst of all runs, figure by figure.
struct SimulationRow {
  std::string cell;      // "workers=2 batch-target=40ms"; empty: as the profile is
  std::string scenario;  // empty: over all of them
  double weight = 0;     // of a worker; 0: over all of them
  throttle::Figures mean;
  throttle::Figures worst;

  // At least 80 % of what is safe is used, others feel it for at most 0.5 % of the time, and for at
  // most 5 s after a step.
  bool reaches_aims() const;
};

// One run, second by second.
struct SimulatedRun {
  std::string title;  // "step: 25 %, then 60 % for 200 s, then 25 %"
  std::vector<throttle::Moment> moments;
};

struct SimulationReport {
  std::string profile;
  std::string settings;     // "4 workers, batches of 100ms, …"
  std::string fit;          // how the plant was fitted to a trace; empty: it was not
  double worker_takes = 0;  // of the server, at weight 1
  int seeds = 0;
  bool has_grid = false;            // Then a row is a cell, best first.
  std::vector<SimulationRow> rows;  // else a scenario and a weight
  std::vector<SimulatedRun> runs;   // one for each scenario: of the best cell
};

// Those that others hardly feel come first, and of them those that write most rows.
void SortBestFirst(std::vector<SimulationRow>& rows);

std::string RenderSimulation(const SimulationReport& report);
std::string SimulationToJson(const SimulationReport& report);

}  // namespace tools

#endif  // TOOLS_SIMULATE_REPORT_H_
