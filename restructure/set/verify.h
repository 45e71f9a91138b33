// Comparing a set with its member table at any time, outside of a job.

#ifndef RESTRUCTURE_SET_VERIFY_H_
#define RESTRUCTURE_SET_VERIFY_H_

#include <string>

#include "absl/status/statusor.h"
#include "catalog/batches.h"
#include "restructure/job.h"

namespace restructure {

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
