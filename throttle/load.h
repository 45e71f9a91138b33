// A sample of what the server and its live workload feel. Plain values: whoever can read them
// (catalog/load_query) fills one in, and the pacer decides on it.

#ifndef THROTTLE_LOAD_H_
#define THROTTLE_LOAD_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace throttle {

struct Load {
  absl::Time taken_at = absl::InfinitePast();

  // How long a one-row update and its commit took just now; empty: it was not tried.
  std::optional<absl::Duration> canary;

  // How many workers of ours ran a batch at this moment; empty: not known.
  std::optional<int> workers_busy;

  // The furthest replica behind, in WAL bytes not replayed yet and as the server's own lag time.
  // Empty: there is no replica, or the role may not see it. The time does not grow while a
  // replica stalls, the bytes do.
  std::optional<std::int64_t> replica_lag_bytes;
  std::optional<absl::Duration> replica_lag;

  // Sessions of others that wait for a lock that we hold, and the longest of those waits.
  int sessions_waiting_for_us = 0;
  absl::Duration longest_wait_for_us;

  // Sessions of others that run a statement at this moment.
  int active_sessions = 0;

  // The operator asked for a pause, and what is shown as the reason.
  bool pause_requested = false;
};

}  // namespace throttle

#endif  // THROTTLE_LOAD_H_
