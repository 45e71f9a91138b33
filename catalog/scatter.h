// A distribution sort of a table that is too large to be read once for each range of an order
// (distribution, or bucket, sort: Knuth, The Art of Computer Programming, volume 3, 5.2.5): its
// rows are scattered, block range by block range, into one range table for each range of the order,
// and each range table is then sorted into the replacement. What has been scattered is logged as
// all else is, so that a crash of the server costs no more than the batches under way.
//
// The range tables are partitions of one table in the schema restructure, whose bounds are the cuts
// of the ranges: PostgreSQL itself finds the one that a row belongs to.

#ifndef CATALOG_SCATTER_H_
#define CATALOG_SCATTER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/batches.h"
#include "catalog/order_batches.h"
#include "catalog/session.h"

namespace catalog {

// Each batch may touch, and so lock, all of the range tables.
inline constexpr std::int64_t kRangeTablesMax = 256;

// Creates the range tables, which belong to the owner of the source. In the caller's transaction,
// which saves the ranges. Requires: no two cuts are equal.
absl::Status CreateRangeTables(Session& session, const Target& target,
                               const std::vector<OrderRange>& ranges);

absl::StatusOr<bool> HasRangeTables(Session& session, const Structure& structure);

// Returns the rows scattered.
absl::StatusOr<std::int64_t> ScatterBlocks(Session& session, const Target& target,
                                           BlockRange blocks);

// Sorts one range table into the replacement and empties it. Returns the rows inserted.
// `memory_bytes`: for the sort.
absl::StatusOr<std::int64_t> GatherRange(Session& session, const Target& target,
                                         const OrderRange& range, std::int64_t memory_bytes);

// What is not there is no error.
absl::Status DropRangeTables(Session& session, const Structure& structure);

}  // namespace catalog

#endif  // CATALOG_SCATTER_H_
