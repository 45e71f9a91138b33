#include "catalog/table_ledger.h"

#include "absl/strings/str_cat.h"
#include "catalog/json_list.h"
#include "catalog/parameters.h"

namespace catalog {

absl::StatusOr<std::int64_t> InsertTableSide(Session& session, const TableSide& side) {
  const Structure& structure = side.structure;
  absl::StatusOr<Rows> rows = session.Query(
      "INSERT INTO restructure.structure (generation, schema_name, table_name, sort_key, columns,"
      " table_oid, source, key_columns) VALUES ($1, $2, $3, $4, $5, nullif($6::oid, 0)::regclass,"
      " nullif($7::oid, 0)::regclass, $8) RETURNING structure_id",
      {absl::StrCat(structure.generation), structure.table.schema, structure.table.name,
       DisplaySortKey(structure.sort_key), ColumnsJson(structure.columns), Id(side.oid),
       Id(side.source_oid), ArrayLiteral(side.key)});
  if (!rows.ok()) return rows.status();
  return ToInt(rows->front()[0]);
}

absl::StatusOr<TableSide> GetTableSide(Session& session, std::int64_t structure_id) {
  absl::StatusOr<Structure> structure = GetStructure(session, structure_id);
  if (!structure.ok()) return structure.status();
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT c.oid, s.source::oid, pg_catalog.to_json(s.key_columns)"
      " FROM restructure.structure s LEFT JOIN pg_catalog.pg_class c ON c.oid = s.table_oid"
      " WHERE s.structure_id = $1",
      {Id(structure_id)});
  if (!rows.ok()) return rows.status();
  const Row& row = rows->front();
  return TableSide{*std::move(structure), ToInt(row[0]), ToInt(row[1]), TextList(row[2])};
}

absl::Status RecordSides(Session& session, const TableSide& old_side, const TableSide& new_side) {
  for (const TableSide* side : {&old_side, &new_side}) {
    absl::StatusOr<Rows> done = session.Query(
        "UPDATE restructure.structure SET table_oid = $2::oid::regclass, source = $3::oid::regclass"
        " WHERE structure_id = $1",
        {Id(side->structure.structure_id), Id(side->oid), Id(side->source_oid)});
    if (!done.ok()) return done.status();
  }
  return absl::OkStatus();
}

absl::Status InsertTableChange(Session& session, std::int64_t job_id, const TableChange& change,
                               std::int64_t table) {
  absl::StatusOr<Rows> done = session.Query(
      "INSERT INTO restructure.table_change (job_id, schema_name, table_name, live_structure,"
      " lost_columns, key_index, is_partition) VALUES ($1, $2, $3, $4, $5, nullif($6, ''), $7)",
      {Id(job_id), change.name.schema, change.name.name, Id(change.live), ArrayLiteral(change.lost),
       change.key_index, change.is_partition ? "t" : "f"});
  if (!done.ok()) return done.status();
  return session
      .Query("UPDATE restructure.job SET relation = $2::oid::regclass WHERE job_id = $1",
             {Id(job_id), Id(table)})
      .status();
}

absl::StatusOr<TableChange> GetTableChange(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT schema_name, table_name, live_structure, pg_catalog.to_json(lost_columns), key_index,"
      " is_partition"
      " FROM restructure.table_change WHERE job_id = $1",
      {Id(job_id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError(absl::StrCat("job ", job_id, " is on no table"));
  const Row& row = rows->front();
  return TableChange{{ToText(row[0]), ToText(row[1])},
                     ToInt(row[2]),
                     TextList(row[3]),
                     ToText(row[4]),
                     ToBool(row[5])};
}

absl::StatusOr<std::int64_t> FindOpenTableJob(Session& session, std::int64_t table) {
  absl::StatusOr<Rows> rows = session.Query(
      // By either side: the retired one has another name, but is under the same job.
      "SELECT j.job_id FROM restructure.job j LEFT JOIN restructure.structure s"
      " ON s.structure_id IN (j.old_structure, j.new_structure) AND s.set_id IS NULL"
      " WHERE j.open AND (j.relation::oid = $1::oid OR s.table_oid::oid = $1::oid) LIMIT 1",
      {Id(table)});
  if (!rows.ok()) return rows.status();
  return rows->empty() ? 0 : ToInt(rows->front()[0]);
}

absl::StatusOr<std::string> FreeTableName(Session& session, const QualifiedName& table,
                                          const std::string& suffix) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT restructure.free_name(oid, $2, $3) FROM pg_catalog.pg_namespace WHERE nspname = $1",
      {table.schema, table.name, suffix});
  if (!rows.ok()) return rows.status();
  if (!rows->empty() && rows->front()[0]) return ToText(rows->front()[0]);
  return absl::AlreadyExistsError(absl::StrCat("a hundred names like ", table.Display(), suffix,
                                               " are taken\n",
                                               "HINT: rename or drop those relations."));
}

absl::Status RecordTableParts(Session& session, std::int64_t job_id, std::int64_t table,
                              const std::string& new_name) {
  // The number keeps apart long names that are alike once they have been cut.
  return session
      .Query(
          "WITH t AS (SELECT * FROM pg_catalog.pg_class WHERE oid = $2::oid),"
          " parts AS (SELECT 'table' AS kind, relnamespace AS schema, relname::text AS name, 0 AS"
          "  place FROM t UNION ALL"
          "  SELECT 'index', x.relnamespace, x.relname::text, 1 FROM pg_catalog.pg_index i"
          "  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = $2::oid"
          "  UNION ALL SELECT 'statistics', stxnamespace, stxname::text, 2"
          "  FROM pg_catalog.pg_statistic_ext WHERE stxrelid = $2::oid),"
          " numbered AS (SELECT p.*, pg_catalog.row_number() OVER (ORDER BY place, name COLLATE"
          "  \"C\") AS part FROM parts p)"
          " INSERT INTO restructure.table_part (job_id, part, kind, schema_name, name, new_name,"
          "  old_name)"
          " SELECT $1::bigint, n.part, n.kind, s.nspname, n.name, CASE n.kind WHEN 'table' THEN $3"
          "  ELSE restructure.free_name(n.schema, t.relname::text, '__new_' || n.part) END,"
          "  restructure.free_name(n.schema, t.relname::text, '__old' ||"
          "   CASE n.kind WHEN 'table' THEN '' ELSE '_' || n.part END)"
          " FROM numbered n JOIN pg_catalog.pg_namespace s ON s.oid = n.schema, t",
          {Id(job_id), Id(table), new_name})
      .status();
}

absl::Status RecordSequenceParts(Session& session, std::int64_t job_id, std::int64_t old_table,
                                 std::int64_t new_table) {
  return session
      .Query(
          "WITH identities AS (SELECT d.refobjid AS relation, d.refobjsubid AS attnum, a.attname,"
          "  q.relname::text AS name, q.relnamespace AS schema"
          "  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class q ON q.oid = d.objid"
          "  AND q.relkind = 'S' JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid"
          "  AND a.attnum = d.refobjsubid"
          "  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i'"
          "  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
          "  AND d.refobjid IN ($2::oid, $3::oid)),"
          " last AS (SELECT pg_catalog.max(part) AS part FROM restructure.table_part"
          "  WHERE job_id = $1)"
          " INSERT INTO restructure.table_part (job_id, part, kind, schema_name, name, new_name,"
          "  old_name)"
          " SELECT $1::bigint, l.part + pg_catalog.row_number() OVER (ORDER BY o.attnum),"
          "  'sequence', s.nspname, o.name, n.name, restructure.free_name(o.schema, o.name,"
          "   '__old_' || l.part + pg_catalog.row_number() OVER (ORDER BY o.attnum))"
          " FROM last l, identities o JOIN identities n ON n.attname = o.attname"
          " JOIN pg_catalog.pg_namespace s ON s.oid = o.schema"
          " WHERE o.relation = $2::oid AND n.relation = $3::oid",
          {Id(job_id), Id(old_table), Id(new_table)})
      .status();
}

absl::StatusOr<std::vector<TablePart>> ReadTableParts(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT part, kind, schema_name, name, new_name, old_name FROM restructure.table_part"
      " WHERE job_id = $1 ORDER BY part",
      {Id(job_id)});
  if (!rows.ok()) return rows.status();
  std::vector<TablePart> parts;
  for (const Row& row : *rows) {
    parts.push_back({static_cast<int>(ToInt(row[0])),
                     ToText(row[1]),
                     {ToText(row[2]), ToText(row[3])},
                     ToText(row[4]),
                     ToText(row[5])});
  }
  return parts;
}

absl::Status SetLiveTable(Session& session, std::int64_t job_id, const TableSide& live) {
  return session
      .Query(
          "WITH job AS (UPDATE restructure.job SET relation = $3::oid::regclass WHERE job_id = $1)"
          " UPDATE restructure.table_change SET live_structure = $2,"
          " live_version = restructure.table_version($3::oid) WHERE job_id = $1",
          {Id(job_id), Id(live.structure.structure_id), Id(live.oid)})
      .status();
}

absl::StatusOr<std::string> TableVersion(Session& session, std::int64_t table) {
  absl::StatusOr<Rows> rows =
      session.Query("SELECT restructure.table_version($1::oid)", {Id(table)});
  if (!rows.ok()) return rows.status();
  return ToText(rows->front()[0]);
}

absl::StatusOr<bool> FingerprintIsOf(Session& session, std::int64_t job_id,
                                     const std::string& version) {
  absl::StatusOr<Rows> rows =
      session.Query("SELECT fingerprint->>'structure' = $2 FROM restructure.job WHERE job_id = $1",
                    {Id(job_id), version});
  if (!rows.ok()) return rows.status();
  return !rows->empty() && ToBool(rows->front()[0]);
}

absl::StatusOr<bool> IsLiveTableUnchanged(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT c.live_version = restructure.table_version(j.relation::oid)"
      " FROM restructure.table_change c JOIN restructure.job j USING (job_id) WHERE job_id = $1",
      {Id(job_id)});
  if (!rows.ok()) return rows.status();
  return !rows->empty() && ToBool(rows->front()[0]);
}

absl::Status ForgetFingerprint(Session& session, std::int64_t job_id) {
  return session
      .Query("UPDATE restructure.job SET fingerprint = NULL WHERE job_id = $1", {Id(job_id)})
      .status();
}

}  // namespace catalog
