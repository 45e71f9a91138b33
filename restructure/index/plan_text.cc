// How the plan of an index is shown.

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "restructure/index/plan.h"
#include "restructure/planned_step.h"

namespace restructure {
namespace {

std::vector<PlannedStep> Steps(const IndexPlan& plan, const Settings& settings) {
  const catalog::IndexFacts& index = plan.index;
  const std::string table = index.table.Display();
  const std::string tried = TriedFor(settings.lock_timeout);
  std::vector<PlannedStep> steps;
  if (index.partitioned) {
    steps.push_back({"build", "create the index of the partitioned table, still without parts",
                     absl::StrCat("SHARE on ", table, tried)});
    steps.push_back(
        {"connect",
         absl::StrCat("build by CREATE INDEX CONCURRENTLY on ", index.leaves, " partitions with ",
                      settings.workers, " workers, one partition each, paced; attach them"),
         "SHARE UPDATE EXCLUSIVE on a partition while its part is built: DDL and VACUUM wait"});
  } else {
    steps.push_back(
        {"connect", "build by CREATE INDEX CONCURRENTLY",
         absl::StrCat("SHARE UPDATE EXCLUSIVE on ", table,
                      " while it is built: readers and writers go on, DDL and VACUUM wait")});
  }
  steps.push_back({"verify", "look up every row in the new index (amcheck), or count through it",
                   absl::StrCat("ACCESS SHARE on ", table, "; a snapshot for the time it takes")});
  if (index.constraint.empty()) {
    steps.push_back(
        {"swap", "exchange the names of the two indexes",
         index.replica_identity
             ? absl::StrCat("ACCESS EXCLUSIVE on ", table, ", for its replica identity", tried)
             : absl::StrCat("SHARE UPDATE EXCLUSIVE on the indexes alone", tried)});
    steps.push_back({"soak", SoakText(settings, "keep both indexes"), "none"});
  } else {
    std::string tables = table;
    for (const catalog::ForeignKey& key : index.foreign_keys) {
      if (!(key.table == index.table)) absl::StrAppend(&tables, ", ", key.table.Display());
    }
    steps.push_back(
        {"swap",
         absl::StrCat("put the new index under the constraint",
                      index.foreign_keys.empty()
                          ? ""
                          : absl::StrCat(", renew ", index.foreign_keys.size(),
                                         " foreign keys NOT VALID, validate them afterwards")),
         absl::StrCat("ACCESS EXCLUSIVE on ", tables, tried)});
    steps.push_back({"soak",
                     absl::StrCat("build the old index again, concurrently; ",
                                  SoakText(settings, "keep both indexes")),
                     "none"});
  }
  steps.push_back(
      {"drop", index.partitioned ? "drop the old index" : "drop the old index, concurrently",
       index.partitioned ? absl::StrCat("ACCESS EXCLUSIVE on ", table, " and its partitions", tried)
                         : "none that anybody waits for"});
  return steps;
}

std::vector<std::string> Notes(const IndexPlan& plan) {
  std::vector<std::string> notes = {
      "a build cannot be slowed from outside: a pause takes effect before the next one; pressure "
      "over the limits for 10 s cancels it, cleans up and tries again later"};
  if (!plan.index.constraint.empty()) {
    notes.push_back(
        "from the swap until the soak has built the old index again, only the new key is enforced");
  }
  if (plan.index.deferrable) {
    notes.push_back(
        "two unique indexes that are checked at once stand beside the deferrable constraint in "
        "turn, until the old one is dropped: a statement fails that needs it to be deferred");
  }
  return notes;
}

}  // namespace

std::string RenderPlan(const IndexPlan& plan, const Settings& settings) {
  const catalog::IndexFacts& index = plan.index;
  std::string text = absl::StrCat("Plan for index ", index.name.Display(), "\n");
  absl::StrAppend(&text, "  table          ", index.table.Display(),
                  index.partitioned ? absl::StrCat(", ", index.leaves, " partitions") : "", "\n");
  if (!index.constraint.empty()) {
    absl::StrAppend(&text, "  constraint     ", catalog::DisplayName(index.constraint),
                    index.constraint_type == 'p' ? ", primary key" : ", unique", "\n");
  }
  absl::StrAppend(&text, "  now            ", catalog::DisplayIndex(index.definition), "\n",
                  "  then           ", catalog::DisplayIndex(plan.replacement.definition), "\n");
  absl::StrAppendFormat(&text, "  estimates      %d rows; %s of index today, %s of table to read\n",
                        index.rows_estimate, Megabytes(index.bytes), Megabytes(index.table_bytes));
  for (const std::string& note : Notes(plan)) {
    absl::StrAppend(&text, "  while it runs  ", note, "\n");
  }
  for (const std::string& warning : plan.warnings) {
    absl::StrAppend(&text, "  note           ", warning, "\n");
  }
  return absl::StrCat(text, RenderSteps(Steps(plan, settings)));
}

std::string PlanToJson(const IndexPlan& plan, const Settings& settings) {
  nlohmann::ordered_json json;
  json["kind"] = "index";
  json["name"] = plan.index.name.Display();
  json["table"] = plan.index.table.Display();
  json["partitions"] = plan.index.partitioned ? plan.index.leaves : 0;
  json["constraint"] = plan.index.constraint;
  json["now"] = catalog::DisplayIndex(plan.index.definition);
  json["then"] = catalog::DisplayIndex(plan.replacement.definition);
  json["rows"] = plan.index.rows_estimate;
  json["index_bytes"] = plan.index.bytes;
  json["table_bytes"] = plan.index.table_bytes;
  json["notes"] = Notes(plan);
  json["warnings"] = plan.warnings;
  json["steps"] = StepsToJson(Steps(plan, settings));
  return json.dump(2);
}

}  // namespace restructure
