// The SQL text by which one side of a job on a table keeps the other one equal. Pure, as in
// set_statements.h; in `set` only the source (member) and the key count.

#ifndef CATALOG_TABLE_STATEMENTS_H_
#define CATALOG_TABLE_STATEMENTS_H_

#include <string>
#include <vector>

#include "catalog/set_definition.h"

namespace catalog {

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
