// `run table` with the name of a partitioned table: its partitions, one after another.

#ifndef TOOLS_TREE_H_
#define TOOLS_TREE_H_

#include <string>

#include "tools/options.h"

namespace tools {

// Stops at the first partition whose job does not come to rest as asked; the same command goes on
// with that one.
int RunTree(const Arguments& arguments, const std::string& conninfo, const std::string& goal);

}  // namespace tools

#endif  // TOOLS_TREE_H_
