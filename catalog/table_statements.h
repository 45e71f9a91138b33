// The SQL text by which one side of a job on a table keeps the other one equal. Pure, as in
// set_statements.h; in `set` only the source (member) and the key count.

#ifndef CATALOG_TABLE_STATEMENTS_H_
#define CATALOG_TABLE_STATEMENTS_H_

#include <string>
#include <vector>

#include "catalog/set_definition.h"

namespace catalog {

// The rows of these keys, a query, go, and come back as the source holds them now. Deferrable
// constraints of the structure have been checked then.
std::string ReplaceRows(const SetDefinition& set, const Structure& structure,
                        const std::string& keys);

// What fails in `statements` must not fail the statement of the user, which the source has
// accepted: another trigger of the same statement may have more to do, the tables' columns or
// constraints may differ. The keys go to the structure's key log, and the exchange brings them
// over. A serialization failure is his own.
std::string OrKeepInMind(const SetDefinition& set, const Structure& structure,
                         const std::string& statements, const std::string& keys);

// The function behind the sync triggers. A change that cannot be applied does not fail the
// statement that makes it: its keys go to the structure's key log.
std::vector<std::string> CreateTableSyncFunction(const SetDefinition& set,
                                                 const Structure& structure,
                                                 const std::string& owner);

// The sync triggers on the source, disabled. Takes SHARE ROW EXCLUSIVE on it.
std::vector<std::string> CreateTableSyncTriggers(const SetDefinition& set,
                                                 const Structure& structure);

}  // namespace catalog

#endif  // CATALOG_TABLE_STATEMENTS_H_
