// Looks for anything of ours that should not be there, and for anything of a set, or of an open job
// on a table, that is missing.

#ifndef CATALOG_DOCTOR_H_
#define CATALOG_DOCTOR_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/session.h"

namespace catalog {

struct Finding {
  std::string what;  // "trigger pg_restructure_7_sync_insert on public.t belongs to no structure"
  std::string hint;
};

struct Diagnosis {
  std::vector<Finding> findings;
  std::vector<std::string> notes;  // open jobs: theirs is no leftover
};

// Reads only. Nothing installed is a clean bill.
absl::StatusOr<Diagnosis> Diagnose(Session& session);

}  // namespace catalog

#endif  // CATALOG_DOCTOR_H_
