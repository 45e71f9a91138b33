// The exchange of two tables: what is executed under the lock is written before it is taken.

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "catalog/partition_exchange.h"
#include "catalog/set_objects.h"
#include "catalog/table_objects.h"

namespace catalog {
namespace {

using absl::StrCat;

// Everything that hangs on a table and has to hang on the other one. Definitions are read while the
// table still bears the name, and executed when the other one does. $1: the table that has the
// name, $2: the one that takes it over, $3: the name, $4: what the first will be called.
constexpr char kTableMoves[] = R"sql(
WITH f AS (SELECT c.*, pg_catalog.pg_get_userbyid(c.relowner) AS owner
           FROM pg_catalog.pg_class c WHERE c.oid = $1::oid),
named AS (SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS sql
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace),
user_trigger AS (
  SELECT * FROM pg_catalog.pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal
  AND tgparentid = 0 AND NOT pg_catalog.starts_with(tgname::text, 'pg_restructure_')),
own_rule AS (SELECT * FROM pg_catalog.pg_rewrite WHERE ev_class = $1::oid),
check_to_add AS (
  SELECT k.* FROM pg_catalog.pg_constraint k WHERE k.conrelid = $1::oid
    AND (k.contype = 'c' OR k.contype = 'n' AND NOT k.convalidated) AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_constraint o WHERE o.conrelid = $2::oid
      AND o.conname = k.conname)
    AND NOT pg_catalog.starts_with(k.conname::text, 'pg_restructure_')),
foreign_key AS (
  SELECT k.*, CASE WHEN k.conrelid = $1::oid THEN $3::text ELSE r.sql END AS then_on,
    CASE WHEN k.conrelid = $1::oid THEN $4::text ELSE r.sql END AS now_on,
    r.sql AS referrer, d.sql AS referred,
    pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
  FROM pg_catalog.pg_constraint k JOIN named r ON r.oid = k.conrelid
  JOIN named d ON d.oid = k.confrelid
  -- The retired table has no foreign key, as the new one had none: what keeps it must not meet a
  -- check that the statement of the user has passed already, or will pass later.
  WHERE k.contype = 'f' AND k.conparentid = 0 AND $1::oid IN (k.confrelid, k.conrelid)),
dependent_rule AS (
  SELECT r.*, c.relkind, c.reloptions, v.sql, c.relnamespace, n.nspname,
    pg_catalog.pg_get_userbyid(c.relowner) AS owner
  FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
  JOIN named v ON v.oid = c.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE r.ev_class <> $1::oid
    AND c.relnamespace <> pg_catalog.to_regnamespace('restructure')::oid
    AND r.oid IN (SELECT d.objid FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::oid)),
published AS (
  SELECT p.pubname, @published@ FROM pg_catalog.pg_publication_rel r
  JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = $1::oid),
moves(what, place, text, more) AS (
  -- To where it is, or to whom it belongs: changes nothing but takes the lock on the view alone.
  SELECT 'view', 0, pg_catalog.format(
    CASE WHEN pg_catalog.has_schema_privilege(relnamespace, 'CREATE')
         THEN 'ALTER VIEW %1$s SET SCHEMA %2$I' ELSE 'ALTER VIEW %1$s OWNER TO %3$I' END,
    sql, nspname, owner), NULL
  FROM dependent_rule WHERE relkind = 'v'
  UNION SELECT 'related', 0, referrer, NULL FROM foreign_key WHERE conrelid <> $1::oid
  UNION SELECT 'related', 1, referred, NULL FROM foreign_key WHERE confrelid <> $1::oid
  UNION ALL SELECT 'validate', 0, then_on, conname FROM foreign_key WHERE convalidated

  UNION ALL SELECT 'do', 10,
    pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', now_on, conname), NULL
    FROM foreign_key
  UNION ALL SELECT 'do', 20, pg_catalog.format('DROP TRIGGER %I ON %s', tgname, $4::text), NULL
    FROM user_trigger
  UNION ALL SELECT 'do', 20, pg_catalog.format('DROP POLICY %I ON %s', polname, $4::text), NULL
    FROM pg_catalog.pg_policy WHERE polrelid = $1::oid
  UNION ALL SELECT 'do', 20, pg_catalog.format('DROP RULE %I ON %s', rulename, $4::text), NULL
    FROM own_rule
  -- Without a policy the retired table shows nothing, but to its owner.
  UNION ALL SELECT 'do', 30, pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY',
    $3::text), NULL FROM f WHERE relrowsecurity
  UNION ALL SELECT 'do', 30, pg_catalog.format('ALTER TABLE %s FORCE ROW LEVEL SECURITY; '
    'ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', $3::text, $4::text), NULL FROM f
    WHERE relforcerowsecurity

  UNION ALL SELECT 'do', 50, pg_catalog.pg_get_triggerdef(oid), NULL FROM user_trigger
  UNION ALL SELECT 'do', 51, pg_catalog.format('ALTER TABLE %s %s TRIGGER %I', $3::text,
    CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END,
    tgname), NULL FROM user_trigger WHERE tgenabled <> 'O'
  UNION ALL SELECT 'do', 52, pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', tgname,
    $3::text,
    pg_catalog.obj_description(oid, 'pg_trigger')), NULL FROM user_trigger
    WHERE pg_catalog.obj_description(oid, 'pg_trigger') IS NOT NULL
  UNION ALL SELECT 'do', 53, pg_catalog.format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s',
    p.polname, $3::text, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
      WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT pg_catalog.string_agg(CASE o WHEN 0 THEN 'PUBLIC'
       ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o)) END, ', ')
     FROM pg_catalog.unnest(p.polroles) o),
    ' USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
    ' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')'), NULL
    FROM pg_catalog.pg_policy p WHERE p.polrelid = $1::oid
  UNION ALL SELECT 'do', 54, pg_catalog.format('COMMENT ON POLICY %I ON %s IS %L', polname,
    $3::text,
    pg_catalog.obj_description(oid, 'pg_policy')), NULL FROM pg_catalog.pg_policy
    WHERE polrelid = $1::oid AND pg_catalog.obj_description(oid, 'pg_policy') IS NOT NULL
  UNION ALL SELECT 'do', 55, pg_catalog.pg_get_ruledef(oid), NULL FROM own_rule
  UNION ALL SELECT 'do', 56, pg_catalog.format('ALTER TABLE %s %s RULE %I', $3::text,
    CASE ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END,
    rulename), NULL FROM own_rule WHERE ev_enabled <> 'O'
  UNION ALL SELECT 'do', 56, pg_catalog.format('COMMENT ON RULE %I ON %s IS %L', rulename, $3::text,
    pg_catalog.obj_description(oid, 'pg_rewrite')), NULL FROM own_rule
    WHERE pg_catalog.obj_description(oid, 'pg_rewrite') IS NOT NULL
  UNION ALL SELECT 'do', 57, pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', $3::text,
    conname, pg_catalog.pg_get_constraintdef(oid)), NULL FROM check_to_add
  UNION ALL SELECT 'do', 58, pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname,
    $3::text, pg_catalog.obj_description(oid, 'pg_constraint')), NULL FROM check_to_add
    WHERE pg_catalog.obj_description(oid, 'pg_constraint') IS NOT NULL
  UNION ALL SELECT 'do', 60, pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s%s', then_on,
    conname, pg_catalog.pg_get_constraintdef(oid), CASE WHEN convalidated THEN ' NOT VALID' END),
    NULL FROM foreign_key
  UNION ALL SELECT 'do', 61, pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname,
    then_on, comment), NULL FROM foreign_key WHERE comment IS NOT NULL

  UNION ALL SELECT 'do', 70, pg_catalog.format('CREATE OR REPLACE VIEW %s%s AS %s', sql,
    ' WITH (' || (SELECT pg_catalog.string_agg(
        pg_catalog.quote_ident(pg_catalog.split_part(o, '=', 1)) || ' = '
        || pg_catalog.quote_literal(pg_catalog.split_part(o, '=', 2)), ', ')
      FROM pg_catalog.unnest(reloptions) o) || ')',
    pg_catalog.rtrim(pg_catalog.pg_get_viewdef(ev_class), ';')), NULL
    FROM dependent_rule WHERE relkind = 'v' AND rulename = '_RETURN'
  UNION ALL SELECT 'do', 71, 'CREATE OR REPLACE RULE'
    || pg_catalog.substr(pg_catalog.pg_get_ruledef(oid), pg_catalog.length('CREATE RULE') + 1), NULL
    FROM dependent_rule WHERE rulename <> '_RETURN'
  UNION ALL SELECT 'do', 72, pg_catalog.pg_get_functiondef(o.objid), NULL FROM (
    SELECT DISTINCT objid FROM pg_catalog.pg_depend
    WHERE classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND deptype = 'n'
    AND refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND refobjid = $1::oid) o
  UNION ALL SELECT DISTINCT 'do', 73, pg_catalog.format('ALTER POLICY %I ON %s%s%s', p.polname,
    t.sql, ' USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
    ' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')'), NULL
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_policy p ON p.oid = d.objid
    JOIN named t ON t.oid = p.polrelid
    WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.polrelid <> $1::oid
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::oid
  UNION ALL SELECT 'do', 90, pg_catalog.format('ALTER PUBLICATION %I DROP TABLE %s; '
    'ALTER PUBLICATION %I ADD TABLE %s%s%s', pubname, $4::text, pubname, $3::text,
    ' (' || columns || ')', ' WHERE (' || filter || ')'), NULL FROM published)
SELECT what, place, text, more FROM moves ORDER BY place, text
)sql";

constexpr char kPublishedOf14[] = "NULL::text AS columns, NULL::text AS filter";
constexpr char kPublished[] =
    "(SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)"
    " FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.prrelid"
    " AND a.attnum = ANY (r.prattrs::int2[])) AS columns,"
    " pg_catalog.pg_get_expr(r.prqual, r.prrelid) AS filter";

std::string Rename(const TablePart& part, const std::string& now, const std::string& then) {
  const char* const kind = part.kind == "table"      ? "TABLE "
                           : part.kind == "index"    ? "INDEX "
                           : part.kind == "sequence" ? "SEQUENCE "
                                                     : "STATISTICS ";
  return StrCat("ALTER ", kind, QualifiedName{part.name.schema, now}.Sql(), " RENAME TO ",
                QuoteName(then));
}

void AddRenames(const TableExchange& exchange, std::vector<std::string>* statements) {
  const Side to_side = Other(exchange.side);
  for (const TablePart& part : exchange.parts) {
    statements->push_back(Rename(part, part.name.name, part.spare(exchange.side)));
    statements->push_back(Rename(part, part.spare(to_side), part.name.name));
    if (part.kind != "sequence") continue;
    // Behind the lock that the renaming took: nobody draws a number any more.
    const QualifiedName old_sequence{part.name.schema, part.spare(exchange.side)};
    statements->push_back(StrCat("SELECT pg_catalog.setval(", QuoteLiteral(part.name.Sql()),
                                 "::pg_catalog.regclass, q.last_value, q.is_called) FROM ",
                                 old_sequence.Sql(), " q"));
  }
}

// In the order in which they are to be done.
absl::StatusOr<std::vector<PartitionMove>> ReadMoves(Session& session,
                                                     const TableExchange& exchange) {
  absl::StatusOr<Rows> version =
      session.Query("SELECT pg_catalog.current_setting('server_version_num')::int >= 150000");
  if (!version.ok()) return version.status();
  const std::string sql = absl::StrReplaceAll(
      kTableMoves, {{"@published@", ToBool(version->front()[0]) ? kPublished : kPublishedOf14}});
  const QualifiedName retired{exchange.name.schema, exchange.retired};
  absl::StatusOr<Rows> rows = session.Query(
      sql, {StrCat(exchange.from), StrCat(exchange.to), exchange.name.Sql(), retired.Sql()});
  if (!rows.ok()) return rows.status();
  absl::StatusOr<std::vector<PartitionMove>> moves = std::vector<PartitionMove>();
  if (exchange.is_partition) {
    moves = WritePartitionMoves(session, exchange.from, exchange.name.Sql(), retired.Sql());
    if (!moves.ok()) return moves;
  }
  for (const Row& row : *rows) {
    moves->push_back(
        {ToText(row[0]), static_cast<int>(ToInt(row[1])), ToText(row[2]), ToText(row[3])});
  }
  std::sort(moves->begin(), moves->end(), [](const PartitionMove& a, const PartitionMove& b) {
    return std::tie(a.place, a.text) < std::tie(b.place, b.text);
  });
  return moves;
}

}  // namespace

absl::StatusOr<ExchangeText> WriteExchange(Session& session, const TableExchange& exchange) {
  absl::StatusOr<std::vector<PartitionMove>> moves = ReadMoves(session, exchange);
  if (!moves.ok()) return moves.status();
  ExchangeText text;
  std::vector<std::string> statements;
  for (const PartitionMove& move : *moves) {
    if (move.what == "first") statements.push_back(move.text);
  }
  AddRenames(exchange, &statements);
  for (const PartitionMove& move : *moves) {
    if (move.what == "view") text.views.push_back(move.text);
    if (move.what == "above") text.above.push_back(move.text);
    if (move.what == "beside") text.beside.push_back(move.text);
    if (move.what == "related") text.related.push_back(move.text);
    if (move.what == "do") statements.push_back(move.text);
    if (move.what == "validate") {
      absl::StatusOr<QualifiedName> table = ParseQualifiedName(move.text);
      if (!table.ok()) return table.status();
      ForeignKey key;
      // The table that has the foreign key afterwards has another name yet.
      key.table = *table == exchange.name ? exchange.to_now : *table;
      key.name = move.more;
      text.to_validate.push_back(std::move(key));
    }
  }
  text.statements = absl::StrJoin(statements, ";\n");
  return text;
}

absl::Status LockForTableExchange(Session& session, const TableExchange& exchange,
                                  const ExchangeText& text, bool others_first) {
  // Programs lock children before parents or the other way round: each order has its turn.
  std::vector<QualifiedName> tables;
  const auto add = [&tables](const std::vector<std::string>& names) -> absl::Status {
    for (const std::string& name : names) {
      absl::StatusOr<QualifiedName> parsed = ParseQualifiedName(name);
      if (!parsed.ok()) return parsed.status();
      tables.push_back(*std::move(parsed));
    }
    return absl::OkStatus();
  };
  absl::Status named = others_first ? add(text.related) : absl::OkStatus();
  // A tree is always locked from its root.
  if (named.ok()) named = add(text.above);
  tables.push_back(exchange.from_now);
  tables.push_back(exchange.to_now);
  if (named.ok()) named = add(text.beside);
  if (named.ok() && !others_first) named = add(text.related);
  if (!named.ok()) return named;
  return LockTables(session, tables, "ACCESS EXCLUSIVE", text.views);
}

absl::Status ExchangeTables(Session& session, const ExchangeText& text) {
  return session.Execute(text.statements);
}

}  // namespace catalog
