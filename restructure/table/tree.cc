#include "restructure/table/tree.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "catalog/facts.h"
#include "catalog/partition_facts.h"
#include "catalog/schema.h"
#include "catalog/tree_ledger.h"
#include "restructure/planned_step.h"
#include "restructure/table/leaf.h"
#include "restructure/table/plan.h"
#include "restructure/table/refusals.h"

namespace restructure {
namespace {

absl::StatusOr<std::optional<std::int64_t>> Find(catalog::Session& session,
                                                 const std::string& name) {
  absl::StatusOr<catalog::QualifiedName> parsed = catalog::ParseQualifiedName(name);
  if (!parsed.ok()) return parsed.status();
  return catalog::FindRelation(session, *parsed);
}

absl::Status RefuseLeaves(const catalog::QualifiedName& table,
                          const std::vector<catalog::Leaf>& leaves) {
  if (leaves.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        table.Display(), " has no partition that holds rows\nHINT: there is nothing to rebuild."));
  }
  for (const catalog::Leaf& leaf : leaves) {
    if (leaf.kind != 'f') continue;
    return absl::FailedPreconditionError(
        absl::StrCat(table.Display(), " has a foreign partition, ", leaf.name.Display(),
                     "\nHINT: rebuild the other partitions one by one, and this one where it "
                     "lives."));
  }
  return absl::OkStatus();
}

// A run that is open is gone on with, or it is over.
absl::Status FindRun(catalog::Session& session, TreePlan* plan) {
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  if (*version < catalog::kSchemaVersion) return absl::OkStatus();
  absl::StatusOr<std::optional<catalog::TreeRecord>> open =
      catalog::FindOpenTree(session, plan->root);
  if (!open.ok() || !open->has_value()) return open.status();
  const catalog::TreeRecord& run = **open;
  if (run.request == ToJson(plan->request)) {
    plan->tree_id = run.tree_id;
  } else if (run.unswapped_job == 0) {
    plan->over = run.tree_id;
  } else {
    return absl::FailedPreconditionError(absl::StrCat(
        "job ", run.unswapped_job, " is rebuilding a partition of ", plan->name.Display(),
        " with other options\nHINT: run that command again, or `pg_restructure abort ",
        run.unswapped_job, "` first."));
  }
  return absl::OkStatus();
}

absl::Status PlanPart(catalog::Session& session, const TreePlan& plan, const catalog::Leaf& leaf,
                      std::int64_t space_max_bytes, const Settings& settings, TreePart* part) {
  part->name = leaf.name.Display();
  if (plan.tree_id) {
    absl::StatusOr<catalog::TreeJob> job = catalog::FindTreeJob(session, *plan.tree_id, part->name);
    if (!job.ok()) return job.status();
    part->job_id = job->job_id;
    part->done = job->done;
    if (part->done) return absl::OkStatus();
  }
  absl::StatusOr<TablePlan> planned =
      PlanTable(session, RequestForPart(plan.request, part->name), space_max_bytes, settings);
  if (!planned.ok()) return planned.status();
  part->rows = planned->table.rows_estimate;
  part->space_bytes = planned->space_bytes;
  return absl::OkStatus();
}

// Each partition soaks for itself; without a soak time they all do so together.
bool KeepsAll(const Settings& settings) { return !settings.soak.has_value(); }

std::string AfterText(const Settings& settings) {
  if (KeepsAll(settings)) return "each is kept beside its old table until `finish` of its job";
  if (*settings.soak == absl::ZeroDuration()) {
    return "each is finished before the next one begins (--soak 0)";
  }
  return absl::StrCat("each soaks for ", absl::FormatDuration(*settings.soak),
                      " and is finished before the next one begins");
}

}  // namespace

TableRequest RequestForPart(const TableRequest& request, const std::string& partition) {
  TableRequest part = request;
  part.name = partition;
  return part;
}

absl::StatusOr<bool> IsPartitionedTable(catalog::Session& session, const std::string& name) {
  absl::StatusOr<std::optional<std::int64_t>> oid = Find(session, name);
  if (!oid.ok()) return oid.status();
  if (!oid->has_value()) return false;
  absl::StatusOr<catalog::TableFacts> table = catalog::ReadTable(session, **oid);
  if (!table.ok()) return table.status();
  return table->kind == 'p';
}

absl::StatusOr<TreePlan> PlanTree(catalog::Session& session, const TableRequest& request,
                                  std::int64_t space_max_bytes, const Settings& settings) {
  TreePlan plan;
  plan.request = request;
  absl::StatusOr<std::optional<std::int64_t>> oid = Find(session, request.name);
  if (!oid.ok()) return oid.status();
  if (!oid->has_value()) return absl::NotFoundError(absl::StrCat("no table ", request.name));
  plan.root = **oid;
  absl::StatusOr<catalog::TableFacts> table = catalog::ReadTable(session, plan.root);
  if (!table.ok()) return table.status();
  plan.name = table->name;
  plan.request.name = plan.name.Display();
  absl::StatusOr<std::vector<catalog::Leaf>> leaves = catalog::ReadLeaves(session, plan.root);
  if (!leaves.ok()) return leaves.status();
  absl::Status status = RefuseChangeOfOnePart(plan.name, plan.request);
  if (status.ok()) status = RefuseLeaves(plan.name, *leaves);
  if (status.ok()) status = FindRun(session, &plan);
  for (const catalog::Leaf& leaf : *leaves) {
    if (!status.ok()) return status;
    plan.parts.emplace_back();
    status = PlanPart(session, plan, leaf, space_max_bytes, settings, &plan.parts.back());
    const std::int64_t space = plan.parts.back().space_bytes;
    plan.space_bytes =
        KeepsAll(settings) ? plan.space_bytes + space : std::max(plan.space_bytes, space);
  }
  if (status.ok()) status = RefuseSpace(*table, plan.space_bytes, space_max_bytes);
  if (!status.ok()) return status;
  return plan;
}

std::string RenderPlan(const TreePlan& plan, const Settings& settings) {
  std::string text = absl::StrFormat(
      "Plan for partitioned table %s\n"
      "  partitions     %d, one after another; %s\n"
      "  rows lie in    %s\n"
      "  estimates      %s beside them at most\n",
      plan.name.Display(), plan.parts.size(), AfterText(settings),
      plan.request.order_by.empty() ? "the order in which they lie now" : plan.request.order_by,
      Megabytes(plan.space_bytes));
  for (const TreePart& part : plan.parts) {
    absl::StrAppend(&text, "  ", part.name, "  ");
    if (part.done) {
      absl::StrAppend(&text, "done by job ", part.job_id, "\n");
    } else {
      absl::StrAppend(&text, part.rows, " rows, ", Megabytes(part.space_bytes), "\n");
    }
  }
  return absl::StrCat(text, "  `plan table` with a partition's name shows its steps and locks\n");
}

std::string PlanToJson(const TreePlan& plan, const Settings& settings) {
  nlohmann::ordered_json object;
  object["kind"] = "partitioned table";
  object["name"] = plan.name.Display();
  object["order_by"] = plan.request.order_by;
  object["space_bytes"] = plan.space_bytes;
  object["keeps_all"] = KeepsAll(settings);
  object["partitions"] = nlohmann::ordered_json::array();
  for (const TreePart& part : plan.parts) {
    object["partitions"].push_back({{"name", part.name},
                                    {"done", part.done},
                                    {"job", part.job_id},
                                    {"rows", part.rows},
                                    {"space_bytes", part.space_bytes}});
  }
  return object.dump(2);
}

absl::StatusOr<std::int64_t> OpenTree(catalog::Session& session, const TreePlan& plan) {
  if (plan.tree_id) return *plan.tree_id;
  if (absl::Status installed = catalog::InstallSchema(session); !installed.ok()) return installed;
  absl::StatusOr<catalog::Transaction> transaction =
      catalog::Transaction::Begin(session, "open_job");
  if (!transaction.ok()) return transaction.status();
  if (plan.over) {
    if (absl::Status closed = catalog::CloseTree(session, *plan.over); !closed.ok()) return closed;
  }
  absl::StatusOr<std::int64_t> tree_id =
      catalog::InsertTree(session, plan.root, plan.name.Display(), ToJson(plan.request));
  if (absl::IsAlreadyExists(tree_id.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("another run over ", plan.name.Display(), " has just been started\n",
                     "HINT: `pg_restructure status` shows its jobs."));
  }
  if (!tree_id.ok()) return tree_id;
  if (absl::Status committed = transaction->Commit(); !committed.ok()) return committed;
  return tree_id;
}

absl::StatusOr<std::int64_t> OpenPart(catalog::Session& session, std::int64_t tree_id,
                                      const TableRequest& request, const std::string& partition,
                                      std::int64_t space_max_bytes, const Settings& settings,
                                      const std::string& goal) {
  absl::StatusOr<TablePlan> plan =
      PlanTable(session, RequestForPart(request, partition), space_max_bytes, settings);
  if (!plan.ok()) return plan.status();
  absl::StatusOr<std::int64_t> job_id = 0;
  if (plan->open_job) {
    job_id = plan->open_job->job_id;
  } else {
    job_id = OpenJob(session, *plan, goal);
  }
  if (!job_id.ok()) return job_id;
  // If the tool dies before this, the job is found again by its request.
  absl::Status noted = catalog::SetTreeOfJob(session, *job_id, tree_id);
  if (!noted.ok()) return noted;
  return job_id;
}

absl::Status EndTree(catalog::Session& session, std::int64_t tree_id) {
  return catalog::CloseTree(session, tree_id);
}

}  // namespace restructure
