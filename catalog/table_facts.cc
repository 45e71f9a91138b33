#include "catalog/table_facts.h"

#include "absl/strings/str_cat.h"

namespace catalog {
namespace {

absl::Status ReadList(Session& session, const std::string& sql, std::int64_t oid,
                      std::vector<std::string>* list) {
  absl::StatusOr<Rows> rows = session.Query(sql, {absl::StrCat(oid)});
  if (!rows.ok()) return rows.status();
  for (const Row& row : *rows) list->push_back(ToText(row[0]));
  return absl::OkStatus();
}

// What refers to the table or to its row type from outside. `movable` are the kinds of objects that
// can be pointed at another table by replacing their definition.
constexpr char kDependants[] = R"sql(
WITH t AS (SELECT oid, reltype FROM pg_catalog.pg_class WHERE oid = $1::oid),
d AS (
  SELECT DISTINCT d.classid, d.objid, d.objsubid, false AS cannot_be_told
  FROM t, pg_catalog.pg_depend d
  WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid
    AND d.deptype = 'n'
  UNION
  SELECT DISTINCT d.classid, d.objid, d.objsubid, true
  FROM t, pg_catalog.pg_depend d
  WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.deptype = 'n'
    AND d.refobjid IN (SELECT t.reltype UNION ALL SELECT y.oid FROM pg_catalog.pg_type y
                       WHERE y.typelem = t.reltype)
  UNION
  -- An identity has another sequence afterwards, of the same name.
  SELECT DISTINCT d.classid, d.objid, d.objsubid, true
  FROM t, pg_catalog.pg_depend i JOIN pg_catalog.pg_depend d
    ON d.refclassid = i.classid AND d.refobjid = i.objid AND d.deptype = 'n'
  WHERE i.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.refclassid = i.classid
    AND i.refobjid = t.oid AND i.deptype = 'i'),
named AS (
  SELECT d.*, pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) AS words,
    r.ev_class, v.relkind, v.relnamespace, v.relowner AS view_owner, v.relpersistence, f.proowner,
    g.tgrelid, p.polrelid, a.adrelid, k.conrelid, x.stxrelid
  FROM d
  LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    AND r.oid = d.objid
  LEFT JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
  LEFT JOIN pg_catalog.pg_proc f ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    AND f.oid = d.objid
  LEFT JOIN pg_catalog.pg_trigger g ON d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
    AND g.oid = d.objid
  LEFT JOIN pg_catalog.pg_policy p ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
    AND p.oid = d.objid
  LEFT JOIN pg_catalog.pg_attrdef a ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    AND a.oid = d.objid
  LEFT JOIN pg_catalog.pg_constraint k
    ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
  LEFT JOIN pg_catalog.pg_statistic_ext x
    ON d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND x.oid = d.objid),
judged AS (
  SELECT n.words, CASE
      WHEN n.relnamespace = pg_catalog.to_regnamespace('restructure')::oid THEN 'ours'
      WHEN t.oid IN (n.ev_class, n.tgrelid, n.polrelid, n.adrelid, n.conrelid, n.stxrelid)
        THEN 'own'
      WHEN n.cannot_be_told OR n.relpersistence = 't' THEN 'immovable'
      WHEN n.relkind IN ('r', 'v', 'p') THEN 'moved'
      WHEN n.proowner IS NOT NULL OR n.polrelid IS NOT NULL THEN 'moved'
      WHEN n.conrelid IS NOT NULL THEN 'foreign key'
      WHEN n.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass THEN 'publication'
      ELSE 'immovable' END AS fate,
    coalesce(n.view_owner, n.proowner,
      (SELECT relowner FROM pg_catalog.pg_class c WHERE c.oid = n.polrelid)) AS owner
  FROM named n, t)
SELECT DISTINCT words, fate, owner IS NULL OR pg_catalog.pg_has_role(owner, 'USAGE') FROM judged
WHERE fate IN ('immovable', 'moved') ORDER BY 1
)sql";

// What the exchange cannot do for this role: foreign keys are created anew, with the tables that
// they refer to under ACCESS EXCLUSIVE, and triggers, too; also those from above a partition.
constexpr char kLacking[] = R"sql(
WITH referred AS (
  SELECT c.oid, c.oid::pg_catalog.regclass AS name, pg_catalog.bool_and((
      SELECT pg_catalog.bool_and(pg_catalog.has_column_privilege(c.oid, n, 'REFERENCES'))
      FROM pg_catalog.unnest(k.confkey) n)) AS may_refer
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
  LEFT JOIN pg_catalog.pg_constraint q ON q.oid = k.conparentid
  WHERE k.contype = 'f' AND k.conrelid = $1::oid AND k.confrelid <> $1::oid
    AND (k.conparentid = 0 OR q.conrelid <> k.conrelid)
  GROUP BY c.oid)
SELECT pg_catalog.format('REFERENCES on %s', name) FROM referred WHERE NOT may_refer
UNION ALL
SELECT pg_catalog.format('UPDATE, DELETE or TRUNCATE on %s', name) FROM referred
WHERE NOT pg_catalog.has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE' || CASE
  WHEN pg_catalog.current_setting('server_version_num')::int >= 170000 THEN ', MAINTAIN'
  ELSE '' END)
UNION ALL
SELECT DISTINCT pg_catalog.format('EXECUTE on function %s', tgfoid::pg_catalog.regprocedure)
FROM pg_catalog.pg_trigger WHERE tgrelid = $1::oid
  AND NOT pg_catalog.has_function_privilege(tgfoid, 'EXECUTE')
ORDER BY 1
)sql";

absl::Status ReadDependants(Session& session, std::int64_t oid, TableShape* shape) {
  absl::StatusOr<Rows> rows = session.Query(kDependants, {absl::StrCat(oid)});
  if (!rows.ok()) return rows.status();
  for (const Row& row : *rows) {
    const std::string words = ToText(row[0]);
    (ToText(row[1]) == "moved" ? shape->moved : shape->immovable).push_back(words);
    if (!ToBool(row[2])) shape->not_ours.push_back(words);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TableShape> ReadTableShape(Session& session, std::int64_t oid) {
  TableShape shape;
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT c.relispartition, EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid),"
      " c.reloftype <> 0, c.relrowsecurity AND c.relforcerowsecurity AND NOT r.rolsuper"
      "  AND NOT r.rolbypassrls, (SELECT e.extname FROM pg_catalog.pg_depend d"
      "  JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid"
      "  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid"
      "  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'),"
      " CASE WHEN c.reltoastrelid = 0 THEN 0"
      "  ELSE pg_catalog.pg_total_relation_size(c.reltoastrelid) END,"
      " pg_catalog.pg_indexes_size(c.oid),"
      " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_index WHERE indrelid = c.oid),"
      " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_constraint WHERE contype = 'f'"
      "  AND c.oid IN (conrelid, confrelid))"
      " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner"
      " WHERE c.oid = $1::oid",
      {absl::StrCat(oid)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError("the table is gone");
  const Row& row = rows->front();
  shape.is_partition = ToBool(row[0]);
  shape.has_parents = ToBool(row[1]);
  shape.is_typed = ToBool(row[2]);
  shape.hides_from_owner = ToBool(row[3]);
  shape.extension = ToText(row[4]);
  shape.toast_bytes = ToInt(row[5]);
  shape.index_bytes = ToInt(row[6]);
  shape.indexes = static_cast<int>(ToInt(row[7]));
  shape.foreign_keys = static_cast<int>(ToInt(row[8]));
  absl::Status status = ReadList(session,
                                 "SELECT provider FROM pg_catalog.pg_seclabel WHERE objoid = $1"
                                 " AND classoid = 'pg_catalog.pg_class'::pg_catalog.regclass",
                                 oid, &shape.labels);
  if (status.ok()) {
    status = ReadList(session,
                      "SELECT c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c"
                      " ON c.oid = i.indexrelid WHERE i.indrelid = $1"
                      " AND NOT (i.indisvalid AND i.indisready)",
                      oid, &shape.invalid_indexes);
  }
  if (status.ok()) {
    status = ReadList(session,
                      "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = $1"
                      " AND attnum > 0 AND NOT attisdropped AND attgenerated <> ''",
                      oid, &shape.generated);
  }
  if (status.ok()) {
    status = ReadList(session,
                      "SELECT pg_catalog.format('%I on %s', k.conname,"
                      " k.conrelid::pg_catalog.regclass) FROM pg_catalog.pg_constraint k"
                      " JOIN pg_catalog.pg_class c ON c.oid = k.conrelid WHERE k.confrelid = $1"
                      " AND k.contype = 'f' AND (c.relkind = 'p' OR EXISTS (SELECT FROM"
                      " pg_catalog.pg_constraint q WHERE q.oid = k.conparentid"
                      " AND q.conrelid <> k.conrelid))",
                      oid, &shape.partitioned_referrers);
  }
  if (status.ok()) {
    status = ReadList(session,
                      "SELECT pg_catalog.format('the foreign key %I of %s', k.conname,"
                      " k.conrelid::pg_catalog.regclass) FROM pg_catalog.pg_constraint k"
                      " JOIN pg_catalog.pg_class c ON c.oid = k.conrelid WHERE k.confrelid = $1"
                      " AND k.contype = 'f' AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')"
                      " UNION ALL SELECT pg_catalog.format('publication %I', p.pubname)"
                      " FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON "
                      "p.oid = r.prpubid"
                      " WHERE r.prrelid = $1 AND NOT pg_catalog.pg_has_role(p.pubowner, 'USAGE')"
                      " UNION ALL SELECT pg_catalog.format('statistics object %I', stxname)"
                      " FROM pg_catalog.pg_statistic_ext WHERE stxrelid = $1"
                      " AND NOT pg_catalog.pg_has_role(stxowner, 'USAGE')",
                      oid, &shape.not_ours);
  }
  if (status.ok()) status = ReadList(session, kLacking, oid, &shape.lacking);
  if (status.ok()) {
    status = ReadList(session,
                      "SELECT pg_catalog.pg_describe_object("
                      "'pg_catalog.pg_trigger'::pg_catalog.regclass, oid, 0)"
                      " FROM pg_catalog.pg_trigger WHERE tgconstrrelid = $1 AND tgrelid <> $1"
                      " AND NOT tgisinternal",
                      oid, &shape.immovable);
  }
  if (status.ok()) status = ReadDependants(session, oid, &shape);
  if (!status.ok()) return status;
  absl::StatusOr<Rows> ledger =
      session.Query("SELECT pg_catalog.to_regclass('restructure.sets') IS NOT NULL");
  if (!ledger.ok()) return ledger.status();
  if (ToBool(ledger->front()[0])) {
    status = ReadList(session, "SELECT set_name FROM restructure.sets WHERE member::oid = $1", oid,
                      &shape.sets);
    if (status.ok()) {
      status = ReadList(session,
                        "SELECT j.name FROM restructure.jobs j JOIN pg_catalog.pg_index i"
                        " ON i.indexrelid = pg_catalog.to_regclass(j.name)::oid"
                        " WHERE j.open AND j.kind = 'index' AND i.indrelid = $1::oid",
                        oid, &shape.indexes_under_jobs);
    }
    if (!status.ok()) return status;
  }
  absl::StatusOr<Rows> schema = session.Query(
      "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
      " ON n.oid = c.relnamespace WHERE c.oid = $1",
      {absl::StrCat(oid)});
  if (!schema.ok()) return schema.status();
  absl::StatusOr<std::vector<std::string>> blanket =
      BlanketPublications(session, ToText(schema->front()[0]));
  if (!blanket.ok()) return blanket.status();
  shape.blanket_publications = *std::move(blanket);
  return shape;
}

absl::StatusOr<std::vector<std::string>> BlanketPublications(Session& session,
                                                             const std::string& schema) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT p.pubname FROM pg_catalog.pg_publication p WHERE p.puballtables ORDER BY 1");
  if (!rows.ok()) return rows.status();
  absl::StatusOr<Rows> by_schema =
      session.Query("SELECT pg_catalog.to_regclass('pg_catalog.pg_publication_namespace')");
  if (!by_schema.ok()) return by_schema.status();
  if (by_schema->front()[0]) {  // 15+
    by_schema = session.Query(
        "SELECT DISTINCT p.pubname FROM pg_catalog.pg_publication_namespace m"
        " JOIN pg_catalog.pg_publication p ON p.oid = m.pnpubid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = m.pnnspid"
        " WHERE n.nspname IN ($1, 'restructure') ORDER BY 1",
        {schema});
    if (!by_schema.ok()) return by_schema.status();
    rows->insert(rows->end(), by_schema->begin(), by_schema->end());
  }
  std::vector<std::string> names;
  for (const Row& row : *rows) names.push_back(ToText(row[0]));
  return names;
}

absl::StatusOr<std::vector<std::string>> PrimaryKeyReferrers(Session& session, std::int64_t oid) {
  std::vector<std::string> referrers;
  absl::Status read = ReadList(
      session,
      "SELECT pg_catalog.format('%I on %s', k.conname, k.conrelid::pg_catalog.regclass)"
      " FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid"
      " WHERE k.contype = 'f' AND k.confrelid = $1::oid AND i.indisprimary ORDER BY 1",
      oid, &referrers);
  if (!read.ok()) return read;
  return referrers;
}

absl::StatusOr<bool> IsReferredTo(Session& session, const QualifiedName& index) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contype = 'f'"
      " AND conindid = pg_catalog.to_regclass($1)::oid)",
      {index.Sql()});
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

}  // namespace catalog
