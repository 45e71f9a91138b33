// Reads what the server feels, for the sampler. Works for PostgreSQL 14 to 18 and for a plain role:
// what the version and the role offer is probed once for each connection, and the statements are
// built from that. What the role may not see is empty.
//
// Two sets: the fast one is for twice a second, the slow one for each few seconds.

#ifndef CATALOG_LOAD_QUERY_H_
#define CATALOG_LOAD_QUERY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/session.h"

namespace catalog {

// What there is to be read.
struct SignalSources {
  int version = 0;  // server_version_num
  std::string role;
  bool sees_others = false;  // other roles' sessions and the replicas' positions: pg_monitor
  bool archives = false;
  std::int64_t wal_segment_bytes = 16 << 20;
  std::int64_t slot_keep_bytes = 0;  // max_slot_wal_keep_size; 0: no bound
  int connections_max = 0;
};

// Makes a session one that only reads, with this limit for each statement, and probes.
absl::StatusOr<SignalSources> PrepareForSampling(Session& session, absl::Duration statement_max);

struct ReplicaState {
  std::string name;  // application_name, " at " and its address where that can be seen
  std::optional<std::int64_t> position;  // replayed so far
  std::optional<absl::Duration> lag;     // the server's own word for it
  std::optional<absl::Duration> silence;
};

struct FastSignals {
  std::int64_t wal_position = 0;
  int sessions_waiting_for_us = 0;  // on locks that sessions of ours hold
  absl::Duration longest_wait_for_us;
  std::optional<int> active_sessions;  // of others
  std::optional<Usage> database;       // of all sessions, ours too; not before PostgreSQL 15
  std::vector<ReplicaState> replicas;
};

struct SlotState {
  std::string name;
  std::int64_t retained_bytes = 0;
  std::string wal_status;
};

struct SlowSignals {
  int connections = 0;
  std::int64_t requested_checkpoints = 0;  // since the counters were reset
  // As numbers of WAL segments; empty: none yet.
  std::int64_t segment = 0;
  std::optional<std::int64_t> archived_segment;
  std::optional<std::int64_t> failed_segment;
  bool archiver_fails = false;  // its last try failed
  std::string wraparound;       // for people; empty: nothing to say
  std::vector<SlotState> slots;
};

// kDeadlineExceeded: the server did not answer in time.
absl::StatusOr<FastSignals> ReadFastSignals(Session& session, const SignalSources& sources);
// `tables` are the oids of those that must not be held up in an autovacuum to prevent wraparound.
absl::StatusOr<SlowSignals> ReadSlowSignals(Session& session, const SignalSources& sources,
                                            const std::vector<std::int64_t>& tables);

// The number that a query of the operator's own returns: one row with one column. The message of
// an error says what came instead; kUnavailable: the connection is gone.
absl::StatusOr<double> ReadCustomSignal(Session& session, const std::string& sql);

// The number of a WAL segment, by its file's name; empty if it is none.
std::optional<std::int64_t> SegmentNumber(const std::string& file, std::int64_t segment_bytes);

// How long a small commit takes: the median of a few that write nothing but an empty message to the
// WAL. Requires: a session that may write, and no transaction.
absl::StatusOr<absl::Duration> MeasureCommit(Session& session);

// The server's position in its WAL, in bytes.
absl::StatusOr<std::int64_t> WalPosition(Session& session);

}  // namespace catalog

#endif  // CATALOG_LOAD_QUERY_H_
