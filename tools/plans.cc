#include "tools/plans.h"

#include <utility>
#include <vector>

#include "catalog/names.h"
#include "restructure/phases.h"
#include "tools/command_context.h"

namespace tools {
namespace {

absl::StatusOr<restructure::SetRequest> RequestFrom(const Arguments& arguments,
                                                    restructure::SetRequest::Action action) {
  restructure::SetRequest request;
  request.action = action;
  request.name = arguments.name;
  request.member = arguments.member.value_or("");
  request.owner = arguments.owner.value_or("");
  request.key = arguments.key.value_or("");
  request.insertion_automatic = arguments.insertion == Insertion::kAutomatic;
  request.retention_mandatory = arguments.retention == Retention::kMandatory;
  if (arguments.carry) {
    absl::StatusOr<std::vector<std::string>> carry = catalog::ParseColumnList(*arguments.carry);
    if (!carry.ok()) return carry.status();
    request.carry = *std::move(carry);
  }
  if (arguments.show) {
    absl::StatusOr<std::vector<std::string>> show = catalog::ParseColumnList(*arguments.show);
    if (!show.ok()) return show.status();
    request.show = *std::move(show);
  }
  return request;
}

}  // namespace

absl::StatusOr<restructure::SetPlan> SetPlanOf(catalog::Session& session,
                                               const Arguments& arguments,
                                               restructure::SetRequest::Action action) {
  absl::StatusOr<restructure::SetRequest> request = RequestFrom(arguments, action);
  if (!request.ok()) return request.status();
  return restructure::PlanSet(session, *request, SettingsFrom(arguments.run));
}

absl::StatusOr<restructure::IndexPlan> IndexPlanOf(catalog::Session& session,
                                                   const Arguments& arguments) {
  restructure::IndexRequest request;
  request.name = arguments.name;
  request.tries = arguments.tries;
  catalog::IndexWishes& wishes = request.wishes;
  wishes.keys = arguments.key;
  wishes.predicate = arguments.where;
  wishes.method = arguments.method;
  wishes.tablespace = arguments.tablespace;
  wishes.options = arguments.storage;
  wishes.unique = arguments.unique;
  if (arguments.include) {
    wishes.include.emplace();
    if (!arguments.include->empty()) {
      absl::StatusOr<std::vector<std::string>> columns =
          catalog::ParseColumnList(*arguments.include);
      if (!columns.ok()) return columns.status();
      wishes.include = *std::move(columns);
    }
  }
  return restructure::PlanIndex(session, request, SettingsFrom(arguments.run));
}

absl::StatusOr<restructure::TableRequest> TableRequestOf(const Arguments& arguments) {
  restructure::TableRequest request;
  request.name = arguments.name;
  request.order_by = arguments.order_by.value_or("");
  request.wishes.fillfactor = arguments.fillfactor;
  request.wishes.tablespace = arguments.tablespace;
  if (arguments.primary_key) {
    absl::StatusOr<std::vector<std::string>> columns =
        catalog::ParseColumnList(*arguments.primary_key);
    if (!columns.ok()) return columns.status();
    request.primary_key = *std::move(columns);
  }
  request.alteration = {arguments.alters, arguments.columns, arguments.reverse};
  return request;
}

absl::StatusOr<restructure::TablePlan> TablePlanOf(catalog::Session& session,
                                                   const Arguments& arguments) {
  const absl::StatusOr<restructure::TableRequest> request = TableRequestOf(arguments);
  if (!request.ok()) return request.status();
  return restructure::PlanTable(session, *request, arguments.space_max_bytes,
                                SettingsFrom(arguments.run));
}

absl::StatusOr<restructure::TreePlan> TreePlanOf(catalog::Session& session,
                                                 const Arguments& arguments) {
  const absl::StatusOr<restructure::TableRequest> request = TableRequestOf(arguments);
  if (!request.ok()) return request.status();
  return restructure::PlanTree(session, *request, arguments.space_max_bytes,
                               SettingsFrom(arguments.run));
}

absl::StatusOr<bool> IsTree(catalog::Session& session, const Arguments& arguments) {
  if (arguments.kind != restructure::kTableKind) return false;
  return restructure::IsPartitionedTable(session, arguments.name);
}

}  // namespace tools
