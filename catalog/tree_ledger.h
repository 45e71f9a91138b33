// The durable record of a run over all partitions of a partitioned table. As in ledger.h, what
// writes runs inside the caller's transaction.

#ifndef CATALOG_TREE_LEDGER_H_
#define CATALOG_TREE_LEDGER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "catalog/session.h"

namespace catalog {

struct TreeRecord {
  std::int64_t tree_id = 0;
  std::string request;
  // A job of it that is open and has not swapped; 0: none.
  std::int64_t unswapped_job = 0;
};

// The run that is open over the partitioned table.
absl::StatusOr<std::optional<TreeRecord>> FindOpenTree(Session& session, std::int64_t root);
// kAlreadyExists: another one has just been opened.
absl::StatusOr<std::int64_t> InsertTree(Session& session, std::int64_t root,
                                        const std::string& name, const std::string& request);
absl::Status CloseTree(Session& session, std::int64_t tree_id);

struct TreeJob {
  std::int64_t job_id = 0;  // 0: none yet
  bool done = false;        // for good, or it rests after its swap as was asked
};
// The run's newest job on the partition of that name.
absl::StatusOr<TreeJob> FindTreeJob(Session& session, std::int64_t tree_id,
                                    const std::string& partition);
absl::Status SetTreeOfJob(Session& session, std::int64_t job_id, std::int64_t tree_id);

}  // namespace catalog

#endif  // CATALOG_TREE_LEDGER_H_
