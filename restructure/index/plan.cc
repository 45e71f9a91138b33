#include "restructure/index/plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "catalog/index_ledger.h"
#include "catalog/schema.h"
#include "restructure/index/refusals.h"
#include "restructure/phases.h"
#include "restructure/refusals.h"

namespace restructure {
namespace {

using nlohmann::json;

// A plan may look this long for duplicates; a longer search is left to the build.
constexpr absl::Duration kDuplicatesSearchMax = absl::Seconds(20);

json OrNull(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }

absl::StatusOr<std::vector<std::string>> NullableColumns(catalog::Session& session,
                                                         const IndexPlan& plan) {
  absl::StatusOr<catalog::TableFacts> table = catalog::ReadTable(session, plan.index.table_oid);
  if (!table.ok()) return table.status();
  std::vector<std::string> nullable;
  for (const std::string& name : plan.replacement.key_columns) {
    const catalog::Column* column = table->Find(name);
    if (column != nullptr && !column->not_null) nullable.push_back(name);
  }
  return nullable;
}

// True if rows that the old index let in could be equal under the new one.
bool MayFindDuplicates(const IndexPlan& plan) {
  const catalog::IndexDefinition& now = plan.index.definition;
  const catalog::IndexDefinition& then = plan.replacement.definition;
  if (!then.unique) return false;
  if (!now.unique || !now.predicate.empty() || plan.index.key_columns.empty()) return true;
  // Unique in some columns is unique in those and more.
  return !std::all_of(plan.index.key_columns.begin(), plan.index.key_columns.end(),
                      [&](const std::string& column) {
                        const std::vector<std::string>& columns = plan.replacement.key_columns;
                        return std::find(columns.begin(), columns.end(), column) != columns.end();
                      });
}

absl::Status SearchDuplicates(catalog::Session& session, IndexPlan* plan) {
  if (!MayFindDuplicates(*plan)) return absl::OkStatus();
  absl::StatusOr<std::vector<std::string>> found = catalog::FindDuplicates(
      session, plan->index.table, plan->replacement.definition, kDuplicatesSearchMax);
  if (absl::IsDeadlineExceeded(found.status())) {
    plan->warnings.push_back(
        "whether the new key is unique was not found out within 20 s: the build will tell");
    return absl::OkStatus();
  }
  if (!found.ok()) return found.status();
  return RefuseDuplicates(plan->index, plan->replacement, *found);
}

absl::Status CheckPrivileges(catalog::Session& session, const IndexPlan& plan) {
  absl::StatusOr<bool> may = catalog::MayCreateIn(session, plan.index.table.schema);
  if (!may.ok()) return may.status();
  if (!*may) {
    const std::string user = catalog::DisplayName(plan.server.user);
    const std::string schema = catalog::DisplayName(plan.index.table.schema);
    return absl::PermissionDeniedError(
        absl::StrCat("role ", user, " may not create indexes in schema ", schema,
                     "\nHINT: GRANT CREATE ON SCHEMA ", schema, " TO ", user, "."));
  }
  return CheckLedgerPrivileges(session, plan.server);
}

absl::Status FindOpenJob(catalog::Session& session, IndexPlan* plan) {
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  if (*version < catalog::kSchemaVersion) return absl::OkStatus();
  absl::StatusOr<std::int64_t> open = catalog::FindOpenIndexJob(session, plan->index.oid);
  if (!open.ok() || *open == 0) return open.status();
  absl::StatusOr<catalog::JobRecord> job = catalog::GetJob(session, *open);
  if (!job.ok()) return job.status();
  plan->open_job = *std::move(job);
  return RefuseOtherJob(*plan->open_job, ToJson(plan->request));
}

}  // namespace

std::string ToJson(const IndexRequest& request) {
  const catalog::IndexWishes& wishes = request.wishes;
  return json{{"name", request.name},
              {"key", OrNull(wishes.keys)},
              {"include", wishes.include ? json(*wishes.include) : json(nullptr)},
              {"where", OrNull(wishes.predicate)},
              {"using", OrNull(wishes.method)},
              {"tablespace", OrNull(wishes.tablespace)},
              {"set", wishes.options},
              {"unique", wishes.unique}}
      .dump();
}

absl::StatusOr<IndexPlan> PlanIndex(catalog::Session& session, const IndexRequest& request,
                                    const Settings& settings) {
  IndexPlan plan;
  plan.request = request;
  absl::StatusOr<catalog::ServerFacts> server = catalog::ReadServer(session);
  if (!server.ok()) return server.status();
  plan.server = *std::move(server);
  if (absl::Status status = RefuseServer(plan.server); !status.ok()) return status;
  absl::StatusOr<catalog::QualifiedName> name = catalog::ParseQualifiedName(request.name);
  if (!name.ok()) return name.status();
  absl::StatusOr<std::int64_t> oid = catalog::FindIndex(session, *name);
  if (!oid.ok()) return oid.status();
  absl::StatusOr<catalog::IndexFacts> index = catalog::ReadIndex(session, *oid);
  if (!index.ok()) return index.status();
  plan.index = *std::move(index);
  plan.request.name = plan.index.name.Display();
  absl::Status status = RefuseIndex(plan.index, plan.server);
  if (status.ok()) status = RefuseConnections(plan.server, settings.workers);
  if (status.ok()) status = CheckPrivileges(session, plan);
  if (status.ok()) {
    status = RefuseTableJob(session, plan.index.table_oid, plan.index.table.Display());
  }
  if (status.ok()) status = FindOpenJob(session, &plan);
  if (!status.ok() || plan.open_job) {
    if (!status.ok()) return status;
    return plan;
  }
  absl::StatusOr<catalog::TriedDefinition> tried =
      catalog::TryDefinition(session, plan.index, plan.request.wishes);
  if (!tried.ok()) return tried.status();
  plan.replacement = *std::move(tried);
  absl::StatusOr<std::vector<std::string>> nullable = NullableColumns(session, plan);
  if (!nullable.ok()) return nullable.status();
  status = RefuseSameIndex(plan.index, plan.replacement);
  if (status.ok()) status = RefuseUnderConstraint(plan.index, plan.replacement, *nullable);
  if (status.ok()) status = RefuseForeignKeys(plan.index, plan.replacement, plan.server);
  if (status.ok()) status = RefuseReplicaIdentity(plan.index, plan.replacement, *nullable);
  if (status.ok()) status = RefuseClusterMark(plan.index, plan.replacement);
  if (status.ok()) status = SearchDuplicates(session, &plan);
  for (const std::string& query : plan.request.tries) {
    if (status.ok()) status = catalog::ExplainQuery(session, query, 0).status();
  }
  if (!status.ok()) return status;
  return plan;
}

absl::StatusOr<std::int64_t> OpenJob(catalog::Session& session, const IndexPlan& plan,
                                     const std::string& goal) {
  if (absl::Status installed = catalog::InstallSchema(session); !installed.ok()) return installed;
  absl::StatusOr<catalog::Transaction> transaction =
      catalog::Transaction::Begin(session, "open_job");
  if (!transaction.ok()) return transaction.status();
  catalog::JobRecord job;
  job.kind = kIndexKind;
  job.name = plan.index.name.Display();
  job.request = ToJson(plan.request);
  job.phase = "build";
  job.goal = goal;
  job.system_identifier = plan.server.system_identifier;
  job.database_oid = plan.server.database_oid;
  absl::StatusOr<std::int64_t> job_id = catalog::InsertJob(session, job);
  if (!job_id.ok()) return job_id.status();
  catalog::IndexChange change;
  change.table_oid = plan.index.table_oid;
  change.partitioned = plan.index.partitioned;
  change.old_definition = plan.index.definition;
  change.new_definition = plan.replacement.definition;
  change.constraint_name = plan.index.constraint;
  change.primary = plan.index.constraint_type == 'p';
  change.deferrable = plan.index.deferrable;
  change.deferred = plan.index.deferred;
  change.tries = plan.request.tries;
  absl::Status status = catalog::InsertIndexChange(session, *job_id, plan.index.oid, change);
  if (absl::IsAlreadyExists(status)) {
    return absl::FailedPreconditionError(absl::StrCat("another job on index ", job.name,
                                                      " has just been started\n",
                                                      "HINT: `pg_restructure status` shows it."));
  }
  if (status.ok()) status = transaction->Commit();
  if (!status.ok()) return status;
  return job_id;
}

}  // namespace restructure
