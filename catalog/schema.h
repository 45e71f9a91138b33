// The schema restructure: the catalog of sets and structures, the ledger of jobs, the views and
// functions for use from SQL. Versioned; the tool creates and upgrades it.

#ifndef CATALOG_SCHEMA_H_
#define CATALOG_SCHEMA_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/session.h"

namespace catalog {

// The version that this program works with.
constexpr int kSchemaVersion = 5;

// From here on there are adjustments and decisions.
constexpr int kSteeringVersion = 4;

// The version installed in the session's database; 0 where there is none.
absl::StatusOr<int> InstalledSchemaVersion(Session& session);

// Creates or upgrades the schema, in one transaction; returns at once if it is there. Two
// processes may call it at the same time. kFailedPrecondition where the schema is newer than this
// program; kPermissionDenied, with the GRANT that is missing, where the role may not.
absl::Status InstallSchema(Session& session);

}  // namespace catalog

#endif  // CATALOG_SCHEMA_H_
