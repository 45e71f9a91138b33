// The plan of a job on a table: see set/plan.h, whose counterpart for tables this is.

#ifndef RESTRUCTURE_TABLE_PLAN_H_
#define RESTRUCTURE_TABLE_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/facts.h"
#include "catalog/ledger.h"
#include "catalog/partition_facts.h"
#include "catalog/table_facts.h"
#include "restructure/job.h"
#include "restructure/table/ordered_copy.h"
#include "restructure/table/request.h"

namespace restructure {

struct TablePlan {
  TableRequest request;
  catalog::ServerFacts server;
  catalog::TableFacts table;
  catalog::TableShape shape;
  std::optional<catalog::PartitionShape> partition;  // its place in a tree
  std::vector<std::string> key;
  std::vector<catalog::SortColumn> order_by;
  OrderedCopy ordered_copy;  // with an order
  catalog::AlteredColumns columns;
  bool needs_key_index = false;            // the old key is not among the new table's unique ones
  std::vector<std::string> key_referrers;  // foreign keys onto it, for which its index stays
  std::int64_t space_bytes = 0;            // needed beside the table
  std::int64_t wal_bytes = 0;
  absl::Duration time;
  std::optional<catalog::JobRecord> open_job;  // the same request, begun earlier
  std::vector<std::string> warnings;
};

// Refusals come as in PlanSet. `space_max_bytes`: 0: no limit.
absl::StatusOr<TablePlan> PlanTable(catalog::Session& session, const TableRequest& request,
                                    std::int64_t space_max_bytes, const Settings& settings);

std::string RenderPlan(const TablePlan& plan, const Settings& settings);
std::string PlanToJson(const TablePlan& plan, const Settings& settings);

// Writes the job of an accepted plan into the ledger, and returns its id. kFailedPrecondition if
// another job has been started on the table since the plan was made.
absl::StatusOr<std::int64_t> OpenJob(catalog::Session& session, const TablePlan& plan,
                                     const std::string& goal);

}  // namespace restructure

#endif  // RESTRUCTURE_TABLE_PLAN_H_
