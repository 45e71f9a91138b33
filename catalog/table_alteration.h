// Other columns for a table: what an operator writes is tried on an empty copy, which is rolled
// back, and comes out as one expression for each column, in the server's words.

#ifndef CATALOG_TABLE_ALTERATION_H_
#define CATALOG_TABLE_ALTERATION_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/facts.h"
#include "catalog/session.h"
#include "catalog/set_definition.h"

namespace catalog {

// As written.
struct TableAlteration {
  using Expressions = std::vector<std::pair<std::string, std::string>>;  // column, expression

  std::vector<std::string> alters;  // sub-commands of ALTER TABLE
  Expressions columns;              // of the new table, over the old one's columns
  Expressions reverse;              // of the old table, over the new one's columns

  bool empty() const { return alters.empty() && columns.empty() && reverse.empty(); }
};

struct AlteredColumns {
  std::vector<Column> new_columns;   // that are copied into the new table
  std::vector<Column> old_columns;   // that are kept in the old one afterwards
  std::vector<std::string> changed;  // columns of the new table that differ from the old one's
  std::vector<std::string> lost;     // columns of the old one that nothing brings back
};

// kInvalidArgument or kFailedPrecondition, with a HINT: what the server refuses, an expression that
// is not immutable, a change of type that could lose values, a column that nothing fills, something
// that needs a column as it was. `generated` are columns of `table` that the server computes.
absl::StatusOr<AlteredColumns> TryAlteration(Session& session, const TableFacts& table,
                                             const std::vector<std::string>& generated,
                                             const TableAlteration& alteration);

// Runs the sub-commands on a table, with names as the operator's own session has them.
absl::Status AlterTable(Session& session, const QualifiedName& table,
                        const std::vector<std::string>& alters);

}  // namespace catalog

#endif  // CATALOG_TABLE_ALTERATION_H_
