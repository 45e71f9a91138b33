#include "throttle/plant.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace throttle {
namespace {

constexpr double kFull = 0.97;  // Beyond this the queue's length is the clients' business.
constexpr double kOutlierFactor = 4;
constexpr double kSessions = 40;  // of others, that are active when they fill the server

// What a worker did 0.75 to 1.25 s ago is felt now: pages are written and synced later.
constexpr std::int64_t kStepsUntilFelt = 15;
constexpr std::int64_t kStepsFelt = 10;
constexpr std::int64_t kStepsKept = kStepsUntilFelt + kStepsFelt;

constexpr std::size_t kStepsUntilCounted = 10;  // Sessions report once a second, each at its time.
constexpr double kTransactionsVary = 0.3;       // those of one step, on the mean
constexpr double kTransactionLimit = 1.15;

}  // namespace

double Random::Unit() {
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

Plant::Plant(Options options, Course course, std::uint64_t seed)
    : options_(options),
      course_(std::move(course)),
      random_(seed),
      busy_(static_cast<std::size_t>(kStepsKept), 0.0),
      others_(course_.others(0)) {}

double Plant::Capacity() const { return course_.capacity ? course_.capacity(seconds_) : 1; }

// An open queue: the time of one, divided by what is left.
double Plant::Time(double load) const {
  return absl::ToDoubleMilliseconds(options_.commit) / (1 - std::min(kFull, load / Capacity()));
}

double Plant::Commit() const { return Time(others_ + options_.worker_takes * felt_); }
double Plant::Alone() const { return Time(course_.others(seconds_)); }

double Plant::Limit() const {
  if (options_.only_others_feel) return kTransactionLimit * Alone();
  return std::max(1.5 * Alone(), std::min(Alone() + 5, 2 * Alone()));
}

double Plant::Slowness(double busy) const {
  const double left = std::max(1 - kFull, 1 - others_ / Capacity());
  const double waits =
      options_.useful_workers > 0 ? std::max(1.0, busy / options_.useful_workers) : 1;
  return waits * std::max(1.0, options_.worker_takes * busy / Capacity() / left) / left;
}

double Plant::Safe(double workers_max) const {
  const double empty = absl::ToDoubleMilliseconds(options_.commit);
  const double left = Capacity() * (1 - empty / Limit()) - course_.others(seconds_);
  if (options_.useful_workers > 0) workers_max = std::min(workers_max, options_.useful_workers);
  return std::clamp(left / options_.worker_takes, 0.0, workers_max);
}

void Plant::Step(double busy, double wal_bytes) {
  const std::size_t now = static_cast<std::size_t>(steps_ % kStepsKept);
  busy_[now] = busy;
  ++steps_;
  seconds_ = static_cast<double>(steps_) * kStepSeconds;
  double sum = 0;
  for (std::int64_t i = 0; i < kStepsFelt; ++i) {
    sum += busy_[static_cast<std::size_t>((steps_ + i) % kStepsKept)];
  }
  felt_ = sum / static_cast<double>(kStepsFelt);

  const double wanted = course_.others(seconds_);
  const double slower = Commit() / Alone();
  others_ = wanted * std::pow(slower, -options_.others_yield);

  if (options_.only_others_feel) CountTransactions();

  const bool blocks =
      busy > 0 && course_.others_need_our_locks && course_.others_need_our_locks(seconds_);
  blocked_ = blocks ? blocked_ + kStepSeconds : 0;

  behind_ += wal_bytes + others_ * options_.others_wal_per_second * kStepSeconds;
  // A server's own lag time does not grow during a stall.
  if (!replica_stalls()) {
    behind_ = std::max(0.0, behind_ - options_.replayed_per_second_max * kStepSeconds);
    lag_shown_ = behind_ / options_.replayed_per_second_max;
  }
}

void Plant::CountTransactions() {
  const double wanted = others_ * options_.others_transactions_per_second * kStepSeconds;
  const double begun = uncounted_ + wanted;
  const double ended = std::floor(begun);
  uncounted_ = begun - ended;
  const double varies = 1 + random_.Between(-kTransactionsVary, kTransactionsVary);
  Usage usage = counted_.empty() ? Usage() : counted_.back();
  usage.transactions += static_cast<std::int64_t>(ended);
  usage.active += absl::Milliseconds(ended * Commit() * varies);
  counted_.push_back(usage);
  if (counted_.size() > kStepsUntilCounted) counted_.pop_front();
}

bool Plant::Sample(Load* load) {
  if (steps_ - sampled_ < kStepsPerSample) return false;
  if (course_.sampler_is_blocked && course_.sampler_is_blocked(seconds_)) return false;
  sampled_ = steps_;
  if (random_.Unit() < options_.samples_lost) return false;
  double canary = (options_.only_others_feel ? Time(others_) : Commit()) *
                  (1 + random_.Between(-options_.noise, options_.noise));
  if (random_.Unit() < options_.outliers) canary *= kOutlierFactor;
  load->taken_at = now();
  load->canary = absl::Milliseconds(canary);
  if (options_.only_others_feel) {
    load->transaction = transaction_time_.Observe(now(), counted_.front(), Usage());
  }
  load->active_sessions = static_cast<int>(std::lround(others_ * kSessions));
  load->sessions_waiting_for_us = blocked_ > 0 ? 1 : 0;
  load->longest_wait_for_us = absl::Seconds(blocked_);
  load->replica_lag_bytes = static_cast<std::int64_t>(behind_);
  load->replica_lag = absl::Seconds(lag_shown_);
  return true;
}

}  // namespace throttle
