// The exchange of a partition with another table: the tree lets the one go and takes the other one
// in, in one transaction and without reading a row under its locks.
//
// PostgreSQL reads a table that is attached, and the default partition beside it, unless their
// constraints say already that all rows are in the right place; and it reads for each foreign key
// that the table lacks. So the table gets all of these beforehand. Those of its foreign keys that
// come from above are enforced for the user's transactions, too, as long as they are there, with no
// other effect than on the table that bears the name: they are checked only when a transaction
// commits, and the two tables are equal then.

#ifndef CATALOG_PARTITION_EXCHANGE_H_
#define CATALOG_PARTITION_EXCHANGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/names.h"
#include "catalog/session.h"

namespace catalog {

// The constraint that tells a table's rows to be in the partition's bounds, while it is not the
// partition; of the default partition, that its rows are not, for one job.
inline constexpr char kBoundConstraint[] = "pg_restructure_bound";
std::string DefaultBoundConstraint(std::int64_t job_id);

// What the partition's own bound says about its rows, without what its parents' say; empty where
// that cannot be told.
absl::StatusOr<std::string> OwnBound(Session& session, std::int64_t partition);

// The constraint of the partition `from`, on the empty table `to`.
absl::Status AddBoundConstraint(Session& session, std::int64_t from, std::int64_t to);

// One thing that has to be done before `to` can take the place of `from`.
struct Preparation {
  QualifiedName table;  // on which it takes its lock
  std::string mode;
  std::string statement;
};
// The next one; nothing when all is ready. Each is a transaction of its own; those that read a
// table let readers and writers go on.
absl::StatusOr<std::optional<Preparation>> NextPreparation(Session& session, std::int64_t job_id,
                                                           std::int64_t from, std::int64_t to);
// What is left of that on the default partition: statements that drop it.
absl::StatusOr<std::vector<Preparation>> PreparationLeftovers(Session& session,
                                                              std::int64_t job_id);

// What the exchange of two partitions does besides that of two tables. `what`: first (before the
// names change), do, above (tables to lock before the partition), beside (after it), related,
// validate. `place`: where among the other statements.
struct PartitionMove {
  std::string what;
  int place = 0;
  std::string text;
  std::string more;
};
// `name`: of the table that has the name, as SQL; `retired`: what it is called afterwards.
absl::StatusOr<std::vector<PartitionMove>> WritePartitionMoves(Session& session, std::int64_t from,
                                                               const std::string& name,
                                                               const std::string& retired);

}  // namespace catalog

#endif  // CATALOG_PARTITION_EXCHANGE_H_
