#include "throttle/pacer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "throttle/readable.h"

namespace throttle {
namespace {

constexpr absl::Duration kAskAgainAfter = absl::Milliseconds(250);
constexpr absl::Duration kOldSample = absl::Seconds(3);  // Not unknown yet, but doubtful.
constexpr double kAimMin = 0.25;
constexpr absl::Duration kPauseMax = absl::Seconds(5);

Controller::Options OfTransactions(Controller::Options options) {
  options.hears = Controller::Hears::kTransactions;
  return options;
}

std::string AgeReason(const Load& load, const Limits& limits, absl::Time now) {
  if (limits.sample_age_max <= absl::ZeroDuration()) return "";
  if (load.known_at() == absl::InfinitePast()) return "no load sample yet";
  const absl::Duration age = now - load.known_at();
  if (age <= limits.sample_age_max) return "";
  return absl::StrCat("load sample is ", Readable(age), " old, limit ",
                      Readable(limits.sample_age_max));
}

}  // namespace

Limits Limits::Unlimited() {
  Limits limits;
  limits.replica_lag_bytes_max = 0;
  limits.replica_lag_max = absl::ZeroDuration();
  limits.replicas_must_stay = false;
  limits.heed_slots = false;
  limits.archiver_segments_max = 0;
  limits.requested_checkpoints_max = 0;
  limits.connections_share_max = 0;
  limits.rolled_back_share_max = 0;
  limits.heed_wraparound = false;
  limits.unanswered_max = 0;
  limits.wait_for_us_max = absl::ZeroDuration();
  limits.active_sessions_max = 0;
  limits.sample_age_max = absl::ZeroDuration();
  limits.heed_others = false;
  limits.heed_commits = false;
  limits.heed_knee = false;
  return limits;
}

Pacer::Pacer(Limits limits, BatchSize::Options batch_size, int workers, Windows windows,
             Controller::Options controller)
    : windows_(std::move(windows)),
      batch_target_(batch_size.target),
      workers_(workers),
      limits_(limits),
      batch_size_(batch_size),
      controller_(workers, controller),
      of_transactions_(workers, OfTransactions(controller)),
      knee_(workers),
      batch_time_(batch_size.target) {
  controller_.SetImpact(limits.impact, limits.commit_max);
  of_transactions_.SetImpact(limits.impact, limits.commit_max);
}

void Pacer::SetLimits(const Limits& limits) {
  const std::lock_guard<std::mutex> lock(mutex_);
  limits_ = limits;
  controller_.SetImpact(limits.impact, limits.commit_max);
  of_transactions_.SetImpact(limits.impact, limits.commit_max);
  Judge();
}

Limits Pacer::limits() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return limits_;
}

void Pacer::SetWorkers(int workers) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (workers == workers_) return;  // What was found out of them stays known.
  workers_ = workers;
  controller_.SetWorkersMax(workers);
  of_transactions_.SetWorkersMax(workers);
  knee_.SetWorkersMax(workers);
}

int Pacer::workers() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return workers_;
}

void Pacer::SetBatchTarget(absl::Duration target) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (target == batch_target_) return;
  batch_target_ = target;
  batch_size_.SetTarget(target);
}

void Pacer::SetRowBytes(double bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  batch_size_.SetRowBytes(bytes);
}

void Pacer::SetHold(const std::string& reason) {
  const std::lock_guard<std::mutex> lock(mutex_);
  hold_ = reason;
}

void Pacer::Observe(const Load& load) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (load.taken_at <= latest_.taken_at) return;
  const bool is_news = load.known_at() > latest_.known_at();
  latest_ = load;
  Steer(load);
  // What was seen once shrinks the batch only once.
  if (is_news && WaitForUs(load, limits_)) batch_size_.Shrink();
  baseline_.Learn(load);
  Judge();
  knee_.Observe(load.taken_at, Borne().workers);
}

// What the two allow is what all jobs together may do. When one begins to listen, the other does,
// too: the time is lost once.
void Pacer::Steer(const Load& load) {
  if (!load.canary) return;
  const int jobs = limits_.heed_others ? load.jobs : 1;
  std::optional<int> busy = load.workers_busy;
  if (busy) *busy *= jobs;
  const double ceiling = limits_.heed_knee ? jobs * knee_.workers() : workers_;
  const bool listened = controller_.listens() || of_transactions_.listens();
  controller_.SetCeiling(ceiling);
  controller_.Observe(load.taken_at, *load.canary, busy);
  if (HeedsTransactions() && load.transaction->at > transactions_seen_) {
    transactions_seen_ = load.transaction->at;
    of_transactions_.SetCeiling(ceiling);
    of_transactions_.Observe(load.taken_at, load.transaction->mean, busy);
  }
  if (!listened && controller_.listens()) of_transactions_.Breathe(load.taken_at);
  if (!listened && of_transactions_.listens()) controller_.Breathe(load.taken_at);
  // Of a server that bears less than one worker, short turns are felt less than long ones.
  const double allowed = BorneByCommits().workers;
  if (allowed > 0) batch_size_.Aim(std::clamp(allowed, kAimMin, 1.0));
}

// Of several jobs none knows which transactions are the others' batches. And who has said how long
// a commit may take has said all.
bool Pacer::HeedsTransactions() const {
  return latest_.canary && latest_.transaction && latest_.jobs <= 1 &&
         limits_.commit_max <= absl::ZeroDuration();
}

void Pacer::Judge() {
  signals_ = Signals(latest_, limits_, baseline_);
  largest_ = Largest(signals_);
}

void Pacer::BatchDone(std::int64_t rows, absl::Duration elapsed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  batch_size_.Record(rows, elapsed);
  rollbacks_.Record(false);
  controller_.Worked(elapsed);
  of_transactions_.Worked(elapsed);
  knee_.BatchDone(rows);
  if (rows > 0) batch_time_ = 0.7 * batch_time_ + 0.3 * elapsed;
}

void Pacer::BatchRolledBack() {
  const std::lock_guard<std::mutex> lock(mutex_);
  batch_size_.Shrink();
  rollbacks_.Record(true);
}

Pacer::Allowance Pacer::BorneByCommits() const {
  Allowance allowance{static_cast<double>(workers_), ""};
  if (!limits_.heed_commits) return allowance;
  const auto heed = [&allowance](const Controller& controller) {
    if (!controller.ready() && !controller.must_learn()) return;
    const double workers = controller.ready() ? controller.effective_workers() : 0;
    if (workers <= allowance.workers) allowance = {workers, controller.reason()};
  };
  if (latest_.canary) heed(controller_);
  if (HeedsTransactions()) heed(of_transactions_);
  return allowance;
}

// By the live workload.
Pacer::Allowance Pacer::Borne() const {
  Allowance allowance = BorneByCommits();
  const Signal rolled_back = rollbacks_.Judge(limits_.rolled_back_share_max);
  const Signal& signal = rolled_back.pressure > largest_.pressure ? rolled_back : largest_;
  const double borne = signal.share() * workers_;
  if (borne < allowance.workers) {
    allowance = {borne, absl::StrFormat("%s: %.2g of %d workers", signal.reason, borne, workers_)};
  }
  return limits_.heed_others ? SharedWithOthers(allowance) : allowance;
}

// All jobs on the server feel the same commits and signals, so each has the same part of what they
// allow.
Pacer::Allowance Pacer::SharedWithOthers(Allowance allowance) const {
  if (latest_.other_listens) {
    return {0, "another job listens how fast the server is without us"};
  }
  if (latest_.jobs <= 1) return allowance;
  allowance.workers /= latest_.jobs;
  allowance.reason = allowance.reason.empty()
                         ? absl::StrFormat("%d jobs on this server: %.2g of %d workers",
                                           latest_.jobs, allowance.workers, workers_)
                         : absl::StrCat(allowance.reason, ", shared by ", latest_.jobs, " jobs");
  return allowance;
}

bool Pacer::Panics() const {
  return controller_.panics() || (HeedsTransactions() && of_transactions_.panics());
}

bool Pacer::listens() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return limits_.heed_commits && limits_.heed_others && latest_.canary &&
         (controller_.listens() || (HeedsTransactions() && of_transactions_.listens()));
}

// Of what is borne, what is worth it.
Pacer::Allowance Pacer::Allowed() const {
  Allowance allowance = Borne();
  if (limits_.heed_knee && knee_.workers() < allowance.workers) {
    allowance.workers = knee_.workers();
    // While it only looks, the other reason tells more.
    if (allowance.reason.empty() || !knee_.looks()) allowance.reason = knee_.reason();
  }
  return allowance;
}

// Gives one worker its part of what the commits and the signals allow.
void Pacer::Share(int worker, absl::Time now, Decision* decision) const {
  const Allowance allowance = Allowed();
  double allowed = allowance.workers;
  decision->reason = allowance.reason;
  const bool heeds_age = limits_.sample_age_max > absl::ZeroDuration();
  const bool heeds_commits = limits_.heed_commits && latest_.canary;
  if (heeds_commits && heeds_age && now - latest_.known_at() > kOldSample) allowed /= 2;
  if (allowed <= worker && allowed < workers_) {
    decision->may_run = false;
    decision->pause = kAskAgainAfter;
    return;
  }
  if (allowed >= workers_) return;
  const double share = allowed / std::ceil(allowed);
  decision->pause = std::min(batch_time_ * (1 / share - 1), kPauseMax);
}

Decision Pacer::Next(int worker, absl::Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Decision decision;
  // The operator's word is a better reason; a closed window is no sign of load.
  if (hold_.empty()) {
    decision.reason = windows_.Reason(Work::kBatch, now, ExpectedBatch());
  }
  if (!decision.reason.empty()) {
    decision.outside = true;
    decision.pause = kAskAgainAfter;
    return decision;
  }
  rollbacks_.Elapse(limits_.rolled_back_share_max, now);
  decision.reason = PauseReason(now);
  decision.forbidden = !decision.reason.empty();
  decision.must_stop = decision.forbidden || (limits_.heed_commits && Panics());
  decision.may_run = !decision.forbidden && worker < workers_;
  if (decision.may_run) {
    decision.rows = batch_size_.rows();
    Share(worker, now, &decision);
  } else {
    decision.pause = kAskAgainAfter;
  }
  return decision;
}

bool Pacer::IsOutside(Work what, absl::Time now) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return !windows_.Reason(what, now, ExpectedBatch()).empty();
}

std::string Pacer::WindowReason(Work what, absl::Time now) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::string reason = windows_.Reason(what, now, ExpectedBatch());
  if (reason.empty() && limits_.heed_wraparound) reason = latest_.wraparound;
  return reason;
}

// A batch may be shorter than its target at first, and grow.
absl::Duration Pacer::ExpectedBatch() const { return std::max(batch_time_, batch_target_); }

Pace Pacer::pace() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Allowance allowance = Allowed();
  double pressure = std::max(controller_.pressure(), largest_.pressure);
  if (HeedsTransactions()) pressure = std::max(pressure, of_transactions_.pressure());
  return {pressure, allowance.workers, allowance.reason, batch_size_.rows(), batch_time_};
}

std::vector<Signal> Pacer::signals() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return signals_;
}

std::int64_t Pacer::rows_per_batch() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return batch_size_.rows();
}

std::int64_t Pacer::rows_max() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return batch_size_.rows_max();
}

// The operator's word comes first: it stays until it is taken back, while the others may pass. What
// a stale sample says is not looked at. Of the signals the largest is shown.
std::string Pacer::PauseReason(absl::Time now) const {
  if (!hold_.empty()) return hold_;
  std::string reason = AgeReason(latest_, limits_, now);
  if (!reason.empty()) return reason;
  if (largest_.stops()) return largest_.reason;
  const Signal rolled_back = rollbacks_.Judge(limits_.rolled_back_share_max);
  return rolled_back.stops() ? rolled_back.reason : "";
}

}  // namespace throttle
