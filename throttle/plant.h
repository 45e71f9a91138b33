// The server that the controller is tried on: commits slow down as it fills, by others and by us,
// a second after what we did; WAL flows to a replica that may fall behind; samples are noisy, and
// some are lost. What commits take stands for all that others feel; our own commit may feel less.
// Seeded and without a clock: a course can be repeated exactly.
//
// What it leaves out: what our workers do in less than half a second is felt as its mean.

#ifndef THROTTLE_PLANT_H_
#define THROTTLE_PLANT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "throttle/load.h"
#include "throttle/transaction_time.h"

namespace throttle {

// Uniform numbers, the same from each compiler (splitmix64, Steele, Lea and Flood 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  // From 0 up to but not including 1.
  double Unit();
  // From low to high.
  double Between(double low, double high) { return low + (high - low) * Unit(); }

 private:
  std::uint64_t state_;
};

class Plant {
 public:
  // What happens to the server; times are seconds since the beginning. What is empty is as if
  // nothing happened.
  struct Course {
    std::function<double(double)> others;    // of the server's capacity; required
    std::function<double(double)> capacity;  // of what it had at first
    std::function<bool(double)> replica_stalls;
    std::function<bool(double)> sampler_is_blocked;
    std::function<bool(double)> others_need_our_locks;  // They wait while a worker of ours runs.
  };

  struct Options {
    absl::Duration commit = absl::Milliseconds(4);  // on an empty server
    double worker_takes = 0.05;                     // of the server's capacity, while it is busy
    // Of our workers, so many at a time: more of them wait for each other, and bring nothing. 0:
    // all.
    double useful_workers = 0;
    double noise = 0.12;         // a canary is off by up to this share
    double outliers = 0;         // this share of canaries takes four times as long
    double samples_lost = 0.01;  // this share
    // Others do less when commits get slower, as clients do that wait for an answer: 0, as many
    // as before; 1, half as much at twice the time.
    double others_yield = 0;
    // A small commit of ours does not feel what our workers take; others do, and the server counts
    // what their transactions take.
    bool only_others_feel = false;
    double others_transactions_per_second = 1000;  // at full load
    double others_wal_per_second = 20e6;           // bytes, at full load
    double replayed_per_second_max = 60e6;         // bytes
  };

  static constexpr int kStepsPerSecond = 20;
  static constexpr int kStepsPerSample = 5;
  static constexpr double kStepSeconds = 1.0 / kStepsPerSecond;

  Plant(Options options, Course course, std::uint64_t seed);

  // One step of time, during which `busy` workers of ours ran, on the mean, and wrote so much WAL.
  void Step(double busy, double wal_bytes = 0);

  // Whether the sampler has something new, since the last step; reads it.
  bool Sample(Load* load);

  double seconds() const { return seconds_; }
  absl::Time now() const { return absl::UnixEpoch() + absl::Seconds(seconds_); }

  // The truth, without noise, in milliseconds: a commit now, the same without us, and the limit
  // that the live workload is promised, max(1.5 x, min(+ 5 ms, 2 x)) of that, or, where only others
  // feel us, 1.15 x.
  double Commit() const;
  double Alone() const;
  double Limit() const;
  // How much longer than on an empty server our batches take while `busy` workers run: others are
  // served beside us, and what is left is shared.
  double Slowness(double busy) const;
  // The most workers that stay under the limit while the load is as it is now, and are useful.
  double Safe(double workers_max) const;
  // Workers of ours, as the server feels them at this moment.
  double felt() const { return felt_; }
  // How long others have been waiting for our locks, in seconds.
  double blocked() const { return blocked_; }
  double replica_lag_bytes() const { return behind_; }
  bool replica_stalls() const { return course_.replica_stalls && course_.replica_stalls(seconds_); }

 private:
  double Time(double load) const;
  double Capacity() const;
  void CountTransactions();

  const Options options_;
  const Course course_;
  Random random_;
  std::int64_t steps_ = 0;
  double seconds_ = 0;
  std::vector<double> busy_;   // the last steps, as a ring
  double uncounted_ = 0;       // of a transaction
  std::deque<Usage> counted_;  // of others, the latest last; the server shows the first
  TransactionTime transaction_time_;
  double felt_ = 0;
  double others_ = 0;  // less what they yield
  double behind_ = 0;  // bytes
  double lag_shown_ = 0;
  double blocked_ = 0;
  std::int64_t sampled_ = 0;  // the step of the last sample
};

}  // namespace throttle

#endif  // THROTTLE_PLANT_H_
