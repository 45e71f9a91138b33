// Runs the statements of set_statements on a session: the DDL of a set's life, in the caller's
// transaction.

#ifndef CATALOG_SET_OBJECTS_H_
#define CATALOG_SET_OBJECTS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/batches.h"
#include "catalog/index_build.h"
#include "catalog/session.h"
#include "catalog/set_definition.h"

namespace catalog {

// In one round trip: locks may be held.
absl::Status ExecuteAll(Session& session, const std::vector<std::string>& statements);
// The owner of a table, to whom all goes that is made for it: SECURITY DEFINER functions then have
// that role's rights and no more, whoever runs the tool.
absl::StatusOr<std::string> OwnerOf(Session& session, std::int64_t table);

// Takes `mode` on the tables, in order. A superuser's request makes an autovacuum of theirs give
// way at once; other roles wait for it. `before`: statements that take other locks first.
absl::Status LockTables(Session& session, const std::vector<QualifiedName>& tables,
                        const std::string& mode, std::vector<std::string> before = {});
// ACCESS EXCLUSIVE on the alias view alone (LOCK TABLE would lock what lies under it, too).
absl::Status LockAlias(Session& session, const SetDefinition& set);

// The empty side table and its helpers; touches the member table with no lock.
absl::Status BuildStructure(Session& session, const Target& target);
// Requires SHARE ROW EXCLUSIVE on the member table (and on `members`, where there is one). From the
// commit on, every change is in the key log.
absl::Status StartCapture(Session& session, const Target& target);
// The same locks. From the commit on, writers keep the replacement equal themselves.
absl::Status MakeSynchronous(Session& session, const Target& target);

// What an exchange does before it takes the lock; `retired` goes on being kept equal. See
// CommitWithoutFlush: both structures are equal, so that a crash may undo the exchange.
absl::Status PrepareExchange(Session& session, const SetDefinition& set, const Structure& live,
                             const Structure& retired);
// Requires LockAlias.
absl::Status PointAlias(Session& session, const SetDefinition& set, const Structure& live);
// Creates the alias of a new set. kAlreadyExists if its name is taken by now.
absl::Status CreateAlias(Session& session, const SetDefinition& set, const Structure& live);
absl::Status DropAlias(Session& session, const SetDefinition& set);

// Indexes of a replacement: true if it is there already.
absl::StatusOr<bool> HasIndex(Session& session, const Structure& structure,
                              const std::string& index);
absl::Status BuildIndex(Session& session, const Target& target, bool key_index,
                        const BuildLimits& limits);
absl::Status AttachKey(Session& session, const Structure& structure);
absl::Status DropIndexes(Session& session, const Structure& structure);
absl::Status DropOrderIndex(Session& session, const Structure& structure);
absl::Status DropKeyIndex(Session& session, const Structure& structure);
// What stands on the alias, in words.
absl::StatusOr<std::vector<std::string>> DependantsOfAlias(Session& session,
                                                           const SetDefinition& set);

absl::Status VacuumStructure(Session& session, const Structure& structure);
absl::Status VacuumKeyLog(Session& session, const Structure& structure);

// True if the writers keep the structure equal: it is there and its four sync triggers fire always.
absl::StatusOr<bool> IsKept(Session& session, const SetDefinition& set, const Structure& structure);

// Capture of a retired structure stops; no lock on the member table.
absl::Status StopCapture(Session& session, const SetDefinition& set, const Structure& retired,
                         const std::optional<Structure>& live);
// Changes of membership in `live` reach nothing else any more.
absl::Status StopMirror(Session& session, const Structure& live);
// The triggers on the member table: takes ACCESS EXCLUSIVE on it.
absl::Status DropCaptureTriggers(Session& session, const SetDefinition& set,
                                 const Structure& structure, bool log_only);
// What is left of a structure without triggers.
absl::Status DropStructure(Session& session, const Structure& structure);
// The key log of a structure that has become synchronous.
absl::Status DropKeyLog(Session& session, const Structure& structure);

}  // namespace catalog

#endif  // CATALOG_SET_OBJECTS_H_
