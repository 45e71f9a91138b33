// How the plan of a table is shown.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "restructure/planned_step.h"
#include "restructure/table/leaf.h"
#include "restructure/table/plan.h"

namespace restructure {
namespace {

std::string OrderText(const TablePlan& plan) {
  return plan.order_by.empty() ? "the order in which the rows lie now"
                               : catalog::DisplaySortKey(plan.order_by);
}

// id bigint, first_name text = split_part(name, ' '::text, 1)
std::string ChangedText(const TablePlan& plan) {
  std::vector<std::string> texts;
  for (const catalog::Column& column : plan.columns.new_columns) {
    const std::vector<std::string>& changed = plan.columns.changed;
    if (std::find(changed.begin(), changed.end(), column.name) == changed.end()) continue;
    texts.push_back(absl::StrCat(catalog::DisplayName(column.name), " ", column.type,
                                 column.expression.empty() ? "" : " = ", column.expression));
  }
  return absl::StrJoin(texts, ", ");
}

std::string CopyText(const TablePlan& plan) {
  const std::string rows = absl::StrCat("about ", plan.table.rows_estimate, " rows");
  if (plan.order_by.empty()) return absl::StrCat("copy ", rows);
  const std::int64_t ranges = plan.ordered_copy.ranges;
  if (!plan.ordered_copy.scattered) {
    return absl::StrCat("copy ", rows, " in ", ranges, " ranges of the order");
  }
  return absl::StrCat("scatter ", rows, " into ", ranges, " range tables (",
                      Megabytes(plan.table.bytes), "), sort each of them into place");
}

std::vector<PlannedStep> Steps(const TablePlan& plan, const Settings& settings) {
  const std::string table = plan.table.name.Display();
  const std::string tried = TriedFor(settings.lock_timeout);
  const bool others = !plan.shape.moved.empty() || plan.shape.foreign_keys > 0;
  return {{"build", "create the new table, the key log and the capture triggers",
           absl::StrCat("SHARE ROW EXCLUSIVE on ", table, tried)},
          {"connect",
           absl::StrCat(CopyText(plan), " with ", settings.workers, " workers, settle, build ",
                        plan.shape.indexes, " indexes, catch up, vacuum"),
           absl::StrCat("ACCESS SHARE on ", table, " for the time of a batch")},
          {"verify", "compare every row as an image, both ways",
           absl::StrCat("ACCESS SHARE on ", table, " for the time of a range")},
          {"swap", "make the writers keep both, wait out old snapshots",
           absl::StrCat("SHARE ROW EXCLUSIVE on ", table, ", at most ",
                        absl::FormatDuration(settings.swap_lock_budget))},
          {"",
           absl::StrCat(
               plan.partition ? absl::StrCat("detach it from ", plan.partition->parent.Display(),
                                             " and attach the new table in its place; ")
                              : "exchange the names; ",
               "triggers, policies, rules, ", plan.shape.foreign_keys, " foreign keys",
               plan.shape.moved.empty() ? ""
                                        : absl::StrCat(", ", absl::StrJoin(plan.shape.moved, ", ")),
               " go over"),
           absl::StrCat(
               "ACCESS EXCLUSIVE on ", table, plan.partition ? PartitionLocks(*plan.partition) : "",
               others ? ", the views over it and the tables that foreign keys connect with it" : "",
               tried)},
          {"soak", SoakText(settings, "keep both equal"), "none"},
          {"disconnect", "stop the upkeep of the old table and drop its indexes", "none"},
          {"drop", "drop the old table", absl::StrCat("ACCESS EXCLUSIVE on ", table, tried)}};
}

std::vector<std::string> Notes() {
  return {
      "each statement that changes the table also logs the row's key, paused or not; index builds "
      "hold a snapshot and cannot be slowed; from the swap on each change is applied to both "
      "tables"};
}

}  // namespace

std::string RenderPlan(const TablePlan& plan, const Settings& settings) {
  const catalog::TableFacts& table = plan.table;
  std::string text =
      absl::StrCat("Plan for table ", table.name.Display(), "\n", "  key            ",
                   absl::StrJoin(plan.key, ", "), "\n", "  rows lie in    ", OrderText(plan), "\n");
  if (!plan.request.primary_key.empty()) {
    absl::StrAppend(&text, "  primary key    ", absl::StrJoin(plan.request.primary_key, ", "),
                    "\n");
  }
  if (!plan.columns.changed.empty()) {
    absl::StrAppend(&text, "  other columns  ", ChangedText(plan), "\n");
  }
  absl::StrAppendFormat(
      &text,
      "  estimates      %d rows; %s table + %s indexes beside it at most; %s WAL; about %s"
      " unthrottled\n",
      table.rows_estimate, Megabytes(table.bytes), Megabytes(plan.shape.index_bytes),
      Megabytes(plan.wal_bytes), absl::FormatDuration(absl::Trunc(plan.time, absl::Seconds(1))));
  for (const std::string& note : Notes()) {
    absl::StrAppend(&text, "  while it runs  ", note, "\n");
  }
  for (const std::string& warning : plan.warnings) {
    absl::StrAppend(&text, "  note           ", warning, "\n");
  }
  return absl::StrCat(text, RenderSteps(Steps(plan, settings)));
}

std::string PlanToJson(const TablePlan& plan, const Settings& settings) {
  nlohmann::ordered_json json;
  json["kind"] = "table";
  json["name"] = plan.table.name.Display();
  json["key"] = plan.key;
  json["primary_key"] = plan.request.primary_key;
  json["order_by"] = catalog::DisplaySortKey(plan.order_by);
  json["rows"] = plan.table.rows_estimate;
  json["table_bytes"] = plan.table.bytes;
  json["index_bytes"] = plan.shape.index_bytes;
  json["scattered"] = plan.ordered_copy.scattered;
  json["space_bytes"] = plan.space_bytes;
  json["wal_bytes"] = plan.wal_bytes;
  json["seconds_unthrottled"] = absl::ToDoubleSeconds(plan.time);
  json["changed_columns"] = plan.columns.changed;
  json["lost_columns"] = plan.columns.lost;
  json["moved"] = plan.shape.moved;
  json["notes"] = Notes();
  json["warnings"] = plan.warnings;
  json["steps"] = StepsToJson(Steps(plan, settings));
  return json.dump(2);
}

}  // namespace restructure
