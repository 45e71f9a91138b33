// What the plan of a table refuses; see refusals.h, one level up.

#ifndef RESTRUCTURE_TABLE_REFUSALS_H_
#define RESTRUCTURE_TABLE_REFUSALS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/facts.h"
#include "catalog/table_facts.h"

namespace restructure {

absl::Status RefuseTableKind(const catalog::TableFacts& table, const catalog::TableShape& shape);
absl::Status RefuseHiddenFromOwner(const catalog::TableFacts& table,
                                   const catalog::TableShape& shape);
absl::Status RefuseSets(const catalog::TableFacts& table, const catalog::TableShape& shape);
absl::Status RefuseInvalidIndexes(const catalog::TableFacts& table,
                                  const catalog::TableShape& shape);
// Dependants that cannot go over to the new table, or not by this role.
absl::Status RefuseDependants(const catalog::TableFacts& table, const catalog::TableShape& shape,
                              const catalog::ServerFacts& server);
absl::Status RefusePrimaryKey(const catalog::TableFacts& table,
                              const std::vector<catalog::Column>& columns,
                              const std::vector<std::string>& primary_key);
// `duplicates`: samples.
absl::Status RefuseDuplicateKeys(const catalog::TableFacts& table,
                                 const std::vector<std::string>& primary_key,
                                 const std::vector<std::string>& duplicates);
absl::Status RefuseSpace(const catalog::TableFacts& table, std::int64_t needed_bytes,
                         std::int64_t space_max_bytes);

}  // namespace restructure

#endif  // RESTRUCTURE_TABLE_REFUSALS_H_
