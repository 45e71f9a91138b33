#include "restructure/set/verify.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/ledger.h"
#include "catalog/schema.h"
#include "restructure/rows/compare.h"
#include "restructure/rows/rows.h"
#include "restructure/set/phases.h"
#include "restructure/workers.h"

namespace restructure {

absl::StatusOr<VerifyResult> VerifyNamedSet(const std::string& conninfo, catalog::Session& session,
                                            const std::string& name, const Settings& settings) {
  absl::StatusOr<catalog::QualifiedName> parsed = catalog::ParseQualifiedName(name);
  if (!parsed.ok()) return parsed.status();
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  std::optional<catalog::SetDefinition> set;
  if (*version > 0) {
    absl::StatusOr<std::optional<catalog::SetDefinition>> found =
        catalog::FindSet(session, *parsed);
    if (!found.ok()) return found.status();
    set = *std::move(found);
  }
  if (!set || !set->live_structure) {
    return absl::NotFoundError(absl::StrCat("no set ", parsed->Display(),
                                            "\nHINT: the view restructure.sets lists them."));
  }
  absl::StatusOr<catalog::Structure> live = catalog::GetStructure(session, *set->live_structure);
  if (!live.ok()) return live.status();
  const catalog::Target target{*set, *live, std::nullopt};
  absl::StatusOr<std::int64_t> rows = RowsPerComparison(session, target, false);
  if (!rows.ok()) return rows.status();
  absl::StatusOr<std::vector<catalog::KeyRange>> ranges =
      catalog::CutIntoRanges(session, target, *rows);
  if (!ranges.ok()) return ranges.status();
  throttle::Pacer pacer(throttle::Limits::Unlimited(), settings.batch_size, settings.workers);
  Progress progress;
  Control control;
  Tally tally;
  IdleSessions idle_sessions;
  Job job;
  job.conninfo = conninfo;
  job.settings = settings;
  job.pacer = &pacer;
  job.progress = &progress;
  job.control = &control;
  job.tally = &tally;
  job.idle_sessions = &idle_sessions;
  std::vector<catalog::KeyRange> suspects;
  absl::StatusOr<catalog::Comparison> comparison = CompareAll(
      job, *ranges,
      [&target](catalog::Session& worker, const catalog::KeyRange& range) {
        return catalog::CompareRange(worker, target, range, false);
      },
      &suspects);
  if (!comparison.ok()) return comparison.status();
  return VerifyResult{set->alias.Display(), *comparison};
}

absl::StatusOr<Next> Verify(Job& job) { return job.drops() ? Next::kGoOn : VerifyRows(job); }

}  // namespace restructure
