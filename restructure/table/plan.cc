#include "restructure/table/plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/index_facts.h"
#include "catalog/misfits.h"
#include "catalog/schema.h"
#include "catalog/table_ledger.h"
#include "restructure/phases.h"
#include "restructure/refusals.h"
#include "restructure/set/refusals.h"
#include "restructure/table/leaf.h"
#include "restructure/table/refusals.h"

namespace restructure {
namespace {

absl::Status FindTable(catalog::Session& session, TablePlan* plan) {
  absl::StatusOr<catalog::QualifiedName> name = catalog::ParseQualifiedName(plan->request.name);
  if (!name.ok()) return name.status();
  absl::StatusOr<std::optional<std::int64_t>> oid = catalog::FindRelation(session, *name);
  if (!oid.ok()) return oid.status();
  if (!oid->has_value()) {
    return absl::NotFoundError(
        absl::StrCat("no table ", name->Display(), "\nHINT: write SCHEMA.TABLE."));
  }
  absl::StatusOr<catalog::TableFacts> table = catalog::ReadTable(session, **oid);
  if (!table.ok()) return table.status();
  absl::StatusOr<catalog::TableShape> shape = catalog::ReadTableShape(session, **oid);
  if (!shape.ok()) return shape.status();
  plan->table = *std::move(table);
  plan->shape = *std::move(shape);
  if (plan->shape.is_partition) {
    absl::StatusOr<catalog::PartitionShape> partition = catalog::ReadPartitionShape(session, **oid);
    if (!partition.ok()) return partition.status();
    plan->partition = *std::move(partition);
  }
  plan->request.name = plan->table.name.Display();
  plan->key = KeyOf(plan->table);
  return absl::OkStatus();
}

absl::Status ReadOrder(catalog::Session& session, TablePlan* plan) {
  if (plan->request.order_by.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<catalog::SortColumn>> order =
      catalog::ParseSortKey(plan->request.order_by);
  if (!order.ok()) return order.status();
  plan->request.order_by = catalog::DisplaySortKey(*order);
  for (const catalog::SortColumn& column : *order) {
    const bool is_new =
        std::any_of(plan->columns.new_columns.begin(), plan->columns.new_columns.end(),
                    [&](const auto& c) { return c.name == column.column; });
    const bool is_known = plan->table.Find(column.column) != nullptr;
    if (is_new && !is_known) continue;
    absl::Status known = RefuseUnknownColumns(plan->table, {column.column}, "--order-by");
    if (!known.ok()) return known;
    const std::vector<std::string>& generated = plan->shape.generated;
    if (std::find(generated.begin(), generated.end(), column.column) != generated.end()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "column ", catalog::DisplayName(column.column), " of ", plan->table.name.Display(),
          " is generated, and is computed only where the rows go\nHINT: order by the columns that ",
          "it is computed from."));
    }
    absl::StatusOr<bool> plainly =
        catalog::ComparesPlainly(session, plan->table.oid, column.column);
    if (!plainly.ok()) return plainly.status();
    if (!*plainly) {
      return absl::FailedPreconditionError(absl::StrCat(
          "column ", catalog::DisplayName(column.column), " of ", plan->table.name.Display(),
          " is compared by operators of an extension\nHINT: order by columns of the server's own "
          "types."));
    }
    absl::Status sortable = catalog::CheckSortable(session, plan->table.name, column);
    if (sortable.ok()) continue;
    if (absl::IsUnavailable(sortable)) return sortable;
    return absl::InvalidArgumentError(absl::StrCat(
        "column ", catalog::DisplayName(column.column), " of ", plan->table.name.Display(),
        " cannot be sorted as asked: ", sortable.message(),
        "\nHINT: choose columns of types that have an order, and collations that exist."));
  }
  plan->order_by = *std::move(order);
  return absl::OkStatus();
}

absl::Status CheckPrivileges(catalog::Session& session, const TablePlan& plan) {
  absl::Status status = RefuseForeignMember(plan.table, plan.server);
  if (!status.ok()) return status;
  absl::StatusOr<bool> may = catalog::MayCreateIn(session, plan.table.name.schema);
  if (!may.ok()) return may.status();
  if (!*may) {
    const std::string user = catalog::DisplayName(plan.server.user);
    const std::string schema = catalog::DisplayName(plan.table.name.schema);
    return absl::PermissionDeniedError(
        absl::StrCat("role ", user, " may not create tables in schema ", schema,
                     "\nHINT: GRANT CREATE ON SCHEMA ", schema, " TO ", user, "."));
  }
  return CheckLedgerPrivileges(session, plan.server);
}

// Also when a job goes on: what it asks for cannot have changed.
absl::Status CheckPartition(const TablePlan& plan) {
  if (!plan.partition) return absl::OkStatus();
  return RefuseChangeOfOnePart(plan.table.name, plan.request);
}

absl::Status CheckTablespace(catalog::Session& session, const TablePlan& plan) {
  if (!plan.request.wishes.tablespace) return absl::OkStatus();
  return catalog::MayUseTablespace(session, *plan.request.wishes.tablespace);
}

absl::Status FindOpenJob(catalog::Session& session, TablePlan* plan) {
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  if (*version < catalog::kSchemaVersion) return absl::OkStatus();
  absl::StatusOr<std::int64_t> open = catalog::FindOpenTableJob(session, plan->table.oid);
  if (!open.ok() || *open == 0) return open.status();
  absl::StatusOr<catalog::JobRecord> job = catalog::GetJob(session, *open);
  if (!job.ok()) return job.status();
  plan->open_job = *std::move(job);
  return RefuseOtherJob(*plan->open_job, ToJson(plan->request));
}

// Another primary key: whether it can be one.
absl::Status CheckPrimaryKey(catalog::Session& session, TablePlan* plan) {
  constexpr absl::Duration kSearchMax = absl::Seconds(20);
  const std::vector<std::string>& primary_key = plan->request.primary_key;
  if (primary_key.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<std::string>> referrers =
      catalog::PrimaryKeyReferrers(session, plan->table.oid);
  if (!referrers.ok()) return referrers.status();
  absl::Status refused = RefusePrimaryKey(plan->table, plan->columns.new_columns, primary_key);
  if (!refused.ok()) return refused;
  plan->key_referrers = *std::move(referrers);
  if (!plan->key_referrers.empty()) {
    plan->warnings.push_back(absl::StrCat("a unique index on (", absl::StrJoin(plan->key, ", "),
                                          ") stays, for the foreign keys ",
                                          absl::StrJoin(plan->key_referrers, ", ")));
  }
  const auto is_in = [](const std::vector<std::string>& names) {
    return [&names](const std::string& name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
  };
  for (const catalog::UniqueIndex& index : plan->table.unique_indexes) {
    if (index.primary && index.columns == plan->key) plan->needs_key_index = true;
    // Unique in some columns, as they are, is unique in those and more.
    const std::vector<std::string>& columns = index.columns;
    if (index.all_not_null && std::all_of(columns.begin(), columns.end(), is_in(primary_key)) &&
        std::none_of(columns.begin(), columns.end(), is_in(plan->columns.changed))) {
      return absl::OkStatus();
    }
  }
  absl::StatusOr<std::vector<std::string>> found = std::vector<std::string>();
  const bool computed =
      std::any_of(primary_key.begin(), primary_key.end(), is_in(plan->columns.changed));
  if (!computed) {
    catalog::IndexDefinition definition;
    definition.unique = true;
    definition.method = "btree";
    definition.keys = catalog::QuoteNames(primary_key);
    found = catalog::FindDuplicates(session, plan->table.name, definition, kSearchMax);
  }
  if (computed || absl::IsDeadlineExceeded(found.status())) {
    plan->warnings.push_back(
        "whether the new primary key is unique is not known yet: the build will tell");
    return absl::OkStatus();
  }
  if (!found.ok()) return found.status();
  return RefuseDuplicateKeys(plan->table, primary_key, *found);
}

void Estimate(const Settings& settings, TablePlan* plan) {
  const catalog::TableFacts& table = plan->table;
  // At most what there is; bloat makes it less.
  plan->space_bytes = table.bytes + plan->shape.index_bytes;
  plan->wal_bytes =
      static_cast<std::int64_t>(1.25 * static_cast<double>(table.bytes)) + plan->shape.index_bytes;
  if (!plan->order_by.empty()) {
    plan->ordered_copy =
        ChooseOrderedCopy(table.bytes, plan->server.cache_bytes, settings.order_range_bytes);
  }
  if (plan->ordered_copy.scattered) {
    // All of it is there when the first range table is sorted into place, and emptied.
    plan->space_bytes += table.bytes;
    plan->wal_bytes += static_cast<std::int64_t>(1.25 * static_cast<double>(table.bytes));
  }
  // Measured on two cores: a worker copies, indexes and verifies some 100,000 rows a second.
  plan->time =
      absl::Seconds(static_cast<double>(table.rows_estimate) / (100000.0 * settings.workers));
}

// The columns that are copied: what the server computes itself is left to it.
absl::Status DesignColumns(catalog::Session& session, TablePlan* plan) {
  if (!plan->request.alteration.empty()) {
    absl::StatusOr<catalog::AlteredColumns> altered = catalog::TryAlteration(
        session, plan->table, plan->shape.generated, plan->request.alteration);
    if (!altered.ok()) return altered.status();
    plan->columns = *std::move(altered);
    return absl::OkStatus();
  }
  for (const catalog::Column& column : plan->table.columns) {
    const std::vector<std::string>& generated = plan->shape.generated;
    if (std::find(generated.begin(), generated.end(), column.name) == generated.end()) {
      plan->columns.new_columns.push_back(column);
    }
  }
  plan->columns.old_columns = plan->columns.new_columns;
  return absl::OkStatus();
}

// A plan may look this long for values that do not fit; the copy finds the others.
absl::Status RefuseMisfits(catalog::Session& session, TablePlan* plan) {
  constexpr absl::Duration kSearchMax = absl::Seconds(20);
  std::vector<catalog::Column> changed;
  for (const catalog::Column& column : plan->columns.new_columns) {
    const std::vector<std::string>& names = plan->columns.changed;
    if (std::find(names.begin(), names.end(), column.name) != names.end()) {
      changed.push_back(column);
    }
  }
  absl::StatusOr<std::vector<std::string>> found =
      catalog::FindMisfits(session, plan->table.name, plan->key, changed, kSearchMax);
  if (absl::IsDeadlineExceeded(found.status())) {
    plan->warnings.push_back(
        "whether all values fit the new columns was not found out within 20 s: the copy will tell");
    return absl::OkStatus();
  }
  if (!found.ok() || found->empty()) return found.status();
  return absl::FailedPreconditionError(absl::StrCat(
      "rows of ", plan->table.name.Display(), " do not fit the new columns: ",
      absl::StrJoin(*found, "; "), "\nHINT: change them, or give another --column expression."));
}

// The two sides and the job that has them.
absl::StatusOr<std::int64_t> WriteJob(catalog::Session& session, const TablePlan& plan,
                                      const std::string& goal) {
  absl::StatusOr<std::string> name = catalog::FreeTableName(session, plan.table.name, "__new");
  if (!name.ok()) return name.status();
  catalog::TableSide old_side;
  old_side.structure.table = plan.table.name;
  old_side.structure.generation = 1;
  old_side.structure.columns = plan.columns.old_columns;
  old_side.oid = plan.table.oid;
  old_side.key = plan.key;
  catalog::TableSide new_side = old_side;
  new_side.structure.table = {plan.table.name.schema, *name};
  new_side.structure.generation = 2;
  new_side.structure.columns = plan.columns.new_columns;
  new_side.structure.sort_key = plan.order_by;
  new_side.oid = 0;
  new_side.source_oid = plan.table.oid;
  absl::StatusOr<std::int64_t> old_id = catalog::InsertTableSide(session, old_side);
  if (!old_id.ok()) return old_id.status();
  absl::StatusOr<std::int64_t> new_id = catalog::InsertTableSide(session, new_side);
  if (!new_id.ok()) return new_id.status();
  catalog::JobRecord job;
  job.kind = kTableKind;
  job.name = plan.table.name.Display();
  job.request = ToJson(plan.request);
  job.phase = "build";
  job.goal = goal;
  job.system_identifier = plan.server.system_identifier;
  job.database_oid = plan.server.database_oid;
  job.old_structure = *old_id;
  job.new_structure = *new_id;
  absl::StatusOr<std::int64_t> job_id = catalog::InsertJob(session, job);
  if (!job_id.ok()) return job_id.status();
  catalog::TableChange change{plan.table.name, *old_id, plan.columns.lost, "",
                              plan.partition.has_value()};
  if (plan.needs_key_index) {
    // Where it stays, it has the name that PostgreSQL would give it.
    const std::string ending = plan.key_referrers.empty()
                                   ? "__key"
                                   : absl::StrCat("_", absl::StrJoin(plan.key, "_"), "_key");
    absl::StatusOr<std::string> key_index =
        catalog::FreeTableName(session, plan.table.name, ending);
    if (!key_index.ok()) return key_index.status();
    change.key_index = *key_index;
  }
  absl::Status status = catalog::InsertTableChange(session, *job_id, change, plan.table.oid);
  if (!status.ok()) return status;
  return job_id;
}

}  // namespace

absl::StatusOr<TablePlan> PlanTable(catalog::Session& session, const TableRequest& request,
                                    std::int64_t space_max_bytes, const Settings& settings) {
  TablePlan plan;
  plan.request = request;
  absl::StatusOr<catalog::ServerFacts> server = catalog::ReadServer(session);
  if (!server.ok()) return server.status();
  plan.server = *std::move(server);
  absl::Status status = RefuseServer(plan.server);
  if (status.ok()) status = FindTable(session, &plan);
  if (!status.ok()) return status;
  for (const absl::Status& refused :
       {RefuseTableKind(plan.table, plan.shape), RefuseForeignMember(plan.table, plan.server),
        RefuseHiddenRows(plan.table), RefuseHiddenFromOwner(plan.table, plan.shape),
        RefuseNoKey(plan.table), RefuseConnections(plan.server, settings.workers)}) {
    if (!refused.ok()) return refused;
  }
  status = CheckPrivileges(session, plan);
  if (status.ok()) status = CheckPartition(plan);
  if (status.ok()) status = FindOpenJob(session, &plan);
  if (!status.ok()) return status;
  const auto design = [&] {
    absl::Status designed = DesignColumns(session, &plan);
    if (designed.ok()) designed = ReadOrder(session, &plan);
    if (designed.ok()) Estimate(settings, &plan);
    return designed;
  };
  if (plan.open_job) {
    // Only to be shown: what the job has put onto the table since may now speak against it.
    (void)design();
    return plan;
  }
  status = design();
  if (status.ok()) status = CheckTablespace(session, plan);
  if (!status.ok()) return status;
  for (const absl::Status& refused :
       {RefuseSets(plan.table, plan.shape), RefuseInvalidIndexes(plan.table, plan.shape),
        RefuseBlanketPublications(plan.table.name.Display(), plan.shape.blanket_publications),
        RefuseDependants(plan.table, plan.shape, plan.server),
        RefuseSpace(plan.table, plan.space_bytes, space_max_bytes)}) {
    if (!refused.ok()) return refused;
  }
  if (plan.partition) {
    status = RefusePartition(plan.table, *plan.partition, plan.server);
    if (!status.ok()) return status;
    for (std::string& warning : PartitionWarnings(plan.table, *plan.partition)) {
      plan.warnings.push_back(std::move(warning));
    }
  }
  status = RefuseMisfits(session, &plan);
  if (status.ok()) status = CheckPrimaryKey(session, &plan);
  if (!status.ok()) return status;
  if (!plan.columns.lost.empty()) {
    plan.warnings.push_back(absl::StrCat("this cannot be reverted once it has swapped: nothing ",
                                         "brings back ", absl::StrJoin(plan.columns.lost, ", "),
                                         "; --reverse can say how"));
  }
  if (plan.server.version >= 190000 && plan.order_by.empty()) {
    plan.warnings.push_back(
        "REPACK (CONCURRENTLY) compacts a table, too; it has no throttle, no verification, no "
        "resumption and no way back");
  }
  return plan;
}

absl::StatusOr<std::int64_t> OpenJob(catalog::Session& session, const TablePlan& plan,
                                     const std::string& goal) {
  if (absl::Status installed = catalog::InstallSchema(session); !installed.ok()) return installed;
  absl::StatusOr<catalog::Transaction> transaction =
      catalog::Transaction::Begin(session, "open_job");
  if (!transaction.ok()) return transaction.status();
  absl::StatusOr<std::int64_t> job_id = WriteJob(session, plan, goal);
  if (absl::IsAlreadyExists(job_id.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("another job on table ", plan.table.name.Display(),
                     " has just been started\nHINT: `pg_restructure status` shows it."));
  }
  if (!job_id.ok()) return job_id.status();
  if (absl::Status committed = transaction->Commit(); !committed.ok()) return committed;
  return job_id;
}

}  // namespace restructure
