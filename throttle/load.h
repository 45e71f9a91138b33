// A sample of what the server and its live workload feel. Plain values: whoever can read them
// (catalog/load_query) fills one in, and the pacer decides on it. What the role may not see, or the
// server does not have, is empty.

#ifndef THROTTLE_LOAD_H_
#define THROTTLE_LOAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "throttle/transaction_time.h"

namespace throttle {

// A replication slot and the WAL that the server keeps for it.
struct SlotLoad {
  std::string name;
  std::int64_t retained_bytes = 0;
  std::string wal_status;  // reserved, extended, unreserved, lost
};

// A signal of the operator's own.
struct CustomLoad {
  std::string name;
  double value = 0;
  std::string failure;  // Why there is no value; empty: there is.
};

struct Load {
  absl::Time taken_at = absl::InfinitePast();

  // When the server last said all that is not the job's own; empty: at taken_at.
  std::optional<absl::Time> answered_at;
  absl::Time known_at() const { return answered_at.value_or(taken_at); }

  // How long a one-row update and its commit took just now; empty: it was not tried.
  std::optional<absl::Duration> canary;

  // How long transactions of others took of late; empty: not known, or they have next to none.
  std::optional<TransactionLook> transaction;

  // How many workers of ours ran a batch at this moment; empty: not known.
  std::optional<int> workers_busy;

  // Jobs of ours that work on this server, this one included; and whether another one is listening
  // how fast the server is without any of them.
  int jobs = 1;
  bool other_listens = false;

  // The furthest replica behind, in WAL bytes not replayed yet and as a time. Empty: there is no
  // replica, or the role may not see it. What the server calls replay_lag does not grow while a
  // replica stalls; whoever fills in the time must see to that (ReplicaLag).
  std::optional<std::int64_t> replica_lag_bytes;
  std::optional<absl::Duration> replica_lag;
  std::string furthest_replica;

  // The names of the replicas that are connected, each as often as there are such.
  std::optional<std::vector<std::string>> replicas;

  // A replica that is behind and has not moved for the longest time.
  std::string stalled_replica;
  absl::Duration stall;

  // A replica that is behind and has not said anything for the longest time.
  std::string silent_replica;
  absl::Duration silence;

  // The slots, and what one of them may retain (max_slot_wal_keep_size); 0: no bound.
  std::vector<SlotLoad> slots;
  std::int64_t slot_keep_bytes = 0;

  // WAL segments that wait to be archived; empty: nothing is archived. And since when the archiver
  // only fails.
  std::optional<std::int64_t> archiver_segments_behind;
  absl::Duration archiver_failing;

  // Checkpoints that were requested, as against timed, in the last 10 minutes of this job.
  std::optional<int> requested_checkpoints;

  std::optional<int> connections;
  int connections_max = 0;

  // Tables of the job that an autovacuum to prevent wraparound works on, or that are so old that
  // it must; for people. Empty: none.
  std::string wraparound;

  // Sessions of others that wait for a lock that we hold, and the longest of those waits.
  int sessions_waiting_for_us = 0;
  absl::Duration longest_wait_for_us;

  // Sessions of others that run a statement at this moment.
  std::optional<int> active_sessions;

  // Questions in a row that the server did not answer in time; the rest of the sample is then as it
  // was before.
  int unanswered = 0;

  std::vector<CustomLoad> custom;
};

}  // namespace throttle

#endif  // THROTTLE_LOAD_H_
