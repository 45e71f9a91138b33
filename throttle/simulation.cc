#include "throttle/simulation.h"

#include <algorithm>
#include <cmath>

namespace throttle {
namespace {

// Of a batch on an empty server: measured with 5,000 and 100,000 rows.
constexpr double kFixedSeconds = 0.003;
constexpr double kRowsPerSecond = 108000;
constexpr double kBytesPerRow = 60;
constexpr double kBatchJitter = 0.2;

constexpr double kLagTolerance = 1.15;  // Less over a limit is within what a sample can tell.

absl::Time At(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

// Without what the plant does not have: to judge that takes most of the time of a run.
Limits OnThePlant(Limits limits) {
  limits.replicas_must_stay = false;
  limits.required_replicas.clear();
  limits.heed_slots = false;
  limits.slot_wal_max = 0;
  limits.archiver_segments_max = 0;
  limits.requested_checkpoints_max = 0;
  limits.connections_share_max = 0;
  limits.rolled_back_share_max = 0;
  limits.heed_wraparound = false;
  limits.custom.clear();
  return limits;
}

struct Worker {
  int number = 0;
  double until = 0;       // when it asks, begins or ends
  std::int64_t rows = 0;  // of its batch; 0: it asks next
  double begun = -1;      // negative: no batch is under way
};

class Run {
 public:
  Run(const Experiment& experiment, const Scenario& scenario, std::uint64_t seed,
      std::vector<TraceRow>* trace)
      : trace_(trace),
        workers_max_(experiment.workers),
        random_(~seed),
        plant_(PlantOptions(experiment, scenario), scenario.course, seed),
        pacer_(OnThePlant(experiment.limits), experiment.batch_size, experiment.workers, {},
               experiment.controller) {
    for (int i = 0; i < experiment.workers; ++i) {
      workers_.push_back({i, random_.Between(0, 0.1), 0, -1});
    }
  }

  Moment Second();

 private:
  static Plant::Options PlantOptions(const Experiment& experiment, const Scenario& scenario) {
    Plant::Options options = experiment.plant;
    options.noise *= scenario.noise_factor;
    options.outliers = scenario.outliers;
    options.others_yield = scenario.others_yield;
    options.useful_workers = scenario.useful_workers;
    options.only_others_feel = scenario.only_others_feel;
    return options;
  }

  void Advance(Worker& worker, double from, double to);
  void Begin(Worker& worker, double at);
  void Step();
  void Record(const Load& load);
  void Note(Moment* moment) const;

  std::vector<TraceRow>* const trace_;  // nullptr: nobody wants it
  const int workers_max_;
  Random random_;
  Plant plant_;
  Pacer pacer_;
  std::vector<Worker> workers_;

  // Of the last step of the plant.
  double busy_ = 0;  // workers, on the mean
  double rows_ = 0;
};

void Run::Begin(Worker& worker, double at) {
  const double alone = kFixedSeconds + static_cast<double>(worker.rows) / kRowsPerSecond;
  worker.begun = at;
  worker.until =
      at + alone * plant_.Slowness(busy_) * (1 + random_.Between(-kBatchJitter, kBatchJitter));
}

// Between `from` and `to`: asks, pauses, runs batches, asks again.
void Run::Advance(Worker& worker, double from, double to) {
  while (worker.until < to) {
    const double at = std::max(worker.until, from);
    if (worker.begun >= 0) {
      pacer_.BatchDone(worker.rows, absl::Seconds(at - worker.begun));
      rows_ += static_cast<double>(worker.rows);
      worker.begun = -1;
      worker.rows = 0;
    }
    if (worker.rows == 0) {
      const Decision decision = pacer_.Next(worker.number, At(at));
      worker.rows = decision.may_run ? decision.rows : 0;
      worker.until = at + absl::ToDoubleSeconds(decision.pause);
      if (worker.until > at) continue;
    }
    Begin(worker, at);
    busy_ += (std::min(worker.until, to) - at) / (to - from);
  }
}

void Run::Step() {
  const double from = plant_.seconds();
  const double to = from + Plant::kStepSeconds;
  const double busy_before = busy_;
  double busy = 0;
  rows_ = 0;
  for (Worker& worker : workers_) {
    const double under_way = worker.begun >= 0 ? std::min(worker.until, to) - from : 0;
    busy_ = busy_before;
    Advance(worker, from, to);
    busy += under_way / (to - from) + busy_ - busy_before;
  }
  busy_ = busy;
  plant_.Step(busy_, rows_ * kBytesPerRow);
  Load load;
  if (!plant_.Sample(&load)) return;
  load.workers_busy = static_cast<int>(std::count_if(
      workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.begun >= 0; }));
  pacer_.Observe(load);
  if (trace_ != nullptr) Record(load);
}

void Run::Record(const Load& load) {
  const Pace pace = pacer_.pace();
  TraceRow row;
  row.time = load.taken_at;
  row.pressure = pace.pressure;
  row.reason = pace.reason;
  row.effective_workers = pace.allowance;
  row.workers = static_cast<int>(std::ceil(pace.allowance));
  row.rows_per_batch = pace.rows;
  row.commit = load.canary;
  row.busy = load.workers_busy;
  trace_->push_back(row);
}

void Run::Note(Moment* moment) const {
  constexpr double kShare = Plant::kStepSeconds;
  const auto behind_max = static_cast<double>(Limits().replica_lag_bytes_max);
  const bool is_behind = plant_.replica_lag_bytes() >= behind_max;
  const double safe = is_behind ? 0 : plant_.Safe(workers_max_);
  moment->alone += kShare * plant_.Alone();
  moment->commit += kShare * plant_.Commit();
  moment->limit += kShare * plant_.Limit();
  moment->safe += kShare * safe;
  moment->felt += kShare * plant_.felt();
  moment->used += kShare * std::min(plant_.felt(), safe);
  moment->rows += rows_;
  moment->blocked = std::max(moment->blocked, plant_.blocked());
  const bool is_far_behind = plant_.replica_lag_bytes() > kLagTolerance * behind_max;
  moment->harms_replica = moment->harms_replica || (is_far_behind && busy_ > 0);
}

Moment Run::Second() {
  Moment moment;
  for (int step = 0; step < Plant::kStepsPerSecond; ++step) {
    Step();
    Note(&moment);
  }
  const Pace pace = pacer_.pace();
  moment.seconds = plant_.seconds();
  moment.allowance = pace.allowance;
  moment.reason = pace.reason;
  return moment;
}

}  // namespace

std::vector<Moment> Simulate(const Experiment& experiment, const Scenario& scenario,
                             std::uint64_t seed, std::vector<TraceRow>* trace) {
  Run run(experiment, scenario, seed, trace);
  std::vector<Moment> moments;
  for (int second = 0; second < scenario.length; ++second) moments.push_back(run.Second());
  return moments;
}

}  // namespace throttle
