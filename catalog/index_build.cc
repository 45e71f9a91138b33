#include "catalog/index_build.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace catalog {

std::int64_t SortMemory(std::int64_t heap_bytes, int processes, std::int64_t bytes_max) {
  constexpr std::int64_t kRunBytes = 8 << 20;
  // The server wants at least this much for each process of a parallel build.
  constexpr std::int64_t kParallelRunBytes = 32 << 20;
  constexpr double kMergeBufferBytes = 264 << 10;
  // An entry and its place in the sort take up to twice the bytes of a narrow row.
  const double sorted = 2 * static_cast<double>(std::max<std::int64_t>(0, heap_bytes));
  const auto one_merge = static_cast<std::int64_t>(std::sqrt(sorted * kMergeBufferBytes));
  const std::int64_t least = processes > 1 ? kParallelRunBytes : kRunBytes;
  return std::min(bytes_max, std::max(least, one_merge) * std::max(1, processes));
}

absl::Status SetBuildLimits(Session& session, const QualifiedName& table, const std::string& method,
                            const BuildLimits& limits) {
  std::int64_t memory_bytes = limits.memory_bytes_max;
  if (method == "btree") {
    absl::StatusOr<Rows> heap =
        session.Query("SELECT coalesce(pg_catalog.pg_relation_size(pg_catalog.to_regclass($1)), 0)",
                      {table.Sql()});
    if (!heap.ok()) return heap.status();
    memory_bytes =
        SortMemory(ToInt(heap->front()[0]), limits.parallel_workers + 1, limits.memory_bytes_max);
  }
  const char* const local = session.in_transaction() ? "LOCAL " : "";
  return session.Execute(
      absl::StrCat("SET ", local, "maintenance_work_mem = ", memory_bytes / 1024, "; SET ", local,
                   "max_parallel_maintenance_workers = ", limits.parallel_workers));
}

}  // namespace catalog
