#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/batches.h"
#include "catalog/ledger.h"
#include "restructure/rows/compare.h"
#include "restructure/rows/rows.h"
#include "restructure/workers.h"

namespace restructure {

absl::StatusOr<std::int64_t> RowsPerComparison(catalog::Session& session,
                                               const catalog::Target& target, bool spares_others) {
  absl::StatusOr<double> bytes = catalog::MeanRowBytes(session, target.structure);
  if (!bytes.ok()) return bytes.status();
  const auto clamped = [&](double range_bytes, std::int64_t rows_max) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(range_bytes / std::max(1.0, *bytes)),
                                    20, rows_max);
  };
  // A set's rows are narrow, and lie in the order of their keys or not far from it. Those of a
  // table may lie in another order, where each range reads pages all over it: fewer ranges then,
  // and as few as its workers have where nobody feels how long a statement runs.
  if (!target.structure.is_table()) return clamped(16 << 20, 50000);
  return spares_others ? clamped(96 << 20, 1000000) : clamped(256 << 20, 3000000);
}

namespace {

// So many rows a range that all workers have the same to do, to the end.
std::int64_t EvenRows(std::int64_t rows, std::int64_t rows_max, int workers) {
  const std::int64_t rounds = rows / (rows_max * workers) + 1;
  return std::clamp<std::int64_t>(rows / (rounds * workers) + 1, 20, rows_max);
}

absl::StatusOr<std::vector<catalog::MarkedRange>> RangesOf(Job& job,
                                                           const catalog::Target& target) {
  absl::StatusOr<std::vector<catalog::MarkedRange>> ranges =
      catalog::LoadRanges(*job.session, job.id());
  if (!ranges.ok() || !ranges->empty()) return ranges;
  absl::StatusOr<std::int64_t> rows_max =
      RowsPerComparison(*job.session, target, job.settings.limits.heed_commits);
  if (!rows_max.ok()) return rows_max.status();
  absl::StatusOr<std::vector<catalog::KeyRange>> cut = catalog::CutIntoRanges(
      *job.session, target, EvenRows(job.tally->Get().rows, *rows_max, job.settings.workers));
  if (!cut.ok()) return cut.status();
  GuardOptions options;
  options.check_storage = true;
  absl::Status saved = RunGuarded(job, *job.session, "ranges", options, [&] {
    return catalog::SaveRanges(*job.session, job.id(), *cut);
  });
  if (!saved.ok()) return saved;
  return catalog::LoadRanges(*job.session, job.id());
}

std::string Describe(const catalog::Comparison& comparison) {
  return absl::StrCat(comparison.differences, " rows differ, the first by key: ",
                      absl::StrJoin(comparison.first_keys, " "));
}

// A difference is read again after a catch-up. If it is still there, it is real.
absl::Status ReadAgain(Job& job, const catalog::Target& target,
                       const std::vector<catalog::KeyRange>& suspects) {
  if (absl::Status status = CatchUp(job, 0); !status.ok()) return status;
  std::int64_t differences = 0;
  std::string description;
  for (const catalog::KeyRange& range : suspects) {
    GuardOptions options;
    options.check_storage = true;
    absl::Status status = RunGuarded(job, *job.session, "verify", options, [&] {
      absl::StatusOr<catalog::Comparison> comparison =
          catalog::CompareRange(*job.session, target, range, true);
      if (!comparison.ok()) return comparison.status();
      if (comparison->differences > 0 && description.empty()) description = Describe(*comparison);
      differences += comparison->differences;
      return catalog::MarkRange(*job.session, job.id(), range, comparison->rows);
    });
    if (!status.ok()) return status;
  }
  if (differences == 0) return absl::OkStatus();
  job.tally->SetVerified(job.tally->Get().verified_rows, differences);
  // The marks go, so that the next run compares everything again.
  absl::Status cleared = catalog::ClearMarks(*job.session, job.id(), "verify");
  if (!cleared.ok()) return cleared;
  return absl::DataLossError(absl::StrCat(
      job.set.alias.Display(), ": ", differences, " differences between ", job.set.member.Display(),
      " and the replacement (", description, "); nothing was swapped\n",
      "HINT: the source is right and unharmed; `pg_restructure abort ", job.id(),
      "` and start again, and please report this with the keys above."));
}

}  // namespace

absl::StatusOr<catalog::Comparison> CompareAll(
    const Job& job, const std::vector<catalog::KeyRange>& ranges,
    const std::function<absl::StatusOr<catalog::Comparison>(catalog::Session&,
                                                            const catalog::KeyRange&)>& compare,
    std::vector<catalog::KeyRange>* suspects) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  catalog::Comparison total;
  absl::Status passed = RunPass(job, [&](std::int64_t) -> std::optional<Batch> {
    const std::size_t mine = next++;
    if (mine >= ranges.size()) return std::nullopt;
    return Batch([&, mine](catalog::Session& session) -> absl::StatusOr<std::int64_t> {
      absl::StatusOr<catalog::Comparison> comparison = compare(session, ranges[mine]);
      if (!comparison.ok()) return comparison.status();
      const std::lock_guard<std::mutex> lock(mutex);
      total.rows += comparison->rows;
      total.differences += comparison->differences;
      for (const std::string& key : comparison->first_keys) {
        if (total.first_keys.size() < 10) total.first_keys.push_back(key);
      }
      if (comparison->differences > 0) suspects->push_back(ranges[mine]);
      return comparison->rows;
    });
  });
  if (!passed.ok()) return passed;
  return total;
}

absl::StatusOr<Next> VerifyRows(Job& job) {
  if (job.replacement->stage != "ready") return Next::kGoOn;
  if (absl::Status open = AwaitWindow(job, throttle::Work::kBatch); !open.ok()) return open;
  const catalog::Target target = job.target();
  absl::StatusOr<std::vector<catalog::MarkedRange>> marked = RangesOf(job, target);
  if (!marked.ok()) return marked.status();
  std::vector<catalog::KeyRange> open;
  std::int64_t rows_before = 0;
  for (const catalog::MarkedRange& range : *marked) {
    if (range.done) rows_before += range.rows;
    if (!range.done) open.push_back(range.range);
  }
  const Step step(job, "compare", job.tally->Get().rows);
  job.progress->AddRows(rows_before);
  std::vector<catalog::KeyRange> suspects;
  absl::StatusOr<catalog::Comparison> total = CompareAll(
      job, open,
      [&](catalog::Session& session,
          const catalog::KeyRange& range) -> absl::StatusOr<catalog::Comparison> {
        GuardOptions options;
        options.check_storage = true;
        options.is_batch = true;
        absl::StatusOr<catalog::Comparison> comparison = catalog::Comparison();
        absl::Status status = RunGuarded(job, session, "verify", options, [&] {
          comparison = catalog::CompareRange(session, target, range, true);
          if (!comparison.ok()) return comparison.status();
          if (comparison->differences > 0) return absl::OkStatus();  // Not done: read again.
          return catalog::MarkRange(session, job.id(), range, comparison->rows);
        });
        if (!status.ok()) return status;
        return comparison;
      },
      &suspects);
  if (!total.ok()) return total.status();
  job.tally->SetVerified(rows_before + total->rows, 0);
  if (!suspects.empty()) {
    if (absl::Status status = ReadAgain(job, target, suspects); !status.ok()) return status;
  }
  GuardOptions options;
  options.check_storage = true;
  absl::Status verified = RunGuarded(job, *job.session, "stage", options, [&] {
    return catalog::SetStage(*job.session, target.structure.structure_id, "verified");
  });
  if (!verified.ok()) return verified;
  job.replacement->stage = "verified";
  return Next::kGoOn;
}

}  // namespace restructure
