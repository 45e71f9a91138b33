// What the plan of an index refuses; see refusals.h.

#ifndef RESTRUCTURE_INDEX_REFUSALS_H_
#define RESTRUCTURE_INDEX_REFUSALS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/facts.h"
#include "catalog/index_facts.h"

namespace restructure {

// The index and its table, whatever is asked.
absl::Status RefuseIndex(const catalog::IndexFacts& index, const catalog::ServerFacts& server);

// The definition that is asked for.
absl::Status RefuseSameIndex(const catalog::IndexFacts& index,
                             const catalog::TriedDefinition& replacement);
absl::Status RefuseUnderConstraint(const catalog::IndexFacts& index,
                                   const catalog::TriedDefinition& replacement,
                                   const std::vector<std::string>& nullable_columns);
absl::Status RefuseForeignKeys(const catalog::IndexFacts& index,
                               const catalog::TriedDefinition& replacement,
                               const catalog::ServerFacts& server);
absl::Status RefuseClusterMark(const catalog::IndexFacts& index,
                               const catalog::TriedDefinition& replacement);
absl::Status RefuseReplicaIdentity(const catalog::IndexFacts& index,
                                   const catalog::TriedDefinition& replacement,
                                   const std::vector<std::string>& nullable_columns);
absl::Status RefuseDuplicates(const catalog::IndexFacts& index,
                              const catalog::TriedDefinition& replacement,
                              const std::vector<std::string>& duplicates);

}  // namespace restructure

#endif  // RESTRUCTURE_INDEX_REFUSALS_H_
