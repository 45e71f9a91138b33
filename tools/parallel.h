// A loop on all cores.

#ifndef TOOLS_PARALLEL_H_
#define TOOLS_PARALLEL_H_

#include <cstddef>
#include <functional>

namespace tools {

// Runs body(0) to body(count - 1), in no order and several at a time; returns when all are done.
// Requires: `body` may be called from several threads at once, and does not throw.
void ForEach(std::size_t count, const std::function<void(std::size_t)>& body);

}  // namespace tools

#endif  // TOOLS_PARALLEL_H_
