#include "catalog/waits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace catalog {

absl::StatusOr<std::vector<SnapshotHolder>> SnapshotHolders(Session& session) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT a.pid, l.virtualtransaction, a.backend_xmin::text,"
      " 'pid ' || a.pid || ' (' || coalesce(a.usename, '?')"
      " || coalesce(', ' || nullif(a.application_name, ''), '') || ')'"
      " || coalesce(', in a transaction for '"
      "    || pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)::int || "
      "'s', '')"
      " FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_locks l ON l.pid = a.pid"
      " AND l.locktype = 'virtualxid' AND l.granted AND l.mode = 'ExclusiveLock'"
      " WHERE a.datname = pg_catalog.current_database() AND a.backend_xmin IS NOT NULL"
      " AND a.pid <> pg_catalog.pg_backend_pid()"
      // Without pg_read_all_stats the type of others' sessions is hidden, their xmin is not.
      " AND coalesce(a.backend_type, 'client backend')"
      "  IN ('client backend', 'parallel worker', 'background worker')"
      " AND NOT pg_catalog.starts_with(a.application_name, 'pg_restructure job ')");
  if (!rows.ok()) return rows.status();
  std::vector<SnapshotHolder> holders;
  for (const Row& row : *rows) {
    holders.push_back(
        {static_cast<int>(ToInt(row[0])), ToText(row[1]), ToText(row[2]), ToText(row[3])});
  }
  return holders;
}

absl::StatusOr<std::vector<SnapshotHolder>> StillHolding(
    Session& session, const std::vector<SnapshotHolder>& before) {
  absl::StatusOr<std::vector<SnapshotHolder>> now = SnapshotHolders(session);
  if (!now.ok()) return now.status();
  std::vector<SnapshotHolder> still;
  for (const SnapshotHolder& holder : *now) {
    const auto same = [&](const SnapshotHolder& old) {
      return old.pid == holder.pid && old.virtual_transaction == holder.virtual_transaction &&
             old.xmin == holder.xmin;
    };
    if (std::any_of(before.begin(), before.end(), same)) still.push_back(holder);
  }
  return still;
}

absl::StatusOr<std::vector<Writer>> WritersOf(Session& session, const QualifiedName& relation) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT DISTINCT l.pid, l.virtualtransaction, 'pid ' || l.pid || coalesce(' (' || a.usename"
      "   || coalesce(', ' || nullif(a.application_name, ''), '') || ')', '')"
      " FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
      " WHERE l.locktype = 'relation' AND l.granted AND l.pid IS NOT NULL"
      " AND l.relation = pg_catalog.to_regclass($1)::oid"
      " AND l.database = (SELECT oid FROM pg_catalog.pg_database"
      "                   WHERE datname = pg_catalog.current_database())"
      " AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',"
      "  'AccessExclusiveLock') AND l.pid <> pg_catalog.pg_backend_pid()",
      {relation.Sql()});
  if (!rows.ok()) return rows.status();
  std::vector<Writer> writers;
  for (const Row& row : *rows) {
    writers.push_back({static_cast<int>(ToInt(row[0])), ToText(row[1]), ToText(row[2])});
  }
  return writers;
}

absl::StatusOr<std::vector<Writer>> StillWriting(Session& session, const QualifiedName& relation,
                                                 const std::vector<Writer>& before) {
  absl::StatusOr<std::vector<Writer>> now = WritersOf(session, relation);
  if (!now.ok()) return now.status();
  std::vector<Writer> still;
  for (const Writer& writer : *now) {
    const auto same = [&](const Writer& old) {
      return old.pid == writer.pid && old.virtual_transaction == writer.virtual_transaction;
    };
    if (std::any_of(before.begin(), before.end(), same)) still.push_back(writer);
  }
  return still;
}

absl::StatusOr<std::string> DescribeLockers(Session& session, const QualifiedName& relation,
                                            const std::string& mode) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT coalesce('pid ' || l.pid || coalesce(' (' || a.usename"
      "   || coalesce(', ' || nullif(a.application_name, ''), '') || ')', '')"
      "   || CASE WHEN a.backend_type = 'autovacuum worker' THEN ' autovacuum' ELSE '' END"
      "   || coalesce(', in a transaction for '"
      "      || pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)::int"
      "      || 's', ''),"
      "  'prepared transaction ' || coalesce((SELECT pg_catalog.quote_literal(p.gid)"
      "    FROM pg_catalog.pg_prepared_xacts p WHERE p.transaction ="
      "    (SELECT x.transactionid FROM pg_catalog.pg_locks x WHERE x.locktype = 'transactionid'"
      "     AND x.virtualtransaction = l.virtualtransaction LIMIT 1)), '?'))"
      " FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
      " WHERE l.locktype = 'relation' AND l.granted"
      " AND l.relation = pg_catalog.to_regclass($1)::oid"
      " AND l.database = (SELECT oid FROM pg_catalog.pg_database"
      "                   WHERE datname = pg_catalog.current_database())"
      " AND ($2 = 'ACCESS EXCLUSIVE' OR l.mode NOT IN ('AccessShareLock', 'RowShareLock'))"
      " AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"
      " AND coalesce(a.application_name NOT LIKE 'pg\\_restructure job %', true)"
      " ORDER BY a.xact_start NULLS FIRST LIMIT 1",
      {relation.Sql(), mode});
  if (!rows.ok()) return rows.status();
  return rows->empty() ? std::string() : ToText(rows->front()[0]);
}

}  // namespace catalog
