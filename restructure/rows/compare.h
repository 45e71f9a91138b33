// Comparing a replacement with its source, range by range.

#ifndef RESTRUCTURE_ROWS_COMPARE_H_
#define RESTRUCTURE_ROWS_COMPARE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/batches.h"
#include "restructure/job.h"

namespace restructure {

// Comparing reads rows of both sides: keeps a range to some 16 MiB of a set, of a table to 96 MiB,
// or 256 MiB where nobody has to be spared.
absl::StatusOr<std::int64_t> RowsPerComparison(catalog::Session& session,
                                               const catalog::Target& target, bool spares_others);

// Runs `compare` over all ranges on the job's workers; ranges that differ go to `suspects`.
absl::StatusOr<catalog::Comparison> CompareAll(
    const Job& job, const std::vector<catalog::KeyRange>& ranges,
    const std::function<absl::StatusOr<catalog::Comparison>(catalog::Session&,
                                                            const catalog::KeyRange&)>& compare,
    std::vector<catalog::KeyRange>* suspects);

}  // namespace restructure

#endif  // RESTRUCTURE_ROWS_COMPARE_H_
