#include "tools/tree.h"

#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "catalog/ledger.h"
#include "catalog/session.h"
#include "restructure/table/tree.h"
#include "tools/command_context.h"
#include "tools/connection.h"
#include "tools/drive.h"
#include "tools/exit_codes.h"
#include "tools/plans.h"

namespace tools {
namespace {

struct Begun {
  std::int64_t tree_id = 0;
  restructure::TreePlan plan;
};

absl::StatusOr<Begun> Begin(catalog::Session& session, const Arguments& arguments,
                            const restructure::TableRequest& request) {
  const restructure::Settings settings = SettingsFrom(arguments.run);
  absl::StatusOr<restructure::TreePlan> plan =
      restructure::PlanTree(session, request, arguments.space_max_bytes, settings);
  if (!plan.ok()) return plan.status();
  absl::StatusOr<std::int64_t> tree_id = restructure::OpenTree(session, *plan);
  if (!tree_id.ok()) return tree_id.status();
  return Begun{*tree_id, *std::move(plan)};
}

absl::Status RefuseHold(const Arguments& arguments) {
  if (!arguments.run.hold_before_swap) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--hold-before-swap holds one table, and ",
                                                 arguments.name,
                                                 " is a partitioned one\nHINT: name a partition."));
}

void Tell(const Arguments& arguments, const restructure::TreePlan& plan, const std::string& goal,
          const std::vector<std::int64_t>& jobs) {
  if (arguments.run.quiet) return;
  absl::PrintF("%s: all %d partitions are rebuilt, by the jobs %s\n", plan.name.Display(),
               plan.parts.size(), absl::StrJoin(jobs, ", "));
  if (goal == catalog::kGoalSoak && !arguments.run.soak) {
    absl::PrintF("next: pg_restructure finish JOB | revert JOB, for each of them\n");
  }
}

}  // namespace

int RunTree(const Arguments& arguments, const std::string& conninfo, const std::string& goal) {
  if (absl::Status refused = RefuseHold(arguments); !refused.ok()) return Refuse(refused);
  const absl::StatusOr<restructure::TableRequest> request = TableRequestOf(arguments);
  if (!request.ok()) return Refuse(request.status());
  const absl::StatusOr<Begun> begun = WithSession<Begun>(
      conninfo, [&](catalog::Session& session) { return Begin(session, arguments, *request); });
  if (!begun.ok()) return Refuse(begun.status());
  const restructure::Settings settings = SettingsFrom(arguments.run);
  if (!arguments.run.quiet) absl::PrintF("%s", restructure::RenderPlan(begun->plan, settings));
  std::vector<std::int64_t> jobs;
  for (const restructure::TreePart& part : begun->plan.parts) {
    if (part.done) {
      jobs.push_back(part.job_id);
      continue;
    }
    const absl::StatusOr<std::int64_t> job_id =
        WithSession<std::int64_t>(conninfo, [&](catalog::Session& session) {
          return restructure::OpenPart(session, begun->tree_id, begun->plan.request, part.name,
                                       arguments.space_max_bytes, settings, goal);
        });
    if (absl::IsNotFound(job_id.status())) {  // Dropped or renamed since the plan was made.
      PrintError(std::string(job_id.status().message()));
      continue;
    }
    if (!job_id.ok()) return Refuse(job_id.status());
    if (!arguments.run.quiet) absl::PrintF("job %d: %s\n", *job_id, part.name);
    std::fflush(stdout);
    const int code = Drive(conninfo, arguments, arguments.kind, *job_id, goal);
    if (code != kExitDone) return code;
    jobs.push_back(*job_id);
  }
  const absl::StatusOr<bool> ended =
      WithSession<bool>(conninfo, [&](catalog::Session& session) -> absl::StatusOr<bool> {
        absl::Status done = restructure::EndTree(session, begun->tree_id);
        if (!done.ok()) return done;
        return true;
      });
  if (!ended.ok()) {
    PrintError(std::string(ended.status().message()));
    return kExitResumable;
  }
  Tell(arguments, begun->plan, goal, jobs);
  return kExitDone;
}

}  // namespace tools
