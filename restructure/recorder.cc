#include "restructure/recorder.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "catalog/decisions.h"
#include "throttle/trace.h"

namespace restructure {
namespace {

constexpr int kKept = 5000;     // decisions of a job in the ledger
constexpr int kThinEach = 100;  // decisions
// A keeper that could not look for longer does not know what held in between.
constexpr absl::Duration kSampleMax = absl::Seconds(5);

throttle::TraceRow RowOf(throttle::Pacer& pacer, const throttle::Load& load) {
  const throttle::Decision decision = pacer.Next(0, load.taken_at);
  const throttle::Pace pace = pacer.pace();
  throttle::TraceRow row;
  row.time = load.taken_at;
  row.pressure = pace.pressure;
  row.reason = decision.reason;
  row.effective_workers = decision.may_run ? pace.allowance : 0;
  row.workers = static_cast<int>(std::ceil(row.effective_workers));
  row.rows_per_batch = pace.rows;
  row.batch = pace.batch;
  row.commit = load.canary;
  if (load.transaction) row.transaction = load.transaction->mean;
  row.busy = load.workers_busy;
  return row;
}

}  // namespace

absl::Status Recorder::Record(catalog::Session& session, const throttle::Load& load) {
  const absl::Duration since = std::min(load.taken_at - last_, kSampleMax);
  const bool first = last_ == absl::InfinitePast();
  last_ = load.taken_at;
  if (!job_.progress->batches_run()) return absl::OkStatus();
  const throttle::TraceRow row = RowOf(*job_.pacer, load);
  if (!first) job_.tally->AddReason(throttle::ReasonName(row.reason), since);
  if (job_.trace != nullptr) *job_.trace << throttle::TraceLine(row) << std::endl;
  if (!filter_.IsWorth(row)) return absl::OkStatus();
  absl::Status added =
      catalog::AddDecision(session, job_.id(),
                           {absl::ZeroDuration(), row.pressure, row.reason, row.effective_workers,
                            row.workers, row.rows_per_batch, row.batch, row.commit, row.busy});
  if (added.ok() && recorded_++ % kThinEach == 0) {
    added = catalog::ThinDecisions(session, job_.id(), kKept);
  }
  return added;
}

}  // namespace restructure
