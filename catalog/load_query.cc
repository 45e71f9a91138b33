#include "catalog/load_query.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"

namespace catalog {
namespace {

constexpr char kPosition[] =
    "pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::bigint";

constexpr char kWaits[] =
    "(SELECT pg_catalog.count(*) AS n, pg_catalog.max(pg_catalog.date_part('epoch',"
    "         pg_catalog.clock_timestamp() - waitstart)) AS longest"
    "  FROM (SELECT l.pid, pg_catalog.min(l.waitstart) AS waitstart FROM pg_catalog.pg_locks l"
    "   WHERE NOT l.granted GROUP BY l.pid) l"
    "  JOIN pg_catalog.pg_stat_activity b ON b.pid = l.pid"
    "  WHERE NOT pg_catalog.starts_with(b.application_name, 'pg_restructure job ')"
    "  AND EXISTS (SELECT FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) p(pid)"
    "   JOIN pg_catalog.pg_stat_activity o ON o.pid = p.pid"
    "   WHERE pg_catalog.starts_with(o.application_name, 'pg_restructure job '))) w";

// Backups and the first copies of a subscription come and go; they are no replicas. The state is
// NULL for a role that may not see it.
constexpr char kReplicas[] =
    "SELECT application_name || coalesce(' at ' || pg_catalog.host(client_addr), ''),"
    " pg_catalog.pg_wal_lsn_diff(coalesce(replay_lsn, flush_lsn), '0/0')::bigint,"
    " pg_catalog.date_part('epoch', replay_lag),"
    " pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - reply_time)"
    " FROM pg_catalog.pg_stat_replication"
    " WHERE coalesce(state, 'streaming') IN ('streaming', 'catchup')"
    " AND application_name NOT IN ('pg_basebackup', 'pg_receivewal')"
    " AND application_name !~ '^pg_[0-9]+_sync_[0-9]+_[0-9]+$'";

constexpr char kSlots[] =
    "SELECT slot_name, coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(),"
    " restart_lsn), 0)::bigint, coalesce(wal_status, '') FROM pg_catalog.pg_replication_slots";

// A vacuum's lock is seen by every role, its statement only by some: of a table that is older than
// autovacuum lets it become, it is the one that does not give way.
constexpr char kWraparound[] =
    "(SELECT pg_catalog.string_agg(what, '; ') FROM (SELECT CASE"
    " WHEN EXISTS (SELECT FROM pg_catalog.pg_locks l"
    "   JOIN pg_catalog.pg_stat_progress_vacuum v ON v.pid = l.pid"
    "   LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
    "   WHERE l.locktype = 'relation' AND l.relation IN (c.oid, c.reltoastrelid) AND l.granted"
    "   AND v.datname = pg_catalog.current_database() AND l.mode = 'ShareUpdateExclusiveLock'"
    "   AND (pg_catalog.age(c.relfrozenxid) >= freeze_max"
    "     OR a.query LIKE 'autovacuum: %(to prevent wraparound)'))"
    " THEN 'an autovacuum to prevent wraparound works on ' || c.oid::regclass"
    " WHEN pg_catalog.age(c.relfrozenxid) >= failsafe THEN c.oid::regclass || ' is '"
    "   || pg_catalog.age(c.relfrozenxid) || ' transactions old >= ' || failsafe END AS what"
    " FROM pg_catalog.pg_class c, (SELECT freeze_max, greatest(freeze_max * 1.05,"
    "   pg_catalog.current_setting('vacuum_failsafe_age')::numeric)::bigint AS failsafe FROM"
    "   (SELECT pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint AS freeze_max) f) s"
    " WHERE c.oid = ANY ($1::oid[]) AND c.relkind IN ('r', 'm')) t)";

std::optional<absl::Duration> ToSeconds(const Value& value) {
  if (!value) return std::nullopt;
  return absl::Seconds(ToDouble(value));
}

// The first line says what is wrong; the rest repeats our statement.
std::string FirstLine(const absl::Status& status) {
  const std::vector<std::string> lines = absl::StrSplit(std::string(status.message()), '\n');
  return lines.front();
}

}  // namespace

absl::StatusOr<SignalSources> PrepareForSampling(Session& session, absl::Duration statement_max) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.current_setting('server_version_num'), current_user,"
      " pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),"
      " pg_catalog.current_setting('archive_mode') <> 'off',"
      " pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')),"
      " (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size'),"
      " pg_catalog.current_setting('max_connections')");
  if (!rows.ok()) return rows.status();
  const Row& row = rows->front();
  SignalSources sources;
  sources.version = static_cast<int>(ToInt(row[0]));
  sources.role = ToText(row[1]);
  sources.sees_others = ToBool(row[2]);
  sources.archives = ToBool(row[3]);
  sources.wal_segment_bytes = ToInt(row[4]);
  const std::int64_t keep_megabytes = ToInt(row[5]);  // -1: no bound
  sources.slot_keep_bytes = keep_megabytes > 0 ? keep_megabytes << 20 : 0;
  sources.connections_max = static_cast<int>(ToInt(row[6]));
  // From here on only: what is asked once may take its time, as connecting does.
  absl::Status set = session.Execute(absl::StrCat(
      "SET default_transaction_read_only = on; SET lock_timeout = 0; SET statement_timeout = ",
      absl::ToInt64Milliseconds(statement_max)));
  if (!set.ok()) return set;
  return sources;
}

absl::StatusOr<FastSignals> ReadFastSignals(Session& session, const SignalSources& sources) {
  const char* const active =
      sources.sees_others
          ? "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity"
            "  WHERE state = 'active' AND backend_type = 'client backend'"
            "  AND NOT pg_catalog.starts_with(application_name, 'pg_restructure job '))"
          : "NULL";
  // Before PostgreSQL 15 it is known too late.
  const char* const database =
      sources.version >= 150000
          ? "d.active_time, d.xact_commit + d.xact_rollback FROM pg_catalog.pg_stat_database d, "
          : "NULL, NULL FROM (SELECT pg_catalog.current_database() AS datname) d, ";
  absl::StatusOr<Rows> rows = session.QueryPrepared(
      absl::StrCat("SELECT ", kPosition, ", coalesce(w.n, 0), coalesce(w.longest, 0), ", active,
                   ", ", database, kWaits, " WHERE d.datname = pg_catalog.current_database()"));
  if (!rows.ok()) return rows.status();
  const Row& row = rows->front();
  FastSignals signals;
  signals.wal_position = ToInt(row[0]);
  signals.sessions_waiting_for_us = static_cast<int>(ToInt(row[1]));
  signals.longest_wait_for_us = absl::Seconds(ToDouble(row[2]));
  if (row[3]) signals.active_sessions = static_cast<int>(ToInt(row[3]));
  if (row[4] && row[5])
    signals.database = Usage{absl::Milliseconds(ToDouble(row[4])), ToInt(row[5])};
  rows = session.QueryPrepared(kReplicas);
  if (!rows.ok()) return rows.status();
  for (const Row& replica : *rows) {
    ReplicaState state;
    state.name = ToText(replica[0]);
    if (replica[1]) state.position = ToInt(replica[1]);
    state.lag = ToSeconds(replica[2]);
    state.silence = ToSeconds(replica[3]);
    signals.replicas.push_back(std::move(state));
  }
  return signals;
}

absl::StatusOr<SlowSignals> ReadSlowSignals(Session& session, const SignalSources& sources,
                                            const std::vector<std::int64_t>& tables) {
  // Everybody may see who is connected to a database, but not as what.
  const char* const connections =
      sources.sees_others ? "backend_type = 'client backend'" : "datid IS NOT NULL";
  const char* const checkpoints = sources.version >= 170000
                                      ? "num_requested FROM pg_catalog.pg_stat_checkpointer"
                                      : "checkpoints_req FROM pg_catalog.pg_stat_bgwriter";
  absl::StatusOr<Rows> rows = session.QueryPrepared(
      absl::StrCat("SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE ",
                   connections, "), (SELECT ", checkpoints, "), ", kWraparound,
                   ", pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()),"
                   " last_archived_wal, last_failed_wal,"
                   " coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL)"
                   " FROM pg_catalog.pg_stat_archiver"),
      {absl::StrCat("{", absl::StrJoin(tables, ","), "}")});
  if (!rows.ok()) return rows.status();
  const Row& row = rows->front();
  SlowSignals signals;
  signals.connections = static_cast<int>(ToInt(row[0]));
  signals.requested_checkpoints = ToInt(row[1]);
  signals.wraparound = ToText(row[2]);
  const auto segment = [&](const Value& file) {
    return SegmentNumber(ToText(file), sources.wal_segment_bytes);
  };
  signals.segment = segment(row[3]).value_or(0);
  signals.archived_segment = segment(row[4]);
  signals.failed_segment = segment(row[5]);
  signals.archiver_fails = ToBool(row[6]);
  rows = session.QueryPrepared(kSlots);
  if (!rows.ok()) return rows.status();
  for (const Row& slot : *rows) {
    signals.slots.push_back({ToText(slot[0]), ToInt(slot[1]), ToText(slot[2])});
  }
  return signals;
}

absl::StatusOr<double> ReadCustomSignal(Session& session, const std::string& sql) {
  const absl::StatusOr<Rows> rows = session.Query(sql);
  if (!rows.ok()) return absl::Status(rows.status().code(), FirstLine(rows.status()));
  if (rows->size() != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("returned ", rows->size(), " rows, expected one"));
  }
  const Row& row = rows->front();
  if (row.size() != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("returned ", row.size(), " columns, expected one"));
  }
  if (!row[0]) return absl::FailedPreconditionError("returned NULL, expected a number");
  double value = 0;
  if (!absl::SimpleAtod(*row[0], &value) || !std::isfinite(value)) {
    return absl::FailedPreconditionError(
        absl::StrCat("returned \"", row[0]->substr(0, 40), "\", expected a number"));
  }
  return value;
}

// Eight digits of the timeline, eight of the file in its group of 4 GiB, and eight of the group's
// segment; what follows (".backup") does not matter.
std::optional<std::int64_t> SegmentNumber(const std::string& file, std::int64_t segment_bytes) {
  constexpr std::size_t kDigits = 24;
  if (file.size() < kDigits) return std::nullopt;
  std::uint32_t group = 0;
  std::uint32_t segment = 0;
  const auto hex = [&](std::size_t from, std::uint32_t* value) {
    return absl::SimpleHexAtoi(file.substr(from, 8), value);
  };
  if (!hex(8, &group) || !hex(16, &segment)) return std::nullopt;
  return std::int64_t{group} * ((std::int64_t{1} << 32) / segment_bytes) + segment;
}

absl::StatusOr<absl::Duration> MeasureCommit(Session& session) {
  constexpr std::size_t kTries = 9;
  std::vector<absl::Duration> took;
  for (std::size_t i = 0; i < kTries; ++i) {
    const absl::Time start = absl::Now();
    absl::StatusOr<Rows> rows =
        session.Query("SELECT pg_catalog.pg_logical_emit_message(true, 'pg_restructure', '')");
    if (!rows.ok()) return rows.status();
    took.push_back(absl::Now() - start);
  }
  std::sort(took.begin(), took.end());
  return took[kTries / 2];
}

absl::StatusOr<std::int64_t> WalPosition(Session& session) {
  absl::StatusOr<Rows> rows = session.Query(absl::StrCat("SELECT ", kPosition));
  if (!rows.ok()) return rows.status();
  return ToInt(rows->front()[0]);
}

}  // namespace catalog
