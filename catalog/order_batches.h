// Copying a table in an order: key ranges of about the same size, cut from a sample, each of them
// read out of the source and sorted in one transaction with its mark.

#ifndef CATALOG_ORDER_BATCHES_H_
#define CATALOG_ORDER_BATCHES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/batches.h"
#include "catalog/session.h"

namespace catalog {

// Rows whose leading columns of the order lie after `low` and not after `high`; empty: unbounded.
struct OrderRange {
  std::int64_t number = 0;  // in the order asked for
  std::vector<std::string> low, high;
  bool nulls = false;  // instead: the rows whose leading column is NULL
};

// The columns by which ranges are cut: the longest beginning of the order that one row comparison
// can tell, which is to say without NULLs and in one direction. At least the first.
std::vector<SortColumn> CuttingColumns(const Structure& structure);

// Cuts `target`'s source into ranges of about `rows` rows of `rows_estimate`.
absl::StatusOr<std::vector<OrderRange>> CutByOrder(Session& session, const Target& target,
                                                   std::int64_t rows, std::int64_t rows_estimate);

absl::Status SaveOrderRanges(Session& session, std::int64_t job_id,
                             const std::vector<OrderRange>& ranges);
struct MarkedOrderRange {
  OrderRange range;
  bool done = false;
  std::int64_t rows = 0;
};
absl::StatusOr<std::vector<MarkedOrderRange>> LoadOrderRanges(Session& session,
                                                              std::int64_t job_id);
// kAlreadyExists if it was marked before: an earlier COMMIT whose answer was lost had gone through.
absl::Status MarkOrderRange(Session& session, std::int64_t job_id, const OrderRange& range,
                            std::int64_t rows);

// What follows ORDER BY; the row is `s`.
std::string OrderOf(const std::vector<SortColumn>& columns);

// So much memory for a sort, until the transaction ends.
absl::Status LendMemory(Session& session, std::int64_t bytes);

// Returns the rows inserted. `memory_bytes`: for the sort.
absl::StatusOr<std::int64_t> CopyOrderRange(Session& session, const Target& target,
                                            const OrderRange& range, std::int64_t memory_bytes);

}  // namespace catalog

#endif  // CATALOG_ORDER_BATCHES_H_
