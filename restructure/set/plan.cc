#include "restructure/set/plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/schema.h"
#include "catalog/set_objects.h"
#include "catalog/set_statements.h"
#include "catalog/table_facts.h"
#include "restructure/refusals.h"
#include "restructure/set/refusals.h"

namespace restructure {
namespace {

// Owner, sort key, key, what the alias shows, what is carried: each column once.
std::vector<catalog::Column> ColumnsOf(const catalog::TableFacts& member,
                                       const catalog::SetDefinition& set,
                                       const std::vector<catalog::SortColumn>& sort_key,
                                       const std::vector<std::string>& more) {
  std::vector<std::string> names = set.owner;
  for (const catalog::SortColumn& column : sort_key) names.push_back(column.column);
  names.insert(names.end(), set.key.begin(), set.key.end());
  names.insert(names.end(), set.shown.begin(), set.shown.end());
  names.insert(names.end(), more.begin(), more.end());
  std::vector<catalog::Column> columns;
  for (const std::string& name : names) {
    const auto same = [&](const catalog::Column& column) { return column.name == name; };
    if (std::any_of(columns.begin(), columns.end(), same)) continue;
    catalog::Column column = *member.Find(name);
    // A row without an owner is in no set, so an owner column is never NULL here.
    column.not_null =
        column.not_null || std::find(set.owner.begin(), set.owner.end(), name) != set.owner.end();
    columns.push_back(std::move(column));
  }
  return columns;
}

absl::Status CheckOrder(catalog::Session& session, const SetPlan& plan) {
  for (const catalog::SortColumn& column : catalog::FullOrder(plan.set, plan.replacement)) {
    absl::Status sortable = catalog::CheckSortable(session, plan.member.name, column);
    if (sortable.ok() || absl::IsUnavailable(sortable)) {
      if (!sortable.ok()) return sortable;
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "column ", catalog::DisplayName(column.column), " of ", plan.member.name.Display(),
        " cannot be sorted as asked: ", sortable.message(),
        "\nHINT: choose columns of types that have an order, and collations that exist."));
  }
  return absl::OkStatus();
}

absl::Status CheckPrivileges(catalog::Session& session, const SetPlan& plan) {
  absl::Status status = RefuseForeignMember(plan.member, plan.server);
  if (!status.ok()) return status;
  absl::StatusOr<bool> may = catalog::MayCreateIn(session, plan.set.alias.schema);
  if (absl::IsNotFound(may.status())) {
    return absl::NotFoundError(
        absl::StrCat(may.status().message(), "\nHINT: create it, or name another schema."));
  }
  if (!may.ok()) return may.status();
  const std::string user = catalog::DisplayName(plan.server.user);
  if (!*may) {
    const std::string schema = catalog::DisplayName(plan.set.alias.schema);
    return absl::PermissionDeniedError(
        absl::StrCat("role ", user, " may not create tables in schema ", schema,
                     "\nHINT: GRANT CREATE ON SCHEMA ", schema, " TO ", user, "."));
  }
  return CheckLedgerPrivileges(session, plan.server);
}

absl::Status Estimate(catalog::Session& session, const Settings& settings, SetPlan* plan) {
  std::vector<std::string> order;
  for (const catalog::SortColumn& column : catalog::FullOrder(plan->set, plan->replacement)) {
    order.push_back(column.column);
  }
  absl::StatusOr<double> row =
      catalog::RowBytesEstimate(session, plan->member.oid, catalog::ColumnNames(plan->replacement));
  if (!row.ok()) return row.status();
  absl::StatusOr<double> order_entry = catalog::RowBytesEstimate(session, plan->member.oid, order);
  if (!order_entry.ok()) return order_entry.status();
  absl::StatusOr<double> key_entry =
      catalog::RowBytesEstimate(session, plan->member.oid, plan->set.key);
  if (!key_entry.ok()) return key_entry.status();
  Estimates& estimates = plan->estimates;
  const auto rows = static_cast<double>(plan->member.rows_estimate);
  estimates.rows = plan->member.rows_estimate;
  estimates.heap_bytes = static_cast<std::int64_t>(rows * *row);
  // An index entry has 8 bytes of header where a row has 28; pages are filled to 90 %.
  estimates.index_bytes = static_cast<std::int64_t>(rows * (*order_entry + *key_entry - 40) / 0.9);
  // Measured: the heap is logged once with about a quarter on top, an index once.
  estimates.wal_bytes = static_cast<std::int64_t>(1.25 * static_cast<double>(estimates.heap_bytes) +
                                                  static_cast<double>(estimates.index_bytes));
  // Measured on two cores: a worker copies, indexes and verifies some 150,000 narrow rows a second.
  estimates.time = absl::Seconds(rows / (150000.0 * settings.workers));
  return absl::OkStatus();
}

absl::Status DefineNewSet(catalog::Session& session, SetPlan* plan) {
  const SetRequest& request = plan->request;
  catalog::SetDefinition& set = plan->set;
  absl::StatusOr<catalog::QualifiedName> member_name = catalog::ParseQualifiedName(request.member);
  if (!member_name.ok()) return member_name.status();
  absl::StatusOr<std::optional<std::int64_t>> oid = catalog::FindRelation(session, *member_name);
  if (!oid.ok()) return oid.status();
  if (!oid->has_value()) {
    return absl::NotFoundError(absl::StrCat("no table ", member_name->Display(),
                                            "\nHINT: write SCHEMA.TABLE; --member names the table "
                                            "whose rows are the members."));
  }
  absl::StatusOr<catalog::TableFacts> member = catalog::ReadTable(session, **oid);
  if (!member.ok()) return member.status();
  plan->member = *std::move(member);
  absl::StatusOr<std::vector<std::string>> owner = catalog::ParseColumnList(request.owner);
  if (!owner.ok()) return owner.status();
  set.member_oid = plan->member.oid;
  set.member = plan->member.name;
  set.owner = *std::move(owner);
  set.key = KeyOf(plan->member);
  set.insertion_automatic = request.insertion_automatic;
  set.retention_mandatory = request.retention_mandatory;
  return RefuseUnknownColumns(plan->member, set.owner, "--owner");
}

absl::Status FindExistingSet(catalog::Session& session, const catalog::QualifiedName& name,
                             SetPlan* plan) {
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  std::optional<catalog::SetDefinition> found;
  if (*version > 0) {
    absl::StatusOr<std::optional<catalog::SetDefinition>> set = catalog::FindSet(session, name);
    if (!set.ok()) return set.status();
    found = *std::move(set);
  }
  if (!found) {
    return absl::NotFoundError(
        absl::StrCat("no set ", name.Display(), "\nHINT: `pg_restructure create set ",
                     name.Display(), " --member TABLE --owner COLUMNS --key SORTKEY` makes one; ",
                     "the view restructure.sets lists them."));
  }
  plan->set = *std::move(found);
  absl::StatusOr<std::optional<catalog::JobRecord>> open =
      catalog::FindOpenJob(session, plan->set.set_id);
  if (!open.ok()) return open.status();
  plan->open_job = *std::move(open);
  if (plan->set.live_structure) {  // Otherwise it is still being created.
    absl::StatusOr<catalog::Structure> old =
        catalog::GetStructure(session, *plan->set.live_structure);
    if (!old.ok()) return old.status();
    plan->old = *std::move(old);
  }
  if (plan->set.member.name.empty()) {
    if (plan->request.action == SetRequest::Action::kDrop) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "the member table of set ", name.Display(), " is gone\nHINT: ", "`pg_restructure drop set ",
        name.Display(), "` removes what is left."));
  }
  absl::StatusOr<catalog::TableFacts> member = catalog::ReadTable(session, plan->set.member_oid);
  if (!member.ok()) return member.status();
  plan->member = *std::move(member);
  return absl::OkStatus();
}

// What a table must be like for a set on it, whatever the request.
absl::Status RefuseMember(const SetPlan& plan, int workers) {
  for (const absl::Status& status :
       {RefuseMemberKind(plan.member), RefuseForeignMember(plan.member, plan.server),
        RefuseHiddenRows(plan.member), RefuseNoKey(plan.member),
        RefuseConnections(plan.server, workers)}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status DesignReplacement(catalog::Session& session, const Settings& settings, SetPlan* plan) {
  SetRequest& request = plan->request;
  absl::StatusOr<std::vector<catalog::SortColumn>> sort_key = catalog::ParseSortKey(request.key);
  if (!sort_key.ok()) return sort_key.status();
  request.key = catalog::DisplaySortKey(*sort_key);
  std::vector<std::string> names;
  for (const catalog::SortColumn& column : *sort_key) names.push_back(column.column);
  absl::Status status = RefuseUnknownColumns(plan->member, names, "--key");
  if (status.ok()) status = RefuseUnknownColumns(plan->member, request.carry, "--carry");
  if (status.ok()) status = RefuseUnknownColumns(plan->member, request.show, "--show");
  if (status.ok()) status = RefuseUnknownColumns(plan->member, plan->set.shown, "the alias");
  if (!status.ok()) return status;
  std::vector<std::string> more = request.carry;
  more.insert(more.end(), request.show.begin(), request.show.end());
  plan->replacement.sort_key = *std::move(sort_key);
  plan->replacement.columns = ColumnsOf(plan->member, plan->set, plan->replacement.sort_key, more);
  if (request.action == SetRequest::Action::kCreate) {
    plan->set.shown = catalog::ColumnNames(plan->replacement);
  }
  status = CheckOrder(session, *plan);
  if (!status.ok()) return status;
  absl::StatusOr<std::vector<std::string>> publications =
      catalog::BlanketPublications(session, plan->set.alias.schema);
  if (!publications.ok()) return publications.status();
  status = RefuseBlanketPublications(plan->member.name.Display(), *publications);
  return status.ok() ? Estimate(session, settings, plan) : status;
}

absl::Status PlanCreate(catalog::Session& session, const catalog::QualifiedName& name,
                        const Settings& settings, SetPlan* plan) {
  absl::Status status = DefineNewSet(session, plan);
  if (!status.ok()) return status;
  plan->set.alias = name;
  if (plan->set.alias.schema.empty()) plan->set.alias.schema = catalog::CreationSchema(session);
  plan->request.name = plan->set.alias.Display();
  plan->request.member = plan->member.name.Display();
  status = RefuseLongName(plan->set.alias);
  if (status.ok()) status = RefuseMember(*plan, settings.workers);
  if (status.ok()) {
    status = RefuseTableJob(session, plan->member.oid, plan->member.name.Display());
  }
  if (status.ok()) status = DesignReplacement(session, settings, plan);
  if (status.ok()) status = CheckPrivileges(session, *plan);
  if (!status.ok()) return status;
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  if (*version > 0) {
    absl::StatusOr<std::optional<catalog::SetDefinition>> set =
        catalog::FindSet(session, plan->set.alias);
    if (!set.ok()) return set.status();
    if (set->has_value()) {
      absl::StatusOr<std::optional<catalog::JobRecord>> open =
          catalog::FindOpenJob(session, (*set)->set_id);
      if (!open.ok()) return open.status();
      if (open->has_value()) {
        plan->open_job = *std::move(open);
        return RefuseOtherJob(*plan->open_job, ToJson(plan->request));
      }
      if ((*set)->live_structure) {
        absl::StatusOr<catalog::Structure> live =
            catalog::GetStructure(session, *(*set)->live_structure);
        if (!live.ok()) return live.status();
        return RefuseExistingSet(**set, *live, plan->set, plan->replacement);
      }
    }
  }
  absl::StatusOr<std::optional<std::int64_t>> taken =
      catalog::FindRelation(session, plan->set.alias);
  if (!taken.ok()) return taken.status();
  if (taken->has_value()) {
    return absl::AlreadyExistsError(absl::StrCat("the name ", plan->set.alias.Display(),
                                                 " is taken\nHINT: choose another name for the "
                                                 "set, or rename that relation."));
  }
  return absl::OkStatus();
}

absl::Status NotCreated(const SetPlan& plan) {
  return absl::FailedPreconditionError(
      absl::StrCat("set ", plan.set.alias.Display(), " has not been created completely\n",
                   "HINT: run its `create set` again, or abort that job."));
}

absl::Status PlanRestructure(catalog::Session& session, const catalog::QualifiedName& name,
                             const Settings& settings, SetPlan* plan) {
  absl::Status status = FindExistingSet(session, name, plan);
  if (!status.ok()) return status;
  plan->request.name = plan->set.alias.Display();
  if (plan->request.action == SetRequest::Action::kDrop) {
    if (plan->open_job) return RefuseOtherJob(*plan->open_job, ToJson(plan->request));
    if (!plan->old) return NotCreated(*plan);
    const absl::StatusOr<std::vector<std::string>> dependants =
        catalog::DependantsOfAlias(session, plan->set);
    if (!dependants.ok() || dependants->empty()) return dependants.status();
    return absl::FailedPreconditionError(absl::StrCat("set ", plan->request.name, " is needed by ",
                                                      absl::StrJoin(*dependants, ", "),
                                                      "\nHINT: drop what stands on it first."));
  }
  status = RefuseMember(*plan, settings.workers);
  if (status.ok()) status = DesignReplacement(session, settings, plan);
  if (status.ok()) status = CheckPrivileges(session, *plan);
  if (!status.ok()) return status;
  if (plan->open_job) return RefuseOtherJob(*plan->open_job, ToJson(plan->request));
  if (!plan->old) return NotCreated(*plan);
  return RefuseSameOrder(plan->set, *plan->old, plan->replacement, plan->request.show);
}

}  // namespace

absl::StatusOr<SetPlan> PlanSet(catalog::Session& session, const SetRequest& request,
                                const Settings& settings) {
  SetPlan plan;
  plan.request = request;
  absl::StatusOr<catalog::ServerFacts> server = catalog::ReadServer(session);
  if (!server.ok()) return server.status();
  plan.server = *std::move(server);
  if (absl::Status status = RefuseServer(plan.server); !status.ok()) return status;
  absl::StatusOr<catalog::QualifiedName> name = catalog::ParseQualifiedName(request.name);
  if (!name.ok()) return name.status();
  absl::Status status = request.action == SetRequest::Action::kCreate
                            ? PlanCreate(session, *name, settings, &plan)
                            : PlanRestructure(session, *name, settings, &plan);
  if (!status.ok()) return status;
  if (plan.member.row_security) {
    plan.warnings.push_back(absl::StrCat("the alias does not apply the row-level security of ",
                                         plan.member.name.Display(),
                                         ": grant SELECT on it with care"));
  }
  if (!request.show.empty()) {
    plan.warnings.push_back("prepared SELECT * on the alias must be prepared anew after the swap");
  }
  return plan;
}

}  // namespace restructure
