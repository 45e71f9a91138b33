// `run table` with the name of a partitioned table: its partitions, one after another.

#ifndef TOOLS_TREE_H_
#define TOOLS_TREE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "restructure/table/request.h"
#include "tools/options.h"

namespace tools {

// Runs a job under a panel until it rests, and returns the exit code.
using DriveJob = std::function<int(std::int64_t job_id, const std::string& goal)>;

// Stops at the first partition whose job does not come to rest as asked; the same command goes on
// with that one.
int RunTree(const Arguments& arguments, const std::string& conninfo,
            const restructure::TableRequest& request, const std::string& goal,
            const DriveJob& drive);

}  // namespace tools

#endif  // TOOLS_TREE_H_
