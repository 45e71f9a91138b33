#include "restructure/progress.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nlohmann/json.hpp"
#include "restructure/json_fields.h"

namespace restructure {
namespace {

// The rate is measured at most this often, whoever asks, and smoothed over kRateMemory.
constexpr absl::Duration kRateInterval = absl::Seconds(1);
constexpr absl::Duration kRateMemory = absl::Seconds(5);

// A guess beyond this is no help to anybody.
constexpr absl::Duration kTimeLeftMax = absl::Hours(24 * 100);

std::optional<absl::Duration> TimeLeft(const ProgressSnapshot& state) {
  if (state.rows_per_second <= 0 || state.rows_done >= state.rows_total) return std::nullopt;
  const absl::Duration left = absl::Seconds(
      static_cast<double>(state.rows_total - state.rows_done) / state.rows_per_second);
  if (left > kTimeLeftMax) return std::nullopt;
  return left;
}

}  // namespace

void Progress::SetJob(std::int64_t job_id, std::string kind, std::string name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.job_id = job_id;
  state_.kind = std::move(kind);
  state_.name = std::move(name);
}

void Progress::StartPhase(std::string phase, absl::Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.phase = std::move(phase);
  state_.step.clear();
  state_.unit = "rows";
  state_.rows_done = 0;
  state_.rows_total = 0;
  state_.rows_per_second = 0;
  state_.waiting_for.clear();
  phase_started_ = now;
  rate_at_ = now;
  rate_rows_ = 0;
}

void Progress::StartStep(std::string step, std::int64_t rows_total, absl::Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.step = std::move(step);
  state_.unit = "rows";
  state_.rows_done = 0;
  state_.rows_total = std::max<std::int64_t>(rows_total, 0);
  state_.rows_per_second = 0;
  state_.waiting_for.clear();
  rate_at_ = now;
  rate_rows_ = 0;
}

void Progress::ShowServerStep(const std::string& step, std::int64_t done, std::int64_t total,
                              const std::string& unit, absl::Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (state_.step != step) {
    state_.step = step;
    state_.rows_per_second = 0;
    rate_at_ = now;
    rate_rows_ = done;
  }
  state_.unit = unit;
  state_.rows_done = done;
  state_.rows_total = total;
}

void Progress::AddRows(std::int64_t rows) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.rows_done += rows;
}

void Progress::SetWorkers(int workers) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.workers = workers;
}

void Progress::WorkerBusy(int change) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.workers_busy += change;
}

void Progress::SetBatchesRun(bool run) {
  const std::lock_guard<std::mutex> lock(mutex_);
  batches_run_ = run;
}

bool Progress::batches_run() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return batches_run_;
}

int Progress::workers_busy() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return state_.workers_busy;
}

void Progress::SetRowsPerBatch(std::int64_t rows) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.rows_per_batch = rows;
}

void Progress::SetBacklog(std::int64_t keys) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.backlog_keys = keys;
}

void Progress::SetWaitingFor(std::string reason) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.waiting_for = std::move(reason);
}

void Progress::SetLimits(std::string limits) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.limits = std::move(limits);
}

void Progress::SetAdjusted(std::string adjusted) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.adjusted = std::move(adjusted);
}

void Progress::AddRetry() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++state_.retries;
}

ProgressSnapshot Progress::Snapshot(absl::Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const absl::Duration since = now - rate_at_;
  if (rate_at_ == absl::InfinitePast()) {
    rate_at_ = now;
  } else if (since >= kRateInterval) {
    const double rate =
        static_cast<double>(state_.rows_done - rate_rows_) / absl::ToDoubleSeconds(since);
    // The first rate of a step stands alone: smoothed from zero it would promise too little.
    const double weight =
        state_.rows_per_second > 0 ? 1 - std::exp(-absl::FDivDuration(since, kRateMemory)) : 1;
    state_.rows_per_second += weight * (rate - state_.rows_per_second);
    rate_at_ = now;
    rate_rows_ = state_.rows_done;
  }
  state_.time_left = TimeLeft(state_);
  state_.elapsed = phase_started_ == absl::InfinitePast()
                       ? absl::ZeroDuration()
                       : std::max(now - phase_started_, absl::ZeroDuration());
  return state_;
}

std::string ToJson(const ProgressSnapshot& snapshot) {
  nlohmann::ordered_json json;
  json["job_id"] = snapshot.job_id;
  json["kind"] = snapshot.kind;
  json["name"] = snapshot.name;
  json["phase"] = snapshot.phase;
  json["step"] = snapshot.step;
  json["rows_done"] = snapshot.rows_done;
  json["rows_total"] = snapshot.rows_total;
  json["unit"] = snapshot.unit;
  json["rows_per_second"] = Rounded(snapshot.rows_per_second, 1);
  json["time_left_seconds"] = nullptr;
  if (snapshot.time_left.has_value()) {
    json["time_left_seconds"] = Rounded(absl::ToDoubleSeconds(*snapshot.time_left), 1);
  }
  json["workers"] = snapshot.workers;
  json["workers_busy"] = snapshot.workers_busy;
  json["rows_per_batch"] = snapshot.rows_per_batch;
  json["backlog_keys"] = snapshot.backlog_keys;
  json["waiting_for"] = snapshot.waiting_for;
  json["limits"] = snapshot.limits;
  json["adjusted"] = snapshot.adjusted;
  json["retries"] = snapshot.retries;
  json["elapsed_seconds"] = Rounded(absl::ToDoubleSeconds(snapshot.elapsed), 1);
  return OneLine(json);
}

absl::StatusOr<ProgressSnapshot> ProgressFromJson(const std::string& text) {
  const absl::StatusOr<nlohmann::json> json = ParseObject(text, "progress");
  if (!json.ok()) return json.status();
  ProgressSnapshot snapshot;
  JsonFields fields(*json, "progress");
  fields.Read("job_id", snapshot.job_id);
  fields.Read("kind", snapshot.kind);
  fields.Read("name", snapshot.name);
  fields.Read("phase", snapshot.phase);
  fields.Read("step", snapshot.step);
  fields.Read("rows_done", snapshot.rows_done);
  fields.Read("rows_total", snapshot.rows_total);
  fields.Read("unit", snapshot.unit);
  fields.Read("rows_per_second", snapshot.rows_per_second);
  const nlohmann::json* time_left = fields.Find("time_left_seconds");
  if (time_left != nullptr && !time_left->is_null()) {
    snapshot.time_left = absl::ZeroDuration();
    fields.Read("time_left_seconds", absl::Seconds(1), *snapshot.time_left);
  }
  fields.Read("workers", snapshot.workers);
  fields.Read("workers_busy", snapshot.workers_busy);
  fields.Read("rows_per_batch", snapshot.rows_per_batch);
  fields.Read("backlog_keys", snapshot.backlog_keys);
  fields.Read("waiting_for", snapshot.waiting_for);
  fields.Read("limits", snapshot.limits);
  fields.Read("adjusted", snapshot.adjusted);
  fields.Read("retries", snapshot.retries);
  fields.Read("elapsed_seconds", absl::Seconds(1), snapshot.elapsed);
  if (!fields.status().ok()) return fields.status();
  return snapshot;
}

}  // namespace restructure
