// How a plan is shown.

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "catalog/set_statements.h"
#include "restructure/planned_step.h"
#include "restructure/set/plan.h"

namespace restructure {
namespace {

std::vector<PlannedStep> Steps(const SetPlan& plan, const Settings& settings) {
  const std::string member = plan.member.name.Display();
  const std::string alias = plan.set.alias.Display();
  if (plan.request.action == SetRequest::Action::kDrop) {
    return {{"disconnect", absl::StrCat("drop the alias ", alias, ", stop its upkeep, empty it"),
             absl::StrCat("ACCESS EXCLUSIVE on ", alias, ", milliseconds")},
            {"drop", "drop the triggers and the side table",
             absl::StrCat("ACCESS EXCLUSIVE on ", member, ", milliseconds")}};
  }
  const std::string short_lock = TriedFor(settings.lock_timeout);
  std::vector<PlannedStep> steps = {
      {"build", "create the side table, the key log and the capture triggers",
       absl::StrCat("SHARE ROW EXCLUSIVE on ", member, short_lock)},
      {"connect",
       absl::StrCat("copy about ", plan.estimates.rows, " members with ", settings.workers,
                    " workers, settle, build 2 indexes, catch up, vacuum"),
       absl::StrCat("ACCESS SHARE on ", member, " for the time of a batch")},
      {"verify", "compare every member as an image, both ways",
       absl::StrCat("ACCESS SHARE on ", member, " for the time of a range")},
      {"swap", "make the writers keep both, wait out old snapshots",
       absl::StrCat("SHARE ROW EXCLUSIVE on ", member, ", at most ",
                    absl::FormatDuration(settings.swap_lock_budget))}};
  if (plan.request.action == SetRequest::Action::kCreate) {
    steps.push_back({"", absl::StrCat("create the alias ", alias), "none that anybody waits for"});
  } else {
    steps.push_back({"", absl::StrCat("point the alias ", alias, " at the new side table"),
                     absl::StrCat("ACCESS EXCLUSIVE on ", alias, " alone", short_lock)});
    steps.push_back({"soak", SoakText(settings, "keep both equal"), "none"});
    steps.push_back({"disconnect", "stop the upkeep of the old side table and empty it", "none"});
  }
  steps.push_back({"drop", "drop what is no longer needed",
                   absl::StrCat("ACCESS EXCLUSIVE on ", member, short_lock)});
  return steps;
}

}  // namespace

std::string RenderPlan(const SetPlan& plan, const Settings& settings) {
  std::string text = absl::StrCat("Plan for set ", plan.set.alias.Display(), "\n");
  if (plan.request.action != SetRequest::Action::kDrop) {
    absl::StrAppend(
        &text, "  member table   ", plan.member.name.Display(), ", key (",
        absl::StrJoin(plan.set.key, ", "), "), owner (", absl::StrJoin(plan.set.owner, ", "), ")\n",
        "  sort key       ",
        plan.old ? absl::StrCat(catalog::DisplaySortKey(plan.old->sort_key), "  ->  ") : "",
        catalog::DisplaySortKey(plan.replacement.sort_key), "\n", "  alias shows    ",
        absl::StrJoin(plan.set.shown, ", "),
        plan.request.show.empty() ? ""
                                  : absl::StrCat(" and ", absl::StrJoin(plan.request.show, ", ")),
        "\n");
    absl::StrAppendFormat(
        &text, "  estimates      %d rows; %s table + %s indexes; %s WAL; about %s unthrottled\n",
        plan.estimates.rows, Megabytes(plan.estimates.heap_bytes),
        Megabytes(plan.estimates.index_bytes), Megabytes(plan.estimates.wal_bytes),
        absl::FormatDuration(absl::Trunc(plan.estimates.time, absl::Seconds(1))));
    absl::StrAppend(&text, "  while it runs  each statement that changes ",
                    plan.member.name.Display(),
                    " also logs the row's key, paused or not; one index build holds a snapshot\n");
  }
  absl::StrAppend(&text, RenderSteps(Steps(plan, settings)));
  for (const std::string& warning : plan.warnings) {
    absl::StrAppend(&text, "  note: ", warning, "\n");
  }
  return text;
}

std::string PlanToJson(const SetPlan& plan, const Settings& settings) {
  nlohmann::ordered_json object = {
      {"kind", "set"},
      {"name", plan.set.alias.Display()},
      {"member", plan.member.name.Display()},
      {"old_key", plan.old ? catalog::DisplaySortKey(plan.old->sort_key) : ""},
      {"new_key", catalog::DisplaySortKey(plan.replacement.sort_key)},
      {"rows", plan.estimates.rows},
      {"table_bytes", plan.estimates.heap_bytes},
      {"index_bytes", plan.estimates.index_bytes},
      {"wal_bytes", plan.estimates.wal_bytes},
      {"seconds_unthrottled", absl::ToDoubleSeconds(plan.estimates.time)},
      {"steps", StepsToJson(Steps(plan, settings))},
      {"notes", plan.warnings}};
  return object.dump(2);
}

}  // namespace restructure
