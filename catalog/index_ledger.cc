#include "catalog/index_ledger.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "catalog/parameters.h"

namespace catalog {
namespace {

using nlohmann::json;

std::string Bool(bool value) { return value ? "t" : "f"; }

}  // namespace

absl::Status InsertIndexChange(Session& session, std::int64_t job_id, std::int64_t index,
                               const IndexChange& change) {
  absl::StatusOr<Rows> row = session.Query(
      "INSERT INTO restructure.index_change (job_id, on_table, is_partitioned, old_definition,"
      " new_definition, constraint_name, is_primary, is_deferrable, is_deferred, tries)"
      " VALUES ($1, $2::oid::regclass, $3, $4, $5, nullif($6, ''), $7, $8, $9, $10)",
      {Id(job_id), Id(change.table_oid), Bool(change.partitioned), ToJson(change.old_definition),
       ToJson(change.new_definition), change.constraint_name, Bool(change.primary),
       Bool(change.deferrable), Bool(change.deferred), json(change.tries).dump()});
  if (!row.ok()) return row.status();
  return SetLiveSide(session, job_id, Side::kOld, index);
}

absl::StatusOr<IndexChange> GetIndexChange(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT n.nspname, c.relname, i.on_table::oid, i.is_partitioned, i.old_definition,"
      " i.new_definition, i.live_side = 'new', i.constraint_name, i.is_primary, i.is_deferrable,"
      " i.is_deferred, i.tries FROM restructure.index_change i"
      " LEFT JOIN pg_catalog.pg_class c ON c.oid = i.on_table"
      " LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE i.job_id = $1",
      {Id(job_id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError(absl::StrCat("job ", job_id, " is on no index"));
  const Row& row = rows->front();
  IndexChange change;
  change.table = {ToText(row[0]), ToText(row[1])};
  change.table_oid = ToInt(row[2]);
  change.partitioned = ToBool(row[3]);
  change.old_definition = IndexDefinitionFromJson(ToText(row[4]));
  change.new_definition = IndexDefinitionFromJson(ToText(row[5]));
  change.live = ToBool(row[6]) ? Side::kNew : Side::kOld;
  change.constraint_name = ToText(row[7]);
  change.primary = ToBool(row[8]);
  change.deferrable = ToBool(row[9]);
  change.deferred = ToBool(row[10]);
  for (const json& query : json::parse(ToText(row[11]), nullptr, false)) {
    change.tries.push_back(query.get<std::string>());
  }
  return change;
}

absl::Status SetLiveSide(Session& session, std::int64_t job_id, Side live, std::int64_t index) {
  absl::StatusOr<Rows> set = session.Query(
      "WITH side AS (UPDATE restructure.index_change SET live_side = $2 WHERE job_id = $1)"
      " UPDATE restructure.job SET relation = $3::oid::regclass WHERE job_id = $1",
      {Id(job_id), std::string(live == Side::kNew ? "new" : "old"), Id(index)});
  return set.status();
}

absl::StatusOr<std::int64_t> LiveIndex(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT j.relation::oid, j.name FROM restructure.job j JOIN pg_catalog.pg_class c"
      " ON c.oid = j.relation WHERE j.job_id = $1",
      {Id(job_id)});
  if (!rows.ok()) return rows.status();
  if (!rows->empty()) return ToInt(rows->front()[0]);
  return absl::FailedPreconditionError(
      absl::StrCat("the index of job ", job_id, " was dropped by somebody else",
                   "\nHINT: `pg_restructure abort ", job_id, "` closes the job."));
}

absl::StatusOr<int> RecordParts(Session& session, std::int64_t job_id, std::int64_t index) {
  absl::StatusOr<Rows> rows = session.Query(
      "WITH RECURSIVE tree AS ("
      "  SELECT x.oid AS index, i.indrelid AS on_table, x.relname::text AS name, x.relnamespace,"
      "   x.relkind = 'i' AS is_leaf, 0::oid AS parent, 0 AS level"
      "  FROM pg_catalog.pg_class x JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid"
      "  WHERE x.oid = $2::oid UNION ALL"
      "  SELECT x.oid, i.indrelid, x.relname::text, x.relnamespace, x.relkind = 'i', t.index,"
      "   t.level + 1 FROM tree t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.index"
      "  JOIN pg_catalog.pg_class x ON x.oid = h.inhrelid"
      "  JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid),"
      " placed AS (SELECT t.*, pg_catalog.row_number() OVER (ORDER BY level, index) AS part"
      "  FROM tree t),"
      // The number keeps apart partitions whose long names are alike once they have been cut.
      " numbered AS (SELECT p.*, CASE part WHEN 1 THEN '' ELSE '_' || part END AS ending"
      "  FROM placed p)"
      " INSERT INTO restructure.index_part (job_id, part, parent, on_table, is_leaf, schema_name,"
      "  index_name, new_name, old_name)"
      " SELECT $1::bigint, n.part, coalesce((SELECT p.part FROM numbered p WHERE p.index = "
      "n.parent), 0),"
      "  n.on_table::regclass, n.is_leaf, s.nspname, n.name,"
      "  restructure.free_name(n.relnamespace, n.name, '__new' || n.ending),"
      "  restructure.free_name(n.relnamespace, n.name, '__old' || n.ending)"
      " FROM numbered n JOIN pg_catalog.pg_namespace s ON s.oid = n.relnamespace",
      {Id(job_id), Id(index)});
  if (!rows.ok()) return rows.status();
  return static_cast<int>(session.affected_rows());
}

absl::StatusOr<std::vector<IndexPart>> ReadParts(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT p.part, p.parent, n.nspname, c.relname, p.is_leaf, p.is_verified,"
      " p.parent = 0 OR c.relispartition,"
      " coalesce(n.nspname, p.schema_name),"
      " CASE g.live_side WHEN 'old' THEN p.index_name ELSE p.old_name END,"
      " o.oid, o.valid, o.attached,"
      " CASE g.live_side WHEN 'new' THEN p.index_name ELSE p.new_name END,"
      " w.oid, w.valid, w.attached"
      " FROM restructure.index_part p JOIN restructure.index_change g USING (job_id)"
      " LEFT JOIN pg_catalog.pg_class c ON c.oid = p.on_table"
      " LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      // Where its table is now, there is the index.
      " LEFT JOIN LATERAL restructure.index_state(p.on_table, n.nspname::text,"
      "  CASE g.live_side WHEN 'old' THEN p.index_name ELSE p.old_name END) o ON true"
      " LEFT JOIN LATERAL restructure.index_state(p.on_table, n.nspname::text,"
      "  CASE g.live_side WHEN 'new' THEN p.index_name ELSE p.new_name END) w ON true"
      " WHERE p.job_id = $1 ORDER BY p.part",
      {Id(job_id)});
  if (!rows.ok()) return rows.status();
  std::vector<IndexPart> parts;
  for (const Row& row : *rows) {
    IndexPart part;
    part.part = static_cast<int>(ToInt(row[0]));
    part.parent = static_cast<int>(ToInt(row[1]));
    part.table = {ToText(row[2]), ToText(row[3])};
    part.is_leaf = ToBool(row[4]);
    part.verified = ToBool(row[5]);
    part.in_tree = ToBool(row[6]);
    const auto index_at = [&](std::size_t name) {
      return PartIndex{{ToText(row[7]), ToText(row[name])},
                       ToInt(row[name + 1]),
                       ToBool(row[name + 2]),
                       ToBool(row[name + 3])};
    };
    part.old_index = index_at(8);
    part.new_index = index_at(12);
    parts.push_back(std::move(part));
  }
  return parts;
}

absl::StatusOr<std::string> RetiredName(Session& session, std::int64_t job_id, int part,
                                        Side side) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT CASE $3 WHEN 'new' THEN new_name ELSE old_name END FROM restructure.index_part"
      " WHERE job_id = $1 AND part = $2",
      {Id(job_id), Id(part), std::string(side == Side::kNew ? "new" : "old")});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError(absl::StrCat("job ", job_id, " has no such part"));
  return ToText(rows->front()[0]);
}

absl::Status DeletePart(Session& session, std::int64_t job_id, int part) {
  return session
      .Query("DELETE FROM restructure.index_part WHERE job_id = $1 AND part = $2",
             {Id(job_id), Id(part)})
      .status();
}

absl::Status SetPartVerified(Session& session, std::int64_t job_id, int part, bool verified) {
  return session
      .Query("UPDATE restructure.index_part SET is_verified = $3 WHERE job_id = $1 AND part = $2",
             {Id(job_id), Id(part), Bool(verified)})
      .status();
}

absl::Status RememberForeignKeys(Session& session, std::int64_t job_id,
                                 const std::vector<ForeignKey>& keys) {
  for (const ForeignKey& key : keys) {
    if (!key.valid) continue;  // It was not valid before.
    absl::StatusOr<Rows> row = session.Query(
        "INSERT INTO restructure.index_foreign_key (job_id, on_table, name)"
        " VALUES ($1, $2::text::regclass, $3) ON CONFLICT DO NOTHING",
        {Id(job_id), key.table.Sql(), key.name});
    if (!row.ok()) return row.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PendingForeignKey>> ForeignKeysToValidate(Session& session,
                                                                     std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT n.nspname, c.relname, k.name FROM restructure.index_foreign_key k"
      " JOIN pg_catalog.pg_class c ON c.oid = k.on_table"
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " JOIN pg_catalog.pg_constraint f ON f.conrelid = c.oid AND f.conname = k.name"
      " WHERE k.job_id = $1 ORDER BY 1, 2, 3",
      {Id(job_id)});
  if (!rows.ok()) return rows.status();
  std::vector<PendingForeignKey> keys;
  for (const Row& row : *rows) {
    keys.push_back({{ToText(row[0]), ToText(row[1])}, ToText(row[2])});
  }
  return keys;
}

absl::Status ForgetForeignKey(Session& session, std::int64_t job_id, const PendingForeignKey& key) {
  return session
      .Query(
          "DELETE FROM restructure.index_foreign_key WHERE job_id = $1"
          " AND on_table = $2::text::regclass AND name = $3",
          {Id(job_id), key.table.Sql(), key.name})
      .status();
}

absl::StatusOr<std::int64_t> FindOpenIndexJob(Session& session, std::int64_t index) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT j.job_id FROM restructure.job j WHERE j.open AND (j.relation = $1::oid::regclass"
      // REINDEX CONCURRENTLY puts another index under the name.
      " OR EXISTS (SELECT FROM restructure.index_part p JOIN pg_catalog.pg_index i"
      "  ON i.indrelid = p.on_table JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
      "  AND x.relname = p.index_name::name"
      "  WHERE p.job_id = j.job_id AND p.parent = 0 AND i.indexrelid = $1::oid))",
      {Id(index)});
  if (!rows.ok()) return rows.status();
  return rows->empty() ? 0 : ToInt(rows->front()[0]);
}

}  // namespace catalog
