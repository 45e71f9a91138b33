// Comparing a structure with its member table: inside a job, and any time by itself.

#ifndef RESTRUCTURE_SET_VERIFY_H_
#define RESTRUCTURE_SET_VERIFY_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/batches.h"
#include "restructure/job.h"

namespace restructure {

// Runs `compare` over all ranges on the job's workers; ranges that differ go to `suspects`.
absl::StatusOr<catalog::Comparison> CompareAll(
    const Job& job, const std::vector<catalog::KeyRange>& ranges,
    const std::function<absl::StatusOr<catalog::Comparison>(catalog::Session&,
                                                            const catalog::KeyRange&)>& compare,
    std::vector<catalog::KeyRange>* suspects);

struct VerifyResult {
  std::string name;
  catalog::Comparison comparison;
};

// Compares the live structure of a set with its member table, outside of any job: nothing is
// written. kNotFound if there is no such set, or it has not been created completely.
absl::StatusOr<VerifyResult> VerifyNamedSet(const std::string& conninfo, catalog::Session& session,
                                            const std::string& name, const Settings& settings);

}  // namespace restructure

#endif  // RESTRUCTURE_SET_VERIFY_H_
