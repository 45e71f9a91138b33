// The ledger's record of why a job went at the pace at which it went.

#ifndef CATALOG_DECISIONS_H_
#define CATALOG_DECISIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/session.h"

namespace catalog {

struct DecisionRecord {
  absl::Duration age;  // since it was made, by the server's clock; written as zero
  double pressure = 0;
  std::string reason;
  double effective_workers = 0;
  int workers = 0;
  std::int64_t rows_per_batch = 0;
  absl::Duration batch;
  std::optional<absl::Duration> commit;
  std::optional<int> busy;
};

absl::Status AddDecision(Session& session, std::int64_t job_id, const DecisionRecord& decision);

// Deletes all but the newest so many of a job.
absl::Status ThinDecisions(Session& session, std::int64_t job_id, int keep);

// Empty if there is none.
absl::StatusOr<std::optional<DecisionRecord>> LastDecision(Session& session, std::int64_t job_id);

}  // namespace catalog

#endif  // CATALOG_DECISIONS_H_
