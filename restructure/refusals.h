// What a plan refuses, one function for each: OK, or a status that names the object, says what was
// found and what was expected, and ends in a HINT. Those that judge facts which were read before
// are pure. Here is what all kinds share; each kind's folder has its own.

#ifndef RESTRUCTURE_REFUSALS_H_
#define RESTRUCTURE_REFUSALS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/facts.h"
#include "catalog/ledger.h"

namespace restructure {

absl::Status RefuseServer(const catalog::ServerFacts& server);
absl::Status RefuseConnections(const catalog::ServerFacts& server, int workers);
// Publications that would take in what the tool creates beside `name`.
absl::Status RefuseBlanketPublications(const std::string& name,
                                       const std::vector<std::string>& publications);

// A job on the table itself, where a set or an index of it is asked for.
absl::Status RefuseTableJob(catalog::Session& session, std::int64_t table_oid,
                            const std::string& table);
absl::Status RefuseOtherJob(const catalog::JobRecord& open, const std::string& request);

// kPermissionDenied, with the GRANT that is missing, if the role may not create or use the ledger.
absl::Status CheckLedgerPrivileges(catalog::Session& session, const catalog::ServerFacts& server);

}  // namespace restructure

#endif  // RESTRUCTURE_REFUSALS_H_
