// The sort key of a set, as an operator writes it: 'abalance desc nulls last, name collate "C"'.

#ifndef CATALOG_SORT_KEY_H_
#define CATALOG_SORT_KEY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "catalog/names.h"

namespace catalog {

struct SortColumn {
  std::string column;
  QualifiedName collation;  // Empty name: the column's own.
  bool descending = false;
  bool nulls_first = false;  // PostgreSQL's default: as if NULL were larger than all values.
};

bool operator==(const SortColumn& a, const SortColumn& b);

// Reads column [COLLATE c] [ASC|DESC] [NULLS FIRST|LAST], …; columns only, no expressions.
// kInvalidArgument with a HINT.
absl::StatusOr<std::vector<SortColumn>> ParseSortKey(absl::string_view text);

// The canonical text: parses back to the same key. Defaults are left out.
std::string DisplaySortKey(const std::vector<SortColumn>& key);

// One element for ORDER BY or an index definition, every identifier quoted, direction and
// place of NULLs written out.
std::string SortColumnSql(const SortColumn& column, absl::string_view prefix);

}  // namespace catalog

#endif  // CATALOG_SORT_KEY_H_
