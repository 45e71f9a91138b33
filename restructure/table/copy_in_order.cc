#include <algorithm>
#include <atomic>
#include <functional>
#include <vector>

#include "catalog/facts.h"
#include "catalog/order_batches.h"
#include "catalog/scatter.h"
#include "restructure/rows/rows.h"
#include "restructure/table/ordered_copy.h"
#include "restructure/table/phases.h"
#include "restructure/workers.h"

namespace restructure {

OrderedCopy ChooseOrderedCopy(std::int64_t table_bytes, std::int64_t cache_bytes,
                              std::int64_t range_bytes) {
  // Workers fill neighbouring ranges at the same time, and mix their pages: there are more ranges
  // than workers. More of them than this, each read out of the source, would read it too often.
  constexpr std::int64_t kRangesMin = 16;
  constexpr std::int64_t kReadsMax = 32;
  const std::int64_t wanted = std::max(table_bytes / range_bytes + 1, kRangesMin);
  // A sequential scan shares the memory with the live workload.
  if (wanted <= kReadsMax || table_bytes <= cache_bytes / 2) {
    return {std::min(wanted, kReadsMax), false};
  }
  return {std::min(wanted, catalog::kRangeTablesMax), true};
}

namespace table {
namespace {

absl::StatusOr<std::vector<catalog::MarkedOrderRange>> RangesOf(Job& job,
                                                                const catalog::TableFacts& facts) {
  absl::StatusOr<std::vector<catalog::MarkedOrderRange>> ranges =
      catalog::LoadOrderRanges(*job.session, job.id());
  if (!ranges.ok() || !ranges->empty()) return ranges;
  absl::StatusOr<catalog::ServerFacts> server = catalog::ReadServer(*job.session);
  if (!server.ok()) return server.status();
  const OrderedCopy way =
      ChooseOrderedCopy(facts.bytes, server->cache_bytes, job.settings.order_range_bytes);
  const std::int64_t rows = std::max<std::int64_t>(1, facts.rows_estimate / way.ranges + 1);
  const catalog::Target target = job.target();
  GuardOptions options;
  options.check_storage = true;
  absl::Status saved = RunGuarded(job, *job.session, "ranges", options, [&] {
    absl::StatusOr<std::vector<catalog::OrderRange>> cut =
        catalog::CutByOrder(*job.session, target, rows, facts.rows_estimate);
    if (!cut.ok()) return cut.status();
    absl::Status status = catalog::SaveOrderRanges(*job.session, job.id(), *cut);
    // A copy that starts anew may have left some.
    if (status.ok()) status = catalog::DropRangeTables(*job.session, target.structure);
    if (status.ok() && way.scattered) {
      status = catalog::CreateRangeTables(*job.session, target, *cut);
    }
    return status;
  });
  if (!saved.ok()) return saved;
  return catalog::LoadOrderRanges(*job.session, job.id());
}

using RangeMove = std::function<absl::StatusOr<std::int64_t>(
    catalog::Session&, const catalog::Target&, const catalog::OrderRange&, std::int64_t)>;

// Each range is one transaction with its mark.
absl::Status MoveRanges(Job& job, const std::vector<catalog::MarkedOrderRange>& marked,
                        std::int64_t rows_estimate, const RangeMove& move) {
  const catalog::Target target = job.target();
  const Step step(job, "copy", rows_estimate);
  std::vector<catalog::OrderRange> open;
  std::atomic<std::int64_t> copied{0};
  for (const catalog::MarkedOrderRange& range : marked) {
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
        absl::StatusOr<std::int64_t> inserted =
            move(session, target, open[mine], job.settings.maintenance_work_mem_bytes);
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

}  // namespace

absl::Status CopyInOrder(Job& job) {
  absl::StatusOr<catalog::TableFacts> facts = catalog::ReadTable(*job.session, job.set.member_oid);
  if (!facts.ok()) return facts.status();
  absl::StatusOr<std::vector<catalog::MarkedOrderRange>> marked = RangesOf(job, *facts);
  if (!marked.ok()) return marked.status();
  const catalog::Structure structure = job.target().structure;
  absl::StatusOr<bool> scattered = catalog::HasRangeTables(*job.session, structure);
  if (!scattered.ok()) return scattered.status();
  if (!*scattered) return MoveRanges(job, *marked, facts->rows_estimate, &catalog::CopyOrderRange);
  // A run that goes on may find blocks that the source has got since, and scatter into what has
  // been gathered already. Those rows are newer than the capture: the key log has them.
  absl::Status moved = MoveBlocks(job, "scatter", &catalog::ScatterBlocks).status();
  if (moved.ok()) moved = MoveRanges(job, *marked, facts->rows_estimate, &catalog::GatherRange);
  if (!moved.ok()) return moved;
  return RunGuarded(job, *job.session, "ranges", GuardOptions(),
                    [&] { return catalog::DropRangeTables(*job.session, structure); });
}

}  // namespace table
}  // namespace restructure
