// What the plan of a set refuses; see restructure/refusals.h.

#ifndef RESTRUCTURE_SET_REFUSALS_H_
#define RESTRUCTURE_SET_REFUSALS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/facts.h"
#include "catalog/ledger.h"
#include "catalog/set_definition.h"

namespace restructure {

absl::Status RefuseMemberKind(const catalog::TableFacts& member);
absl::Status RefuseForeignMember(const catalog::TableFacts& member,
                                 const catalog::ServerFacts& server);
absl::Status RefuseHiddenRows(const catalog::TableFacts& member);
absl::Status RefuseNoKey(const catalog::TableFacts& member);
absl::Status RefuseUnknownColumns(const catalog::TableFacts& member,
                                  const std::vector<std::string>& columns,
                                  const std::string& option);
absl::Status RefuseLongName(const catalog::QualifiedName& alias);
absl::Status RefuseSameOrder(const catalog::SetDefinition& set, const catalog::Structure& live,
                             const catalog::Structure& replacement,
                             const std::vector<std::string>& show);
// A set of that name is there: as asked for, or another one.
absl::Status RefuseExistingSet(const catalog::SetDefinition& existing,
                               const catalog::Structure& live, const catalog::SetDefinition& asked,
                               const catalog::Structure& replacement);

// The key of the member table: its primary key, or else its first unique index over NOT NULL
// columns; empty if it has none.
std::vector<std::string> KeyOf(const catalog::TableFacts& member);

}  // namespace restructure

#endif  // RESTRUCTURE_SET_REFUSALS_H_
