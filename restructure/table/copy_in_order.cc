#include <algorithm>
#include <atomic>
#include <vector>

#include "catalog/facts.h"
#include "catalog/order_batches.h"
#include "restructure/rows/rows.h"
#include "restructure/table/phases.h"
#include "restructure/workers.h"

namespace restructure::table {
namespace {

// A range is scanned and sorted straight out of the source. It fits the memory of a sort; more
// ranges than this would read the source more often than is worth it. Workers fill neighbouring
// ranges at the same time, and mix their pages: there are more ranges than workers.
constexpr std::int64_t kRangeBytes = 64 << 20;
constexpr std::int64_t kRangesMin = 16;
constexpr std::int64_t kRangesMax = 32;

absl::StatusOr<std::vector<catalog::MarkedOrderRange>> RangesOf(Job& job,
                                                                const catalog::TableFacts& facts) {
  absl::StatusOr<std::vector<catalog::MarkedOrderRange>> ranges =
      catalog::LoadOrderRanges(*job.session, job.id());
  if (!ranges.ok() || !ranges->empty()) return ranges;
  const std::int64_t wanted =
      std::clamp<std::int64_t>(facts.bytes / kRangeBytes + 1, kRangesMin, kRangesMax);
  const std::int64_t rows = std::max<std::int64_t>(1, facts.rows_estimate / wanted + 1);
  GuardOptions options;
  options.check_storage = true;
  absl::Status saved = RunGuarded(job, *job.session, "ranges", options, [&] {
    absl::StatusOr<std::vector<catalog::OrderRange>> cut =
        catalog::CutByOrder(*job.session, job.target(), rows, facts.rows_estimate);
    if (!cut.ok()) return cut.status();
    return catalog::SaveOrderRanges(*job.session, job.id(), *cut);
  });
  if (!saved.ok()) return saved;
  return catalog::LoadOrderRanges(*job.session, job.id());
}

}  // namespace

absl::Status CopyInOrder(Job& job) {
  const catalog::Target target = job.target();
  absl::StatusOr<catalog::TableFacts> facts = catalog::ReadTable(*job.session, job.set.member_oid);
  if (!facts.ok()) return facts.status();
  const Step step(job, "copy", facts->rows_estimate);
  absl::StatusOr<std::vector<catalog::MarkedOrderRange>> marked = RangesOf(job, *facts);
  if (!marked.ok()) return marked.status();
  std::vector<catalog::OrderRange> open;
  std::atomic<std::int64_t> copied{0};
  for (const catalog::MarkedOrderRange& range : *marked) {
    if (range.done) copied += range.rows;
    if (!range.done) open.push_back(range.range);
  }
  job.progress->AddRows(copied);
  std::atomic<std::size_t> next{0};
  absl::Status passed = RunPass(job, [&](std::int64_t) -> std::optional<Batch> {
    const std::size_t mine = next++;
    if (mine >= open.size()) return std::nullopt;
    return Batch([&, mine](catalog::Session& session) -> absl::StatusOr<std::int64_t> {
      GuardOptions options;
      options.check_storage = true;
      std::int64_t rows = 0;
      bool marked_before = false;
      absl::Status status = RunGuarded(job, session, "copy", options, [&] {
        absl::StatusOr<std::int64_t> inserted = catalog::CopyOrderRange(
            session, target, open[mine], job.settings.maintenance_work_mem_bytes);
        if (!inserted.ok()) return inserted.status();
        rows = *inserted;
        absl::Status done = catalog::MarkOrderRange(session, job.id(), open[mine], rows);
        marked_before = absl::IsAlreadyExists(done);
        return done;
      });
      if (marked_before) return 0;
      if (!status.ok()) return status;
      copied += rows;
      return rows;
    });
  });
  if (!passed.ok()) return passed;
  job.tally->SetRows(copied);
  return absl::OkStatus();
}

}  // namespace restructure::table
