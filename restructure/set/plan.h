// The plan of a job on a set: what will be done, in which steps, under which locks, what it costs,
// and what is refused. Reads everything, changes nothing.

#ifndef RESTRUCTURE_SET_PLAN_H_
#define RESTRUCTURE_SET_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/facts.h"
#include "catalog/ledger.h"
#include "catalog/set_definition.h"
#include "restructure/job.h"
#include "restructure/set/request.h"

namespace restructure {

struct Estimates {
  std::int64_t rows = 0;
  std::int64_t heap_bytes = 0;
  std::int64_t index_bytes = 0;
  std::int64_t wal_bytes = 0;
  absl::Duration time;
};

struct SetPlan {
  SetRequest request;
  catalog::ServerFacts server;
  catalog::TableFacts member;
  catalog::SetDefinition set;
  std::optional<catalog::Structure> old;
  catalog::Structure replacement;              // not numbered yet
  std::optional<catalog::JobRecord> open_job;  // the same request, begun earlier
  Estimates estimates;
  std::vector<std::string> warnings;
};

// Refusals come as a status with a HINT: kInvalidArgument (what was written), kNotFound,
// kAlreadyExists, kPermissionDenied, kFailedPrecondition (what the server or table is).
absl::StatusOr<SetPlan> PlanSet(catalog::Session& session, const SetRequest& request,
                                const Settings& settings);

// For people; and as JSON for machines.
std::string RenderPlan(const SetPlan& plan, const Settings& settings);
std::string PlanToJson(const SetPlan& plan, const Settings& settings);

// Writes the job of an accepted plan into the ledger, and returns its id. kFailedPrecondition if
// another job has been started on the set since the plan was made.
absl::StatusOr<std::int64_t> OpenJob(catalog::Session& session, const SetPlan& plan,
                                     const std::string& goal);

}  // namespace restructure

#endif  // RESTRUCTURE_SET_PLAN_H_
