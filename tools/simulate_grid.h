// `--grid 'workers=1:8 batch=10ms:250ms'`: run options, each with several values, and the cells
// that they make. A key is a key of a profile, or the beginning of only one. Its values are a list,
// `1,2,4`, or a range, `1:8`, of which each value is twice the one before.

#ifndef TOOLS_SIMULATE_GRID_H_
#define TOOLS_SIMULATE_GRID_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace tools {

using GridCell = std::vector<std::pair<std::string, std::string>>;  // option, value

// Every combination; the first key changes slowest. One cell, empty, for an empty text.
// kInvalidArgument with a HINT: a key that is no run option, a bad value or range, more than 256
// cells.
absl::StatusOr<std::vector<GridCell>> ParseGrid(const std::string& text);

// "0.25:8" as {0.25, 0.5, …, 8}, "1,3" as {1, 3}. kInvalidArgument with a HINT.
absl::StatusOr<std::vector<double>> ParseWeights(const std::string& text);

// "workers=2 batch-target=40ms"
std::string NameOf(const GridCell& cell);

}  // namespace tools

#endif  // TOOLS_SIMULATE_GRID_H_
