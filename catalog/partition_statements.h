// Capture of a table that is a partition, or inherits from another table. Its rows come and go
// through the tables above it, too, for which its statement triggers do not fire: every row has to
// tell for itself. For a set that is all: what keeps it equal are row triggers anyway.
//
// The changes of a statement on a partition arrive one by one here, so that values which change
// places between rows under a unique index meet one another halfway. A row whose turn comes too
// early is left as it was; its key goes to the key log, marked with the writer's transaction, and
// when that commits, all of its marked keys are brought over together. What cannot be brought over
// even then stays in the key log, unmarked for everybody else, as with other tables.
//
// The same is done where a unique constraint is deferrable, since there the statements of a
// transaction may meet one another halfway, too.
//
// Pure, as in set_statements.h.

#ifndef CATALOG_PARTITION_STATEMENTS_H_
#define CATALOG_PARTITION_STATEMENTS_H_

#include <string>
#include <vector>

#include "catalog/set_definition.h"

namespace catalog {

// Further columns of the key log: the transaction that has to come back to the key, and whether
// this is its first.
inline constexpr char kWriterColumns[] = ", \"writer.xid\" xid8, \"writer.first\" boolean";

std::string RowLogBody(const SetDefinition& set, const Structure& structure);
std::string RowSyncBody(const SetDefinition& set, const Structure& structure);
// What a writer's transaction does before it commits, if it has marked keys.
std::string ApplyBody(const SetDefinition& set, const Structure& structure);

// As CreateLogTriggers, and CreateTableSyncTriggers.
std::vector<std::string> CreateRowLogTriggers(const SetDefinition& set, const Structure& structure);
std::vector<std::string> CreateRowSyncTriggers(const SetDefinition& set,
                                               const Structure& structure);
// Replaces the rows of these keys, a query, or marks the keys.
std::string ReplaceNowOrLater(const SetDefinition& set, const Structure& structure,
                              const std::string& keys);
// The trigger on the key log that calls the apply function; nothing where no key is ever marked.
std::vector<std::string> CreateApplyTrigger(const SetDefinition& set, const Structure& structure);

}  // namespace catalog

#endif  // CATALOG_PARTITION_STATEMENTS_H_
