// Who waits for whom, and whose snapshot is how old. Reads only.

#ifndef CATALOG_WAITS_H_
#define CATALOG_WAITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/names.h"
#include "catalog/session.h"

namespace catalog {

// A transaction of this database that holds a snapshot.
struct SnapshotHolder {
  int pid = 0;
  std::string virtual_transaction;
  std::string xmin;
  std::string description;  // "pid 4711 (app_user, pgbench), in a transaction for 12s"
};

// All of them but ours. Take it after a commit: whoever is not in it, or has left it since, sees
// that commit.
absl::StatusOr<std::vector<SnapshotHolder>> SnapshotHolders(Session& session);

// Those of `before` that still hold the same snapshot.
absl::StatusOr<std::vector<SnapshotHolder>> StillHolding(Session& session,
                                                         const std::vector<SnapshotHolder>& before);

// A transaction that may write a table: its triggers may run in it.
struct Writer {
  int pid = 0;
  std::string virtual_transaction;
  std::string description;
};

// Take it after a commit that changed a trigger's function: whoever is not in it, or has left it
// since, runs the new function. A session that had its lock before may still run the old one.
absl::StatusOr<std::vector<Writer>> WritersOf(Session& session, const QualifiedName& relation);
absl::StatusOr<std::vector<Writer>> StillWriting(Session& session, const QualifiedName& relation,
                                                 const std::vector<Writer>& before);

// The oldest transaction whose lock on the relation keeps `mode` (SHARE ROW EXCLUSIVE or ACCESS
// EXCLUSIVE) out; for people. Empty: nobody that can be seen.
absl::StatusOr<std::string> DescribeLockers(Session& session, const QualifiedName& relation,
                                            const std::string& mode);

}  // namespace catalog

#endif  // CATALOG_WAITS_H_
