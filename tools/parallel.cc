#include "tools/parallel.h"

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <atomic>
#include <utility>

#include "restructure/handoff.h"

namespace tools {

using restructure::Handoff;

void ForEach(std::size_t count, const std::function<void(std::size_t)>& body) {
  std::atomic<std::size_t> next{0};
  tbb::task_group group;
  for (int threads = tbb::this_task_arena::max_concurrency(); threads > 0; --threads) {
    tbb::task_handle task = group.defer([&] {
      Handoff::Received();
      for (std::size_t i = next++; i < count; i = next++) body(i);
      Handoff::Given();
    });
    Handoff::Given();
    group.run(std::move(task));
  }
  group.wait();
  Handoff::Received();
}

}  // namespace tools
