// What the build of an index may use of the server: one place for sets, tables and indexes.

#ifndef CATALOG_INDEX_BUILD_H_
#define CATALOG_INDEX_BUILD_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "catalog/names.h"
#include "catalog/session.h"

namespace catalog {

struct BuildLimits {
  std::int64_t memory_bytes_max = 0;
  int parallel_workers = 0;  // of the server, besides the session's own process
};

// The memory with which the entries of a table of `heap_bytes` are sorted fastest, at most
// `bytes_max`. Each process first sorts runs as large as its memory, which is fastest while a run
// is in the processor's cache (Nyberg et al., AlphaSort, SIGMOD 1994), and then merges them. What
// is too little needs more than one merge: runs of M bytes, each with 264 kB to be merged from
// (MERGE_BUFFER_SIZE, TAPE_BUFFER_OVERHEAD in tuplesort.c), are merged at once if they are at most
// M / 264 kB, so that M has to be the root of (what is sorted * 264 kB).
std::int64_t SortMemory(std::int64_t heap_bytes, int processes, std::int64_t bytes_max);

// Sets it for what this session builds next on the table, until the end of the transaction if there
// is one. What is not a B-tree has all the memory: GIN and others get better with it.
absl::Status SetBuildLimits(Session& session, const QualifiedName& table, const std::string& method,
                            const BuildLimits& limits);

}  // namespace catalog

#endif  // CATALOG_INDEX_BUILD_H_
