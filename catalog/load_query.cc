#include "catalog/load_query.h"

namespace catalog {

absl::StatusOr<ServerLoad> ReadLoad(Session& session) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT r.bytes, pg_catalog.date_part('epoch', r.lag), coalesce(w.n, 0),"
      " coalesce(w.longest, 0), a.active,"
      " pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')"
      " FROM (SELECT pg_catalog.max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(),"
      "         replay_lsn))::bigint AS bytes, pg_catalog.max(replay_lag) AS lag"
      "       FROM pg_catalog.pg_stat_replication WHERE state = 'streaming') r,"
      " (SELECT pg_catalog.count(*) AS n, pg_catalog.max(pg_catalog.date_part('epoch',"
      "         pg_catalog.clock_timestamp() - waitstart)) AS longest"
      "  FROM (SELECT l.pid, pg_catalog.min(l.waitstart) AS waitstart FROM pg_catalog.pg_locks l"
      "   WHERE NOT l.granted GROUP BY l.pid) l"
      "  JOIN pg_catalog.pg_stat_activity b ON b.pid = l.pid"
      "  WHERE NOT pg_catalog.starts_with(b.application_name, 'pg_restructure job ')"
      "  AND EXISTS (SELECT FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) p(pid)"
      "   JOIN pg_catalog.pg_stat_activity o ON o.pid = p.pid"
      "   WHERE pg_catalog.starts_with(o.application_name, 'pg_restructure job '))) w,"
      " (SELECT pg_catalog.count(*) AS active FROM pg_catalog.pg_stat_activity"
      "  WHERE state = 'active' AND backend_type = 'client backend'"
      "  AND NOT pg_catalog.starts_with(application_name, 'pg_restructure job ')) a");
  if (!rows.ok()) return rows.status();
  const Row& row = rows->front();
  ServerLoad load;
  if (row[0]) load.replica_lag_bytes = ToInt(row[0]);
  if (row[1]) load.replica_lag = absl::Seconds(ToDouble(row[1]));
  load.sessions_waiting_for_us = static_cast<int>(ToInt(row[2]));
  load.longest_wait_for_us = absl::Seconds(ToDouble(row[3]));
  load.active_sessions = static_cast<int>(ToInt(row[4]));
  load.wal_bytes = ToInt(row[5]);
  return load;
}

absl::StatusOr<std::int64_t> WalPosition(Session& session) {
  absl::StatusOr<Rows> rows =
      session.Query("SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')");
  if (!rows.ok()) return rows.status();
  return ToInt(rows->front()[0]);
}

}  // namespace catalog
