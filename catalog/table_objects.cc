#include "catalog/table_objects.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/index_facts.h"
#include "catalog/index_objects.h"
#include "catalog/partition_statements.h"
#include "catalog/set_objects.h"
#include "catalog/set_statements.h"
#include "catalog/table_alteration.h"
#include "catalog/table_statements.h"

namespace catalog {
namespace {

using absl::StrCat;

absl::Status ExecuteWritten(Session& session, const absl::StatusOr<Rows>& written) {
  if (!written.ok()) return written.status();
  std::vector<std::string> statements;
  for (const Row& row : *written) statements.push_back(ToText(row[0]));
  return statements.empty() ? absl::OkStatus() : ExecuteAll(session, statements);
}

// $1: the table, $2: the new one's name as SQL, $3: its fillfactor or NULL, $4: its tablespace.
constexpr char kCreateLike[] = R"sql(
WITH options AS (
  SELECT c.oid, o.place, o.text FROM pg_catalog.pg_class c, LATERAL (
    SELECT 1 AS place, t FROM pg_catalog.unnest(c.reloptions) t
    UNION ALL SELECT 2, 'toast.' || t FROM pg_catalog.pg_class x,
      pg_catalog.unnest(x.reloptions) t WHERE x.oid = c.reltoastrelid
    UNION ALL SELECT 3, 'fillfactor=' || $3::text WHERE $3::text IS NOT NULL) o(place, text)
  WHERE c.oid = $1::oid
    AND NOT (o.place = 1 AND $3::text IS NOT NULL AND o.text LIKE 'fillfactor=%'))
SELECT pg_catalog.format(
    'CREATE TABLE %s (LIKE %I.%I INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS%s)'
    ' USING %I%s%s', $2::text, n.nspname, c.relname,
    -- From 17 on the identities of a partition are those of the partitioned table.
    CASE WHEN c.relispartition AND pg_catalog.current_setting('server_version_num')::int >= 170000
         THEN ' EXCLUDING IDENTITY' END, a.amname,
    (SELECT ' WITH (' || pg_catalog.string_agg(
       (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(w), '.')
        FROM pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.split_part(text, '=', 1),
                                                          '.')) w)
       || ' = ' || pg_catalog.quote_literal(pg_catalog.substr(text,
                     pg_catalog.strpos(text, '=') + 1)), ', ' ORDER BY place, text) || ')'
     FROM options),
    CASE WHEN coalesce($4::text, s.spcname) IS NOT NULL
         THEN pg_catalog.format(' TABLESPACE %I', coalesce($4::text, s.spcname)) END)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am a ON a.oid = c.relam
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
WHERE c.oid = $1::oid
)sql";

// What LIKE leaves out. $1: the table, $2: the new one, $3: the job.
constexpr char kDressTable[] = R"sql(
WITH s AS (SELECT c.*, pg_catalog.pg_get_userbyid(c.relowner) AS owner
           FROM pg_catalog.pg_class c WHERE c.oid = $1::oid),
n AS (SELECT c.*, pg_catalog.format('%I.%I', h.nspname, c.relname) AS sql
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace h ON h.oid = c.relnamespace
      WHERE c.oid = $2::oid),
grants AS (
  -- Tables and identity sequences: what each has, and which one of the new ones gets it.
  SELECT 'TABLE' AS kind, n.sql, s.relowner, coalesce(s.relacl,
           pg_catalog.acldefault('r', s.relowner)) AS acl FROM s, n
  UNION ALL
  SELECT 'SEQUENCE', pg_catalog.format('%I.%I', h.nspname, b.relname), a.relowner,
         coalesce(a.relacl, pg_catalog.acldefault('s', a.relowner))
  FROM pg_catalog.pg_depend da JOIN pg_catalog.pg_class a ON a.oid = da.objid AND a.relkind = 'S'
  JOIN pg_catalog.pg_attribute ca ON ca.attrelid = da.refobjid AND ca.attnum = da.refobjsubid
  JOIN pg_catalog.pg_attribute cb ON cb.attrelid = $2::oid AND cb.attname = ca.attname
  JOIN pg_catalog.pg_depend db ON db.refobjid = cb.attrelid AND db.refobjsubid = cb.attnum
    AND db.deptype = 'i' AND db.classid = da.classid AND db.refclassid = da.refclassid
  JOIN pg_catalog.pg_class b ON b.oid = db.objid AND b.relkind = 'S'
  JOIN pg_catalog.pg_namespace h ON h.oid = b.relnamespace
  WHERE da.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND da.deptype = 'i'
    AND da.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND da.refobjid = $1::oid),
statements(place, text) AS (
  SELECT 1, pg_catalog.format('ALTER TABLE %s OWNER TO %I', n.sql, s.owner) FROM s, n
  UNION ALL
  -- The policies come with the exchange: until then only the owner, as whom it is filled, sees it.
  SELECT 1, pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', n.sql) FROM s, n
  WHERE s.relrowsecurity
  UNION ALL
  -- A constraint that is not valid would be enforced for old rows, too: it comes last. What other
  -- jobs need for a time does not come at all.
  SELECT 2, pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', n.sql, k.conname)
  FROM n, pg_catalog.pg_constraint k WHERE k.conrelid = $1::oid AND (k.contype IN ('c', 'n')
    AND NOT k.convalidated
    AND coalesce((pg_catalog.to_jsonb(k)->>'conenforced')::boolean, true)
    OR pg_catalog.starts_with(k.conname::text, 'pg_restructure_'))
  UNION ALL
  SELECT 3, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', n.sql, a.attname,
                              a.attstattarget)
  FROM n, pg_catalog.pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0
    AND NOT a.attisdropped AND a.attstattarget >= 0
  UNION ALL
  SELECT 3, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', n.sql, a.attname,
    (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(pg_catalog.split_part(o, '=', 1)) || ' = '
            || pg_catalog.quote_literal(pg_catalog.split_part(o, '=', 2)), ', ')
     FROM pg_catalog.unnest(a.attoptions) o 
     -- Other options are the server's own.
     WHERE o LIKE 'n\_distinct%'))
  FROM n, pg_catalog.pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0
    AND NOT a.attisdropped AND EXISTS (
      SELECT FROM pg_catalog.unnest(a.attoptions) o WHERE o LIKE 'n\_distinct%')
  UNION ALL
  SELECT 4, pg_catalog.format('REVOKE ALL ON %s %s FROM PUBLIC, %I%s', g.kind, g.sql,
    pg_catalog.pg_get_userbyid(g.relowner),
    -- Default privileges may have given more.
    (SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format(', %I',
        pg_catalog.pg_get_userbyid(e.grantee)), '')
     FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) e
     WHERE c.oid = pg_catalog.to_regclass(g.sql)::oid AND e.grantee NOT IN (0, g.relowner)))
  FROM grants g
  UNION ALL
  -- The owner's grants come first; those of others rest on them.
  SELECT CASE e.grantor WHEN s.relowner THEN 5 ELSE 6 END,
    w.before || pg_catalog.format('GRANT %s%s ON %s %s TO %s%s', e.privilege_type,
      ' (' || e.attname || ')', e.kind, e.sql, CASE e.grantee WHEN 0 THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(e.grantee)) END,
      CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' END) || w.after
  FROM s, (
    SELECT NULL AS attname, g.kind, g.sql, x.* FROM grants g, pg_catalog.aclexplode(g.acl) x
    UNION ALL
    SELECT pg_catalog.quote_ident(a.attname), 'TABLE', n.sql, x.*
    FROM n, pg_catalog.pg_attribute a, pg_catalog.aclexplode(a.attacl) x
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped) e,
  LATERAL (SELECT CASE WHEN e.grantor <> s.relowner THEN 'SET LOCAL ROLE '
      || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(e.grantor)) || '; ' ELSE '' END,
    CASE WHEN e.grantor <> s.relowner THEN '; RESET ROLE' ELSE '' END) w(before, after)
  UNION ALL
  SELECT 7, pg_catalog.format('COMMENT ON TABLE %s IS %L', n.sql,
                              pg_catalog.obj_description($1::oid, 'pg_class'))
  FROM n WHERE pg_catalog.obj_description($1::oid, 'pg_class') IS NOT NULL
  UNION ALL
  SELECT 7, pg_catalog.format('COMMENT ON TYPE %s IS %L', n.sql,
                              pg_catalog.obj_description(s.reltype, 'pg_type'))
  FROM s, n WHERE pg_catalog.obj_description(s.reltype, 'pg_type') IS NOT NULL
  UNION ALL
  SELECT 7, pg_catalog.format('COMMENT ON SEQUENCE %I.%I IS %L', h.nspname, b.relname,
                              pg_catalog.obj_description(da.objid, 'pg_class'))
  FROM pg_catalog.pg_depend da
  JOIN pg_catalog.pg_attribute ca ON ca.attrelid = da.refobjid AND ca.attnum = da.refobjsubid
  JOIN pg_catalog.pg_attribute cb ON cb.attrelid = $2::oid AND cb.attname = ca.attname
  JOIN pg_catalog.pg_depend db ON db.refobjid = cb.attrelid AND db.refobjsubid = cb.attnum
    AND db.deptype = 'i' AND db.classid = da.classid AND db.refclassid = da.refclassid
  JOIN pg_catalog.pg_class b ON b.oid = db.objid AND b.relkind = 'S'
  JOIN pg_catalog.pg_namespace h ON h.oid = b.relnamespace
  WHERE da.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND da.deptype = 'i'
    AND da.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND da.refobjid = $1::oid
    AND pg_catalog.obj_description(da.objid, 'pg_class') IS NOT NULL
  UNION ALL
  SELECT 8, pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY %s', n.sql,
                              CASE s.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)
  FROM s, n WHERE s.relreplident IN ('f', 'n')
  UNION ALL
  SELECT 8 + x.i, x.text FROM n, pg_catalog.pg_statistic_ext e
  JOIN pg_catalog.pg_namespace h ON h.oid = e.stxnamespace
  JOIN restructure.table_part p ON p.job_id = $3 AND p.kind = 'statistics'
    AND p.schema_name = h.nspname::text AND p.name = e.stxname::text,
  LATERAL (
    SELECT pg_catalog.format('CREATE STATISTICS %I.%I%s ON %s FROM %s', h.nspname, p.new_name,
      -- A single expression has no kinds to choose from.
      (SELECT ' (' || pg_catalog.string_agg(CASE k WHEN 'd' THEN 'ndistinct'
                WHEN 'f' THEN 'dependencies' ELSE 'mcv' END, ', ') || ')'
       FROM pg_catalog.unnest(e.stxkind) k WHERE k <> 'e'),
      pg_catalog.pg_get_statisticsobjdef_columns(e.oid), n.sql), 1
    UNION ALL
    SELECT pg_catalog.format('ALTER STATISTICS %I.%I SET STATISTICS %s', h.nspname, p.new_name,
                             e.stxstattarget), 2 WHERE e.stxstattarget >= 0
    UNION ALL
    SELECT pg_catalog.format('ALTER STATISTICS %I.%I OWNER TO %I', h.nspname, p.new_name,
                             pg_catalog.pg_get_userbyid(e.stxowner)), 4
    UNION ALL
    SELECT pg_catalog.format('COMMENT ON STATISTICS %I.%I IS %L', h.nspname, p.new_name,
                             pg_catalog.obj_description(e.oid, 'pg_statistic_ext')), 3
    WHERE pg_catalog.obj_description(e.oid, 'pg_statistic_ext') IS NOT NULL
    ) x(text, i) WHERE e.stxrelid = $1::oid)
SELECT text FROM statements ORDER BY place
)sql";

std::string Oid(std::int64_t oid) { return StrCat(oid); }

absl::StatusOr<bool> HasDeferrable(Session& session, std::int64_t oid) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid"
      " AND condeferrable AND contype <> 'f')",
      {Oid(oid)});
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

}  // namespace

absl::Status CheckConstraintsNow(Session& session) {
  return session.Execute("SET CONSTRAINTS ALL IMMEDIATE");
}

absl::StatusOr<std::int64_t> CreateLike(Session& session, std::int64_t job_id, std::int64_t source,
                                        const QualifiedName& name, const TableWishes& wishes) {
  const Value fillfactor = wishes.fillfactor ? Value(StrCat(*wishes.fillfactor)) : Value();
  const Value tablespace = wishes.tablespace ? Value(*wishes.tablespace) : Value();
  absl::Status created = ExecuteWritten(
      session, session.Query(kCreateLike, {Oid(source), name.Sql(), fillfactor, tablespace}));
  if (!created.ok()) return created;
  absl::StatusOr<Rows> rows = session.Query("SELECT pg_catalog.to_regclass($1)::oid", {name.Sql()});
  if (!rows.ok()) return rows.status();
  const std::int64_t oid = ToInt(rows->front()[0]);
  absl::Status dressed =
      ExecuteWritten(session, session.Query(kDressTable, {Oid(source), Oid(oid), StrCat(job_id)}));
  if (dressed.ok() && !wishes.alters.empty()) {
    dressed = AlterTable(session, name, wishes.alters);
  }
  if (!dressed.ok()) return dressed;
  return oid;
}

absl::Status CreateTableHelpers(Session& session, SetDefinition old_source,
                                const Structure& new_side, SetDefinition new_source,
                                const Structure& old_side) {
  absl::StatusOr<std::string> owner = OwnerOf(session, old_source.member_oid);
  if (!owner.ok()) return owner.status();
  const absl::StatusOr<bool> deferrable = HasDeferrable(session, old_source.member_oid);
  if (!deferrable.ok()) return deferrable.status();
  old_source.deferrable = new_source.deferrable = *deferrable;
  // What cannot be brought back is kept in mind by its key, as the new table has it.
  Structure not_brought_back = old_side;
  not_brought_back.columns = new_side.columns;
  const std::vector<std::vector<std::string>> all = {
      CreateKeyLog(old_source, new_side, *owner),
      CreateKeyLog(new_source, not_brought_back, *owner),
      CreateTableSyncFunction(old_source, new_side, *owner),
      CreateTableSyncFunction(new_source, old_side, *owner),
      CreateSourceView(new_source, old_side, *owner),
      CreateApplyTrigger(old_source, new_side),
      CreateApplyTrigger(new_source, old_side)};
  for (const std::vector<std::string>& statements : all) {
    if (statements.empty()) continue;
    if (absl::Status done = ExecuteAll(session, statements); !done.ok()) return done;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TableIndex>> ReadTableIndexes(Session& session, std::int64_t job_id,
                                                         std::int64_t old_table) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT p.part, x.oid, p.new_name, pg_catalog.pg_get_constraintdef(k.oid),"
      " CASE WHEN k.contype IN ('p', 'u')"
      "  AND NOT coalesce((pg_catalog.to_jsonb(k)->>'conperiod')::boolean, false)"
      "  THEN pg_catalog.format('ADD CONSTRAINT %I %s USING INDEX %I%s%s', p.new_name,"
      "   CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, p.new_name,"
      "   CASE WHEN k.condeferrable THEN ' DEFERRABLE' END,"
      "   CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' END) END, i.indisprimary"
      " FROM restructure.table_part p JOIN pg_catalog.pg_namespace n"
      " ON n.nspname::text = p.schema_name"
      " JOIN pg_catalog.pg_class x ON x.relnamespace = n.oid AND x.relname::text = p.name"
      " JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid AND i.indrelid = $2::oid"
      " LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.oid AND k.conrelid = i.indrelid"
      "  AND k.contype IN ('p', 'u', 'x')"
      " WHERE p.job_id = $1 AND p.kind = 'index' ORDER BY p.part",
      {StrCat(job_id), Oid(old_table)});
  if (!rows.ok()) return rows.status();
  std::vector<TableIndex> indexes;
  for (const Row& row : *rows) {
    TableIndex index;
    index.part = static_cast<int>(ToInt(row[0]));
    index.oid = ToInt(row[1]);
    index.new_name = ToText(row[2]);
    index.constraint = ToText(row[3]);
    index.constraint_sql = ToText(row[4]);
    index.primary = ToBool(row[5]);
    absl::StatusOr<IndexDefinition> definition = ReadDefinition(session, index.oid);
    if (!definition.ok()) return definition.status();
    index.definition = *std::move(definition);
    indexes.push_back(std::move(index));
  }
  return indexes;
}

absl::StatusOr<bool> HasTableIndex(Session& session, const QualifiedName& table,
                                   const TableIndex& index) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT EXISTS (SELECT FROM restructure.index_state(pg_catalog.to_regclass($1)::oid, $2, $3)"
      " WHERE valid)",
      {table.Sql(), table.schema, index.new_name});
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

absl::Status BuildTableIndex(Session& session, const QualifiedName& table, const TableIndex& index,
                             const BuildLimits& limits) {
  absl::Status set = SetBuildLimits(session, table, index.definition.method, limits);
  if (!set.ok()) return set;
  const std::string build =
      !index.constraint.empty() && index.constraint_sql.empty()
          ? StrCat("ALTER TABLE ", table.Sql(), " ADD CONSTRAINT ", QuoteName(index.new_name), " ",
                   index.constraint)
          : StrCat(index.definition.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ",
                   QuoteName(index.new_name), " ON ", table.Sql(), IndexSql(index.definition));
  return session.Execute(build);
}

absl::Status DressTableIndexes(Session& session, std::int64_t old_table, const QualifiedName& table,
                               const std::vector<TableIndex>& indexes) {
  std::vector<std::string> actions;
  for (const TableIndex& index : indexes) {
    if (!index.constraint_sql.empty()) actions.push_back(index.constraint_sql);
  }
  if (!actions.empty()) {
    absl::Status added =
        session.Execute(StrCat("ALTER TABLE ", table.Sql(), " ", absl::StrJoin(actions, ", ")));
    if (!added.ok()) return added;
  }
  for (const TableIndex& index : indexes) {
    if (index.oid == 0) continue;
    absl::StatusOr<Rows> oid = session.Query("SELECT pg_catalog.to_regclass($1)::oid",
                                             {QualifiedName{table.schema, index.new_name}.Sql()});
    if (!oid.ok()) return oid.status();
    absl::StatusOr<Marks> marks = ReadMarks(session, index.oid);
    if (!marks.ok()) return marks.status();
    absl::Status status = DressIndex(session, index.oid, ToInt(oid->front()[0]));
    if (status.ok()) status = SetMarks(session, table, index.new_name, *marks);
    if (!status.ok()) return status;
  }
  return ExecuteWritten(
      session,
      session.Query("SELECT pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', x.relname,"
                    " $2::text, pg_catalog.obj_description(k.oid, 'pg_constraint'))"
                    " FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n"
                    " ON n.oid = k.connamespace JOIN restructure.table_part p ON p.kind = 'index'"
                    " AND p.schema_name = n.nspname::text AND p.name = k.conname::text"
                    " JOIN pg_catalog.pg_class x ON x.relnamespace = n.oid"
                    " AND x.relname::text = p.new_name JOIN pg_catalog.pg_index i"
                    " ON i.indexrelid = x.oid AND i.indrelid = pg_catalog.to_regclass($2)::oid"
                    " WHERE k.conrelid = $1::oid AND k.contype IN ('p', 'u', 'x')"
                    " AND pg_catalog.obj_description(k.oid, 'pg_constraint') IS NOT NULL",
                    {Oid(old_table), table.Sql()}));
}

absl::StatusOr<std::vector<std::string>> DropTableIndexStatements(Session& session,
                                                                  std::int64_t table) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT CASE WHEN k.oid IS NULL THEN pg_catalog.format('DROP INDEX IF EXISTS %I.%I',"
      "  n.nspname, x.relname) ELSE pg_catalog.format("
      "  'ALTER TABLE IF EXISTS %I.%I DROP CONSTRAINT IF EXISTS %I', n.nspname, t.relname,"
      "  k.conname) END"
      " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
      " JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
      " JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace"
      " LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.oid AND k.conrelid = t.oid"
      "  AND k.contype IN ('p', 'u', 'x')"
      " WHERE i.indrelid = $1::oid ORDER BY i.indisprimary, x.relname",
      {Oid(table)});
  if (!rows.ok()) return rows.status();
  std::vector<std::string> statements;
  for (const Row& row : *rows) statements.push_back(ToText(row[0]));
  return statements;
}

absl::StatusOr<std::vector<std::string>> GiveSequencesStatements(Session& session,
                                                                 std::int64_t from,
                                                                 const QualifiedName& to) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.format('ALTER SEQUENCE %I.%I OWNED BY %s.%I', n.nspname, q.relname,"
      " $2::text, a.attname) FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class q"
      " ON q.oid = d.objid AND q.relkind = 'S' JOIN pg_catalog.pg_namespace n"
      " ON n.oid = q.relnamespace JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid"
      " AND a.attnum = d.refobjsubid JOIN pg_catalog.pg_attribute b ON b.attname = a.attname"
      " AND b.attrelid = pg_catalog.to_regclass($2)::oid AND NOT b.attisdropped"
      " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'a'"
      " AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::oid",
      {Oid(from), to.Sql()});
  if (!rows.ok()) return rows.status();
  std::vector<std::string> statements;
  for (const Row& row : *rows) statements.push_back(ToText(row[0]));
  return statements;
}

absl::Status ExecuteStatement(Session& session, const std::string& statement) {
  return session.Execute(statement);
}

absl::StatusOr<std::string> TurnCaptureText(Session& session, const SetDefinition& retired_source,
                                            const Structure& live, SetDefinition live_source,
                                            const Structure& retired, bool kept) {
  absl::StatusOr<std::string> owner = OwnerOf(session, live_source.member_oid);
  if (!owner.ok()) return owner.status();
  const absl::StatusOr<bool> deferrable = HasDeferrable(session, live_source.member_oid);
  if (!deferrable.ok()) return deferrable.status();
  live_source.deferrable = *deferrable;
  std::vector<std::string> statements = DropTriggers(retired_source, live, false);
  const auto add = [&statements](const std::vector<std::string>& more) {
    statements.insert(statements.end(), more.begin(), more.end());
  };
  if (kept) {
    // The function knew the retired table by another name.
    add(CreateTableSyncFunction(live_source, retired, *owner));
    add(CreateTableSyncTriggers(live_source, retired));
    statements.push_back(StrCat("ALTER TABLE ", live_source.member.Sql(), " ",
                                AlterTriggers("ENABLE ALWAYS", retired, kSyncTriggers)));
  }
  return absl::StrJoin(statements, ";\n");
}

absl::Status DropTable(Session& session, const QualifiedName& table) {
  return session.Execute(StrCat("DROP TABLE IF EXISTS ", table.Sql()));
}

absl::Status DropTableHelpers(Session& session, const Structure& side) {
  return ExecuteAll(session,
                    {StrCat("DROP TABLE IF EXISTS ", side.KeyLog().Sql()),
                     StrCat("DROP TABLE IF EXISTS ", side.TakenKeys().Sql()),
                     StrCat("DROP TABLE IF EXISTS ", side.RangeTables().Sql()),
                     StrCat("DROP FUNCTION IF EXISTS ", side.LogFunction().Sql(), "()"),
                     StrCat("DROP FUNCTION IF EXISTS ", side.SyncFunction().Sql(), "()"),
                     StrCat("DROP FUNCTION IF EXISTS ", side.ApplyFunction().Sql(), "()")});
}

absl::Status DropSourceView(Session& session, const Structure& side) {
  return session.Execute(StrCat("DROP VIEW IF EXISTS ", side.SourceView().Sql()));
}

}  // namespace catalog
