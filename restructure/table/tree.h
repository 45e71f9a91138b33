// A partitioned table as a whole: a job for each partition that holds rows, one after another. What
// a run has done is in the ledger, so that the same command goes on where it was.

#ifndef RESTRUCTURE_TABLE_TREE_H_
#define RESTRUCTURE_TABLE_TREE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/names.h"
#include "catalog/session.h"
#include "restructure/job.h"
#include "restructure/table/request.h"

namespace restructure {

// What is asked for, and of which partition.
TableRequest RequestForPart(const TableRequest& request, const std::string& partition);

struct TreePart {
  std::string name;
  std::int64_t job_id = 0;  // of this run; 0: none yet
  bool done = false;
  std::int64_t rows = 0;
  std::int64_t space_bytes = 0;
};

struct TreePlan {
  catalog::QualifiedName name;
  std::int64_t root = 0;
  TableRequest request;
  std::optional<std::int64_t> tree_id;  // of the run that goes on
  std::optional<std::int64_t> over;     // of one that was given up for this one
  std::vector<TreePart> parts;          // in the order in which they are rebuilt
  std::int64_t space_bytes = 0;         // beside them, at the same time
};

// Whether the name is that of a partitioned table. False if there is no such relation.
absl::StatusOr<bool> IsPartitionedTable(catalog::Session& session, const std::string& name);

// Plans every partition that is not done: what one refuses, all refuse, before anything is written.
absl::StatusOr<TreePlan> PlanTree(catalog::Session& session, const TableRequest& request,
                                  std::int64_t space_max_bytes, const Settings& settings);

std::string RenderPlan(const TreePlan& plan, const Settings& settings);
std::string PlanToJson(const TreePlan& plan, const Settings& settings);

// Writes the run into the ledger, or finds it there.
absl::StatusOr<std::int64_t> OpenTree(catalog::Session& session, const TreePlan& plan);
// Opens the job of one part, or finds it, and returns its id. kNotFound: the partition is gone.
absl::StatusOr<std::int64_t> OpenPart(catalog::Session& session, std::int64_t tree_id,
                                      const TableRequest& request, const std::string& partition,
                                      std::int64_t space_max_bytes, const Settings& settings,
                                      const std::string& goal);
// All parts are done.
absl::Status EndTree(catalog::Session& session, std::int64_t tree_id);

}  // namespace restructure

#endif  // RESTRUCTURE_TABLE_TREE_H_
