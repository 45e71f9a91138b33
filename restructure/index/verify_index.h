// Comparing any index with its table, outside of a job: nothing is written.

#ifndef RESTRUCTURE_INDEX_VERIFY_INDEX_H_
#define RESTRUCTURE_INDEX_VERIFY_INDEX_H_

#include <string>

#include "absl/status/statusor.h"
#include "catalog/index_objects.h"

namespace restructure {

struct IndexVerdict {
  std::string name;
  catalog::IndexCheck check;  // of all its parts together
};

// kNotFound if there is no such index.
absl::StatusOr<IndexVerdict> VerifyNamedIndex(catalog::Session& session, const std::string& name);

}  // namespace restructure

#endif  // RESTRUCTURE_INDEX_VERIFY_INDEX_H_
