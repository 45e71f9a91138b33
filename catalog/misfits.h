// Rows of a table whose values do not fit the columns of the one that is to take its place.

#ifndef CATALOG_MISFITS_H_
#define CATALOG_MISFITS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/names.h"
#include "catalog/session.h"
#include "catalog/set_definition.h"

namespace catalog {

// Looks for rows whose values do not fit these columns of the new table: a few, in words, by
// key, with what the server says of a value that it cannot convert. Works for a quarter of the
// time, a few pages at once, since nothing else paces it. kDeadlineExceeded when `limit` is over
// before all rows were seen, and none was found.
absl::StatusOr<std::vector<std::string>> FindMisfits(Session& session, const QualifiedName& table,
                                                     const std::vector<std::string>& key,
                                                     const std::vector<Column>& columns,
                                                     absl::Duration limit);

}  // namespace catalog

#endif  // CATALOG_MISFITS_H_
