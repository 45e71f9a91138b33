// What the live workload may feel, as a plain value: copied, compared with a sample, and replaced
// while a job runs (Pacer::SetLimits). A value of zero or less switches its check off.

#ifndef THROTTLE_LIMITS_H_
#define THROTTLE_LIMITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace throttle {

// Of a signal of the operator's own, a query's value: the more, the worse.
struct CustomLimit {
  std::string name;
  double soft = 0;  // Here the pace begins to fall,
  double hard = 0;  // and here nothing runs. Above soft.
};

// Each of these is a hard stop; signals.cc says where its soft point lies.
struct Limits {
  std::int64_t replica_lag_bytes_max = 64 << 20;
  absl::Duration replica_lag_max = absl::Seconds(5);
  bool replicas_must_stay = true;              // Pause while one is gone that was there at first.
  std::vector<std::string> required_replicas;  // Application names; pause while one is not there.
  bool heed_slots = true;                      // Slots that lose their WAL, or soon would.
  std::int64_t slot_wal_max = 0;               // Bytes of WAL that a slot may retain.
  int archiver_segments_max = 42;              // WAL segments that wait for the archiver.
  int requested_checkpoints_max = 2;           // In 10 minutes: half of the workers.
  double connections_share_max = 0.9;          // Of max_connections.
  double rolled_back_share_max = 0.05;         // Of our batches.
  bool heed_wraparound = true;                 // Autovacuum of our tables to prevent it.
  absl::Duration wait_for_us_max = absl::Milliseconds(50);
  int active_sessions_max = 0;
  bool heed_others = true;   // Share with the other jobs on the server, and let them listen.
  bool heed_commits = true;  // Step back when commits get slower: see controller.h.
  double impact = 0.5;       // By what share of their time without us they may get slower,
  absl::Duration commit_max = absl::ZeroDuration();  // or how long they may take at most.
  bool heed_knee = true;   // Not more workers than bring something: see knee.h.
  int unanswered_max = 3;  // Questions in a row that the server does not answer in time.
  absl::Duration sample_age_max = absl::Seconds(10);  // Older load is unknown load: pause.
  std::vector<CustomLimit> custom;

  // No check at all but the operator's pause: for benchmarks and idle servers.
  static Limits Unlimited();
};

}  // namespace throttle

#endif  // THROTTLE_LIMITS_H_
