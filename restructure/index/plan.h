// The plan of a job on an index: see plan.h, whose counterpart for sets this is.

#ifndef RESTRUCTURE_INDEX_PLAN_H_
#define RESTRUCTURE_INDEX_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/facts.h"
#include "catalog/index_facts.h"
#include "catalog/ledger.h"
#include "restructure/index/request.h"
#include "restructure/job.h"

namespace restructure {

struct IndexPlan {
  IndexRequest request;
  catalog::ServerFacts server;
  catalog::IndexFacts index;
  catalog::TriedDefinition replacement;
  std::optional<catalog::JobRecord> open_job;  // the same request, begun earlier
  std::vector<std::string> warnings;
};

// Refusals come as in PlanSet.
absl::StatusOr<IndexPlan> PlanIndex(catalog::Session& session, const IndexRequest& request,
                                    const Settings& settings);

std::string RenderPlan(const IndexPlan& plan, const Settings& settings);
std::string PlanToJson(const IndexPlan& plan, const Settings& settings);

// Writes the job of an accepted plan into the ledger, and returns its id. kFailedPrecondition if
// another job has been started on the index since the plan was made.
absl::StatusOr<std::int64_t> OpenJob(catalog::Session& session, const IndexPlan& plan,
                                     const std::string& goal);

}  // namespace restructure

#endif  // RESTRUCTURE_INDEX_PLAN_H_
