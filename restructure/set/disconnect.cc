#include <optional>
#include <vector>

#include "catalog/ledger.h"
#include "catalog/set_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/set/phases.h"
#include "restructure/workers.h"

namespace restructure {
namespace {

std::optional<catalog::Structure> Live(const Job& job) {
  const catalog::Structure* live = job.drops() ? nullptr : job.live();
  return live == nullptr ? std::nullopt : std::optional<catalog::Structure>(*live);
}

// The old-fashioned way: members leave in throttled batches, newest block first is no better than
// oldest, so in order.
absl::Status EmptyInBatches(Job& job, const catalog::Structure& retired) {
  absl::StatusOr<std::int64_t> blocks = catalog::StructureBlocks(*job.session, retired);
  if (!blocks.ok()) return blocks.status();
  const Step step(job, "disconnect members", job.tally->Get().rows);
  GuardOptions options;
  options.hold_source = false;
  options.check_capture = false;
  options.check_source = false;
  BlockCursor cursor(*blocks, {}, 150);
  return RunPass(job, [&](std::int64_t rows) -> std::optional<Batch> {
    const std::optional<catalog::BlockRange> range = cursor.Next(rows);
    if (!range) return std::nullopt;
    return Batch([&, range](catalog::Session& session) -> absl::StatusOr<std::int64_t> {
      std::int64_t gone = 0;
      absl::Status status = RunGuarded(job, session, "empty", options, [&] {
        absl::StatusOr<std::int64_t> rows_gone =
            catalog::DisconnectBlocks(session, retired, *range);
        if (rows_gone.ok()) gone = *rows_gone;
        return rows_gone.status();
      });
      if (!status.ok()) return status;
      cursor.Record(*range, gone);
      return gone;
    });
  });
}

// A statement that began before the upkeep ended needs the structure as it was: with its indexes.
absl::Status AwaitOldWriters(Job& job) {
  std::vector<catalog::QualifiedName> tables = {job.set.member};
  if (const std::optional<catalog::Structure> live = Live(job)) tables.push_back(live->table);
  return WaitOutWriters(job, tables);
}

// One relation for each transaction and throttle slot.
absl::Status EmptyInSteps(Job& job, const catalog::Structure& retired) {
  const Step step(job, "disconnect steps", 0);
  GuardOptions options;
  options.hold_source = false;
  options.check_capture = false;
  options.check_source = false;
  options.timeouts.lock = job.settings.lock_timeout;
  for (const auto drop : {&catalog::DropOrderIndex, &catalog::DropKeyIndex}) {
    absl::Status done = RetryForLock(job, retired.table, "ACCESS EXCLUSIVE", [&](int) {
      return RunGuarded(job, *job.session, "empty", options,
                        [&] { return drop(*job.session, retired); });
    });
    if (!done.ok()) return done;
  }
  return absl::OkStatus();
}

}  // namespace

// Before: the alias shows one structure; the other one is kept equal and nobody reads it.
// After:  the retired structure is no longer kept, and has been emptied.
// Lock:   none on the member table; the retired structure's own.
// Undo:   none: from here on only forward.
absl::StatusOr<Next> Disconnect(Job& job) {
  const catalog::Structure* retired = job.retired();
  if (retired == nullptr) return Next::kGoOn;
  GuardOptions options;
  options.hold_source = false;
  options.check_capture = false;
  options.check_source = false;
  options.timeouts.lock = job.settings.lock_timeout;
  if (retired->capture != "off") {
    absl::Status off = RetryForLock(job, job.set.alias, "ACCESS EXCLUSIVE", [&](int) {
      return RunGuarded(job, *job.session, "disconnect", options, [&] {
        absl::Status status;
        if (job.drops()) status = catalog::DropAlias(*job.session, job.set);
        if (status.ok()) {
          status = catalog::StopCapture(*job.session, job.set, *retired, Live(job));
        }
        if (!status.ok()) return status;
        return catalog::SetCapture(*job.session, retired->structure_id, "off");
      });
    });
    if (!off.ok()) return off;
  }
  if (retired->stage != "emptied") {
    if (absl::Status waited = AwaitOldWriters(job); !waited.ok()) return waited;
    absl::Status emptied = job.settings.disconnect_in_batches ? EmptyInBatches(job, *retired)
                                                              : EmptyInSteps(job, *retired);
    if (emptied.ok()) {
      options.timeouts = {};  // The ledger alone: nobody else waits for it.
      emptied = RunGuarded(job, *job.session, "stage", options, [&] {
        return catalog::SetStage(*job.session, retired->structure_id, "emptied");
      });
    }
    if (!emptied.ok()) return emptied;
  }
  return Next::kGoOn;
}

}  // namespace restructure
