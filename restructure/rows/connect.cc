// Connect: copy into a heap without index, settle, index, catch up.

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/facts.h"
#include "catalog/set_objects.h"
#include "catalog/table_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/workers.h"

namespace restructure {

absl::Status EnterStage(Job& job, const char* stage, const std::function<absl::Status()>& effect) {
  GuardOptions options;
  options.check_storage = true;
  absl::Status done = RunGuarded(job, *job.session, "stage", options, [&] {
    if (effect) {
      if (absl::Status status = effect(); !status.ok()) return status;
    }
    return catalog::SetStage(*job.session, job.replacement->structure_id, stage);
  });
  if (done.ok()) job.replacement->stage = stage;
  return done;
}

absl::StatusOr<std::int64_t> MoveBlocks(Job& job, const std::string& pass, const BlockMove& move) {
  const catalog::Target target = job.target();
  absl::StatusOr<std::int64_t> blocks = catalog::SourceBlocks(*job.session, target);
  if (!blocks.ok()) return blocks.status();
  absl::StatusOr<std::vector<std::pair<catalog::BlockRange, std::int64_t>>> done =
      catalog::MarkedBlocks(*job.session, job.id(), pass);
  if (!done.ok()) return done.status();
  absl::StatusOr<catalog::TableFacts> facts = catalog::ReadTable(*job.session, job.set.member_oid);
  if (!facts.ok()) return facts.status();
  std::int64_t rows_done = 0;
  for (const auto& [range, rows] : *done) rows_done += rows;
  const double rows_per_block = static_cast<double>(facts->rows_estimate) /
                                static_cast<double>(std::max<std::int64_t>(1, facts->blocks));
  const Step step(job, pass.c_str(), facts->rows_estimate);
  job.progress->AddRows(rows_done);
  BlockCursor cursor(*blocks, *done, rows_per_block);
  std::atomic<std::int64_t> moved{rows_done};
  const auto move_range = [&](catalog::Session& session,
                              catalog::BlockRange range) -> absl::StatusOr<std::int64_t> {
    std::int64_t rows = 0;
    GuardOptions options;
    options.check_storage = true;
    options.is_batch = true;
    bool marked_before = false;
    absl::Status status = RunGuarded(job, session, "copy", options, [&] {
      absl::StatusOr<std::int64_t> inserted = move(session, target, range);
      if (!inserted.ok()) return inserted.status();
      rows = *inserted;
      absl::Status marked = catalog::MarkBlocks(session, job.id(), pass, range, rows);
      marked_before = absl::IsAlreadyExists(marked);
      return marked;
    });
    if (marked_before) return 0;  // An earlier COMMIT whose answer was lost had gone through.
    if (!status.ok()) return status;
    cursor.Record(range, rows);
    moved += rows;
    return rows;
  };
  absl::Status passed = RunPass(job, [&](std::int64_t rows) -> std::optional<Batch> {
    const std::optional<catalog::BlockRange> range = cursor.Next(rows);
    if (!range) return std::nullopt;
    return Batch([&move_range, range](catalog::Session& s) { return move_range(s, *range); });
  });
  if (!passed.ok()) return passed;
  return moved;
}

absl::Status CopyByBlocks(Job& job) {
  const absl::StatusOr<std::int64_t> copied = MoveBlocks(job, "copy", &catalog::CopyBlocks);
  if (copied.ok()) job.tally->SetRows(*copied);
  return copied.status();
}

namespace {

// A row that moved during the copy may be in the replacement twice, or stale; its key is in the
// log. Takes every visible key, and removes their rows; catch up brings them back.
absl::Status Settle(Job& job) {
  constexpr std::int64_t kKeysPerTransaction = 200000;
  const catalog::Target target = job.target();
  const Step step(job, "settle", 0);
  GuardOptions options;
  options.check_storage = true;
  std::int64_t taken = 0;
  do {
    if (absl::Status open = AwaitWindow(job, throttle::Work::kBatch); !open.ok()) return open;
    absl::Status status = RunGuarded(job, *job.session, "take", options, [&] {
      absl::StatusOr<std::int64_t> keys =
          catalog::TakeKeys(*job.session, target, kKeysPerTransaction);
      if (keys.ok()) taken = *keys;
      return keys.status();
    });
    if (!status.ok()) return status;
    if (absl::Status check = job.control->Check(); !check.ok()) return check;
  } while (taken == kKeysPerTransaction);
  absl::StatusOr<bool> any = catalog::AnyTaken(*job.session, target.structure);
  if (!any.ok()) return any.status();
  if (!*any) return EnterStage(job, "settled");
  absl::StatusOr<std::int64_t> blocks = catalog::StructureBlocks(*job.session, target.structure);
  if (!blocks.ok()) return blocks.status();
  // Deleting twice is harmless, so these batches need no marks.
  const double rows_per_block =
      std::max(1.0, static_cast<double>(job.tally->Get().rows) /
                        static_cast<double>(std::max<std::int64_t>(1, *blocks)));
  BlockCursor cursor(*blocks, {}, rows_per_block);
  options.is_batch = true;
  absl::Status passed = RunPass(job, [&](std::int64_t rows) -> std::optional<Batch> {
    const std::optional<catalog::BlockRange> range = cursor.Next(rows);
    if (!range) return std::nullopt;
    return Batch([&, range](catalog::Session& session) -> absl::StatusOr<std::int64_t> {
      absl::Status status = RunGuarded(job, session, "settle", options, [&] {
        return catalog::SettleBlocks(session, target, *range).status();
      });
      if (!status.ok()) return status;
      // The rows looked at, not the few deleted, are the work: the batch size follows them.
      return static_cast<std::int64_t>(rows_per_block *
                                       static_cast<double>(range->high - range->low));
    });
  });
  if (!passed.ok()) return passed;
  return EnterStage(job, "settled");
}

}  // namespace

absl::Status BuildIndexes(Job& job, const std::vector<IndexBuild>& missing) {
  const int builds = static_cast<int>(missing.size());
  const int workers = job.settings.workers;
  const int each = workers / std::clamp(builds, 1, workers);
  // Where nobody has to be spared, a last build that has no other at its side is given them all.
  const bool is_last_alone = builds % workers == 1 && !job.settings.limits.heed_commits;
  const int last = is_last_alone ? workers : each;
  std::atomic<std::size_t> next{0};
  return RunPass(job, [&](std::int64_t) -> std::optional<Batch> {
    const std::size_t mine = next++;
    if (mine >= missing.size()) return std::nullopt;
    return Batch([&, mine](catalog::Session& session) -> absl::StatusOr<std::int64_t> {
      GuardOptions options;
      options.hold_source = false;  // Nothing of the source is read, and this may take long.
      const int processes = mine + 1 == missing.size() ? last : each;
      const catalog::BuildLimits limits = {job.settings.maintenance_work_mem_bytes, processes - 1};
      absl::Status status = RunGuarded(job, session, "index", options,
                                       [&] { return missing[mine](session, limits); });
      if (!status.ok()) return status;
      return 0;
    });
  });
}

namespace {

// A value under another unique index went from one row to another, and the batch held one of them
// alone. With every key of one snapshot, the replacement becomes what the source was in that
// snapshot, where no two rows were equal.
absl::Status ApplyOneSnapshot(Job& job, const catalog::Target& target) {
  constexpr std::int64_t kAll = 1000000000;
  constexpr int kTriesMax = 20;
  GuardOptions options;
  options.check_storage = true;
  options.one_snapshot = true;
  absl::Status status;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    status = RunGuarded(job, *job.session, "apply", options, [&] {
      absl::StatusOr<std::int64_t> keys = catalog::TakeKeys(*job.session, target, kAll);
      if (!keys.ok()) return keys.status();
      return catalog::ApplyTaken(*job.session, target, kAll).status();
    });
    if (!absl::IsAborted(status)) return status;  // The lease was renewed meanwhile: again.
    job.tally->AddRetry();
    if (absl::Status check = job.control->Check(); !check.ok()) return check;
  }
  return status;
}

}  // namespace

absl::Status CatchUp(Job& job, std::int64_t backlog_max, throttle::Work work) {
  constexpr std::int64_t kCountMax = 1000000;
  const catalog::Target target = job.target();
  GuardOptions options;
  options.check_storage = true;
  std::int64_t last_backlog = -1;
  int rounds_without_gain = 0;
  while (true) {
    // A round has its cost whatever it applies; but wide rows stay within the cap.
    const std::int64_t keys_max =
        std::max(std::min<std::int64_t>(1000, job.pacer->rows_max()), job.pacer->rows_per_batch());
    while (true) {  // What an earlier round or run took comes first.
      if (absl::Status open = AwaitWindow(job, work); !open.ok()) return open;
      const throttle::Decision decision = job.pacer->Next(0, absl::Now());
      if (!decision.may_run && job.control->held()) {
        job.progress->SetWaitingFor(decision.reason);
        if (absl::Status slept = job.control->Sleep(decision.pause); !slept.ok()) return slept;
        continue;
      }
      std::int64_t applied = 0;
      const absl::Time start = absl::Now();
      absl::Status status = RunGuarded(job, *job.session, "apply", options, [&] {
        absl::StatusOr<std::int64_t> keys = catalog::ApplyTaken(*job.session, target, keys_max);
        if (keys.ok()) applied = *keys;
        return keys.status();
      });
      if (absl::IsAlreadyExists(status)) status = ApplyOneSnapshot(job, target);
      if (!status.ok()) return status;
      job.progress->AddRows(applied);
      if (applied >= 50) {
        job.keys_applied_per_second =
            static_cast<double>(applied) / absl::ToDoubleSeconds(absl::Now() - start);
      }
      if (absl::Status check = job.control->Check(); !check.ok()) return check;
      if (applied < keys_max) break;
    }
    absl::StatusOr<std::int64_t> backlog =
        catalog::Backlog(*job.session, target.structure, kCountMax);
    if (!backlog.ok()) return backlog.status();
    job.progress->SetBacklog(*backlog);
    if (*backlog <= backlog_max) {
      job.progress->SetWaitingFor("");
      return absl::OkStatus();
    }
    rounds_without_gain =
        last_backlog >= 0 && *backlog >= last_backlog ? rounds_without_gain + 1 : 0;
    if (rounds_without_gain >= 5) {
      job.progress->SetWaitingFor(absl::StrCat("writers: they change rows as fast as ", *backlog,
                                               " logged keys are applied"));
    }
    last_backlog = *backlog;
    absl::Status status = RunGuarded(job, *job.session, "take", options, [&] {
      return catalog::TakeKeys(*job.session, target, 10 * keys_max).status();
    });
    if (!status.ok()) return status;
  }
}

namespace {

absl::Status DropIndexesOf(const Job& job) {
  if (!job.table) return catalog::DropIndexes(*job.session, *job.replacement);
  absl::StatusOr<std::vector<std::string>> statements =
      catalog::DropTableIndexStatements(*job.session, job.table->new_side.oid);
  if (!statements.ok()) return statements.status();
  for (const std::string& statement : *statements) {
    absl::Status done = catalog::ExecuteStatement(*job.session, statement);
    if (!done.ok()) return done;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RestartCopyIfMoved(Job& job) {
  if (job.drops() || job.replacement->capture != "log") return absl::OkStatus();
  GuardOptions options;
  absl::StatusOr<std::vector<std::string>> changed = std::vector<std::string>();
  {
    absl::StatusOr<catalog::Transaction> transaction =
        catalog::Transaction::Begin(*job.session, "stage");
    if (!transaction.ok()) return transaction.status();
    changed = catalog::Guard(*job.session, job.id(), job.token);
    if (!changed.ok()) return changed.status();
  }
  if (std::find(changed->begin(), changed->end(), "storage") == changed->end()) {
    return absl::OkStatus();
  }
  const catalog::Target target = job.target();
  absl::Status reset = RunGuarded(job, *job.session, "reset_copy", options, [&] {
    absl::Status status = catalog::EmptyForCopy(*job.session, job.id(), target.structure);
    if (status.ok()) status = DropIndexesOf(job);
    if (status.ok()) {
      status = catalog::SetStage(*job.session, target.structure.structure_id, "copying");
    }
    if (status.ok()) status = catalog::AddEvent(*job.session, job.id(), "the copy starts anew");
    if (!status.ok()) return status;
    return catalog::StoreFingerprint(*job.session, job.id(), target.structure, target.members);
  });
  if (reset.ok()) job.replacement->stage = "copying";
  return reset;
}

absl::StatusOr<Next> ConnectRows(Job& job, const std::function<absl::Status()>& copy,
                                 const std::function<absl::Status()>& index) {
  constexpr std::int64_t kBacklogMax = 1000;
  std::string& stage = job.replacement->stage;
  if (stage == "copying") {
    absl::Status copied = copy();
    if (copied.ok()) copied = EnterStage(job, "copied");
    if (!copied.ok()) return copied;
  }
  if (stage == "copied") {
    if (absl::Status status = Settle(job); !status.ok()) return status;
  }
  if (stage == "settled") {
    if (absl::Status open = AwaitWindow(job, throttle::Work::kStep); !open.ok()) return open;
    const Step step(job, "index", 0);
    if (absl::Status status = index(); !status.ok()) return status;
  }
  if (stage == "indexed") {
    {
      const Step step(job, "catch up", 0);
      if (absl::Status status = CatchUp(job, kBacklogMax); !status.ok()) return status;
    }
    if (absl::Status open = AwaitWindow(job, throttle::Work::kStep); !open.ok()) return open;
    const Step step(job, "vacuum", 0);
    absl::Status status = catalog::VacuumStructure(*job.session, *job.replacement);
    if (status.ok()) status = catalog::VacuumKeyLog(*job.session, *job.replacement);
    if (status.ok()) status = EnterStage(job, "ready");
    if (!status.ok()) return status;
  }
  return Next::kGoOn;
}

}  // namespace restructure
