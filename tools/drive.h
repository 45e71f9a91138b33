// Runs a job until it rests; the last thing that most commands do.

#ifndef TOOLS_DRIVE_H_
#define TOOLS_DRIVE_H_

#include <cstdint>
#include <fstream>
#include <string>

#include "tools/options.h"

namespace tools {

// Under a panel, towards a goal (catalog/ledger.h), with the handlers of SIGINT and SIGTERM set:
// the first lets the job stop in order, the second ends the process at once. Prints how it came
// out, and returns the exit code. From the main thread.
int Drive(const std::string& conninfo, const Arguments& arguments, const std::string& kind,
          std::int64_t job_id, const std::string& goal);

// The file of --trace, with its header. Not open if there is to be none; failed if it cannot be
// written. A resumed job adds to it.
std::ofstream OpenTrace(const RunOptions& run);

}  // namespace tools

#endif  // TOOLS_DRIVE_H_
