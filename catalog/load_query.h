// Reads a sample of the server's load. Works for a plain role; with pg_monitor it also sees the
// replicas.

#ifndef CATALOG_LOAD_QUERY_H_
#define CATALOG_LOAD_QUERY_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/session.h"

namespace catalog {

struct ServerLoad {
  std::optional<std::int64_t> replica_lag_bytes;
  std::optional<absl::Duration> replica_lag;
  int sessions_waiting_for_us = 0;  // on locks that sessions of ours hold
  absl::Duration longest_wait_for_us;
  int active_sessions = 0;     // of others
  std::int64_t wal_bytes = 0;  // the server's position in its WAL
};

// One round trip. Bound it with the session's statement_timeout.
absl::StatusOr<ServerLoad> ReadLoad(Session& session);

// The server's position in its WAL, in bytes.
absl::StatusOr<std::int64_t> WalPosition(Session& session);

}  // namespace catalog

#endif  // CATALOG_LOAD_QUERY_H_
