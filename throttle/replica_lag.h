// How far a replica is behind, as a time that also grows while it stalls.
//
// The server's replay_lag is that of the last position which the replica confirmed: of one that
// stands still it stays what it was. Here two others are computed, from positions in the WAL:
//   age       how long ago the server itself was where the replica is now, as a heartbeat would
//             tell, without writing one;
//   catch-up  bytes behind / bytes applied a second, of the time in which it was behind all along:
//             what it applies while it has nothing to do says nothing about what it can.
// The larger counts.
//
// Not thread-safe. Reads no clock.

#ifndef THROTTLE_REPLICA_LAG_H_
#define THROTTLE_REPLICA_LAG_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace throttle {

class ReplicaLag {
 public:
  // Records where the server's WAL ends; once for each sample, before its replicas.
  void ObserveServer(absl::Time now, std::int64_t position);

  struct State {
    absl::Duration lag;
    absl::Duration still;  // since when it has not moved although it is behind
  };
  // Records where a replica is.
  State ObserveReplica(absl::Time now, const std::string& name, std::int64_t replayed);

 private:
  struct Mark {
    absl::Time at;
    std::int64_t position = 0;
  };
  struct Replica {
    std::deque<Mark> behind;  // of the last seconds, while it was behind all along
    Mark moved;               // when it was first seen where it is
  };
  absl::Duration Age(absl::Time now, std::int64_t replayed) const;

  std::deque<Mark> server_;  // oldest first
  std::map<std::string, Replica> replicas_;
};

}  // namespace throttle

#endif  // THROTTLE_REPLICA_LAG_H_
