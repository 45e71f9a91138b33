// `pg_restructure simulate`: the real pacer on the simulated server (throttle/simulation.h), with
// the limits of a profile, over scenarios, weights of a worker, cells of a grid and seeds. Needs no
// server.

#ifndef TOOLS_SIMULATE_H_
#define TOOLS_SIMULATE_H_

#include "absl/status/statusor.h"
#include "tools/options.h"
#include "tools/simulate_report.h"

namespace tools {

// Runs all of it, in parallel; the same arguments give the same report. Reads the trace, if there
// is one. kInvalidArgument with a HINT.
absl::StatusOr<SimulationReport> RunSimulations(const Arguments& arguments);

// The command: prints the report and writes the page. Returns the exit code.
int Simulate(const Arguments& arguments);

}  // namespace tools

#endif  // TOOLS_SIMULATE_H_
