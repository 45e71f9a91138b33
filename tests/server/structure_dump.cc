#include "tests/server/structure_dump.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace server {
namespace {

struct Setting {
  const char* name;
  const char* value;
};

constexpr Setting kPinned[] = {
    {"search_path", "pg_catalog, pg_temp"},
    {"DateStyle", "ISO, YMD"},
    {"IntervalStyle", "postgres"},
    {"TimeZone", "UTC"},
    {"extra_float_digits", "1"},
    {"bytea_output", "hex"},
    {"quote_all_identifiers", "off"},
};

// What DROP TABLE … CASCADE would drop, which is all that belongs to the table or depends on it.
// A view depends on a table through its rule _RETURN, and only that edge is followed backwards.
// A TOAST table and the triggers behind a foreign key have names with OIDs in them: their
// properties are among those of the table and of the constraint.
constexpr char kObjects[] = R"(
WITH RECURSIVE reached(classid, objid, objsubid) AS (
  SELECT 'pg_class'::regclass::oid, $1::regclass::oid, 0
  UNION
  SELECT next.classid, next.objid, next.objsubid
  FROM reached r
  CROSS JOIN LATERAL (
    SELECT d.classid, d.objid, d.objsubid FROM pg_depend d
    WHERE d.refclassid = r.classid AND d.refobjid = r.objid
      AND (r.objsubid = 0 OR d.refobjsubid = r.objsubid)
    UNION ALL
    SELECT d.refclassid, d.refobjid, 0 FROM pg_depend d
    WHERE r.classid = 'pg_rewrite'::regclass AND d.classid = r.classid AND d.objid = r.objid
      AND d.deptype = 'i'
  ) next
  WHERE NOT EXISTS (
      SELECT FROM pg_class c
      WHERE next.classid = 'pg_class'::regclass AND c.oid = next.objid AND c.relkind = 't')
    AND NOT EXISTS (
      SELECT FROM pg_trigger t
      WHERE next.classid = 'pg_trigger'::regclass AND t.oid = next.objid
        AND (t.tgisinternal OR t.tgname LIKE 'pg\_restructure%'))
    AND NOT EXISTS (
      SELECT FROM pg_constraint k
      WHERE next.classid = 'pg_constraint'::regclass AND k.oid = next.objid
        AND k.contype = 't' AND k.conname LIKE 'pg\_restructure%')
    AND NOT EXISTS (
      SELECT FROM pg_identify_object_as_address(next.classid, next.objid, next.objsubid) a
      WHERE a.object_names[1] = 'restructure'
         OR a.type = 'type' AND a.object_names[1] LIKE 'restructure.%')
), object AS MATERIALIZED (
  SELECT r.classid, r.objid, r.objsubid, i.type AS kind, i.identity AS name
  FROM reached r
  CROSS JOIN LATERAL pg_identify_object(r.classid, r.objid, r.objsubid) i
  WHERE r.objsubid = 0
     OR (r.classid, r.objid, 0) NOT IN (SELECT w.classid, w.objid, w.objsubid FROM reached w)
), relation AS MATERIALIZED (
  SELECT o.kind, o.name, c.* FROM object o JOIN pg_class c ON c.oid = o.objid
  WHERE o.classid = 'pg_class'::regclass AND o.objsubid = 0
), attribute AS MATERIALIZED (
  -- Also single columns that were reached, e.g. those of our row type in other tables.
  SELECT o.kind AS owner_kind, o.name AS owner_name, o.objsubid, c.relkind, c.relowner, a.*
  FROM object o
  JOIN pg_class c ON c.oid = o.objid AND c.relkind <> 'S'
  CROSS JOIN LATERAL (
    SELECT row_number() OVER (ORDER BY p.attnum) AS place, p.* FROM pg_attribute p
    WHERE p.attrelid = c.oid AND p.attnum > 0 AND NOT p.attisdropped
  ) a
  WHERE o.classid = 'pg_class'::regclass AND o.objsubid IN (0, a.attnum)
), named_column AS (
  SELECT a.*, a.owner_kind AS kind, a.owner_name AS name,
         format('column %s %I ', lpad(a.place::text, 4, '0'), a.attname) AS prefix
  FROM attribute a WHERE a.relkind NOT IN ('i', 'I')
)
)";

// The rest are queries for (kind, name, property, value), for UNION ALL. A NULL is no property.

constexpr char kEveryObject[] = R"(
SELECT o.kind, o.name, 'exists', 'yes' FROM object o
UNION ALL
SELECT o.kind, o.name, 'comment', d.description
FROM object o
JOIN pg_description d
  ON d.classoid = o.classid AND d.objoid = o.objid AND d.objsubid = o.objsubid
UNION ALL
SELECT o.kind, o.name, format('security label of part %s by %s', p.place, l.provider), l.label
FROM object o
JOIN pg_seclabel l ON l.classoid = o.classid AND l.objoid = o.objid
CROSS JOIN LATERAL (
  SELECT coalesce(max(a.place), 0) AS place FROM attribute a
  WHERE l.classoid = 'pg_class'::regclass AND a.attrelid = l.objoid AND a.attnum = l.objsubid
) p
UNION ALL
SELECT o.kind, o.name, format('depends on extension as %s', d.deptype), e.extname
FROM object o
JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.objid
  AND d.refclassid = 'pg_extension'::regclass
JOIN pg_extension e ON e.oid = d.refobjid
)";

constexpr char kRelations[] = R"(
SELECT c.kind, c.name, v.property, v.value
FROM relation c
LEFT JOIN pg_am m ON m.oid = c.relam
LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
CROSS JOIN LATERAL (VALUES
  ('owner', c.relowner::regrole::text),
  ('access method', m.amname),
  ('tablespace', s.spcname),
  ('persistence', c.relpersistence::text),
  ('row security', c.relrowsecurity::text),
  ('row security forced', c.relforcerowsecurity::text),
  ('replica identity', c.relreplident::text),
  ('populated', c.relispopulated::text),
  ('of type', nullif(c.reloftype, 0)::regtype::text),
  ('partition bound', pg_get_expr(c.relpartbound, c.oid)),
  ('partition key', CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END),
  ('definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END)
) v(property, value)
UNION ALL
SELECT c.kind, c.name, 'option', unnest(c.reloptions) FROM relation c
UNION ALL
SELECT c.kind, c.name, 'toast option', unnest(t.reloptions)
FROM relation c JOIN pg_class t ON t.oid = c.reltoastrelid
UNION ALL
SELECT c.kind, c.name, 'parent ' || i.inhseqno, i.inhparent::regclass::text
FROM relation c JOIN pg_inherits i ON i.inhrelid = c.oid
UNION ALL
SELECT c.kind, c.name, 'subscription', s.subname
FROM relation c JOIN pg_subscription_rel r ON r.srrelid = c.oid
JOIN pg_subscription s ON s.oid = r.srsubid
)";

// 15.20 (not 14.23, not 18.4) stamps each column with a WAL position when its table is created or
// rewritten, as an option pg_attver that ALTER TABLE cannot set or reset and pg_dump leaves out: it
// is never the same in two relations.
constexpr char kColumns[] = R"(
SELECT a.kind, a.name, a.prefix || v.property, v.value
FROM named_column a
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
CROSS JOIN LATERAL (VALUES
  ('type', format_type(a.atttypid, a.atttypmod)),
  ('collation', nullif(a.attcollation, 0)::regcollation::text),
  ('not null', a.attnotnull::text),
  ('expression', pg_get_expr(d.adbin, d.adrelid)),
  ('identity', nullif(a.attidentity::text, '')),
  ('generated', nullif(a.attgenerated::text, '')),
  ('storage', a.attstorage::text),
  ('compression', nullif(a.attcompression::text, '')),
  ('statistics', nullif(a.attstattarget, -1)::text),
  ('local', a.attislocal::text),
  ('inherited', nullif(a.attinhcount, 0)::text),
  ('comment', col_description(a.attrelid, a.attnum))
) v(property, value)
UNION ALL
SELECT a.kind, a.name, a.prefix || 'option', o.option
FROM named_column a CROSS JOIN LATERAL unnest(a.attoptions) o(option)
WHERE o.option NOT LIKE 'pg\_attver=%'
UNION ALL
SELECT a.owner_kind, a.owner_name, format('part %s %s', a.place, v.property), v.value
FROM attribute a
CROSS JOIN LATERAL (VALUES
  ('type', format_type(a.atttypid, a.atttypmod)),
  ('statistics', nullif(a.attstattarget, -1)::text)
) v(property, value)
WHERE a.relkind IN ('i', 'I')
UNION ALL
SELECT o.kind, o.name, 'expression', pg_get_expr(d.adbin, d.adrelid)
FROM object o JOIN pg_attrdef d ON o.classid = 'pg_attrdef'::regclass AND d.oid = o.objid
)";

// Only checks, and from 18 on NOT NULL, are inherited by children in the usual sense; of the others
// the mark tells how a partition came to its constraint, and nobody can change it.
// The states of the internal triggers: DISABLE TRIGGER ALL silences foreign keys, too.
constexpr char kConstraints[] = R"(
SELECT o.kind, o.name, v.property, v.value
FROM object o JOIN pg_constraint k ON o.classid = 'pg_constraint'::regclass AND k.oid = o.objid
CROSS JOIN LATERAL (VALUES
  ('type', k.contype::text),
  ('definition', pg_get_constraintdef(k.oid)),
  ('valid', k.convalidated::text),
  ('deferrable', k.condeferrable::text),
  ('deferred', k.condeferred::text),
  ('local', k.conislocal::text),
  ('inherited', nullif(k.coninhcount, 0)::text),
  ('not inherited by children',
   CASE WHEN k.contype IN ('c', 'n') THEN k.connoinherit::text END),
  ('index', nullif(k.conindid, 0)::regclass::text)
) v(property, value)
UNION ALL
SELECT DISTINCT o.kind, o.name,
  format('%s on %s', t.tgfoid::regprocedure, t.tgrelid::regclass), t.tgenabled::text
FROM object o
JOIN pg_trigger t ON o.classid = 'pg_constraint'::regclass AND t.tgconstraint = o.objid
WHERE t.tgisinternal
)";

constexpr char kIndexes[] = R"(
SELECT o.kind, o.name, v.property, v.value
FROM object o
JOIN pg_index i ON o.classid = 'pg_class'::regclass AND i.indexrelid = o.objid
CROSS JOIN LATERAL (VALUES
  ('table', i.indrelid::regclass::text),
  ('definition', pg_get_indexdef(i.indexrelid)),
  ('primary', i.indisprimary::text),
  ('valid', i.indisvalid::text),
  ('ready', i.indisready::text),
  ('live', i.indislive::text),
  ('immediate', i.indimmediate::text),
  ('clustered', i.indisclustered::text),
  ('is replica identity', i.indisreplident::text)
) v(property, value)
)";

constexpr char kTriggersAndRules[] = R"(
SELECT o.kind, o.name, v.property, v.value
FROM object o JOIN pg_trigger t ON o.classid = 'pg_trigger'::regclass AND t.oid = o.objid
CROSS JOIN LATERAL (VALUES
  ('definition', pg_get_triggerdef(t.oid)), ('enabled', t.tgenabled::text)
) v(property, value)
UNION ALL
SELECT o.kind, o.name, v.property, v.value
FROM object o JOIN pg_rewrite r ON o.classid = 'pg_rewrite'::regclass AND r.oid = o.objid
CROSS JOIN LATERAL (VALUES
  ('definition', pg_get_ruledef(r.oid)), ('enabled', r.ev_enabled::text)
) v(property, value)
)";

constexpr char kPolicies[] = R"(
SELECT o.kind, o.name, v.property, v.value
FROM object o JOIN pg_policy p ON o.classid = 'pg_policy'::regclass AND p.oid = o.objid
CROSS JOIN LATERAL (
  SELECT string_agg(CASE member.role WHEN 0 THEN 'PUBLIC' ELSE member.role::regrole::text END,
                    ', ' ORDER BY member.role::regrole::text COLLATE "C") AS names
  FROM unnest(p.polroles) member(role)
) roles
CROSS JOIN LATERAL (VALUES
  ('command', p.polcmd::text),
  ('permissive', p.polpermissive::text),
  ('roles', roles.names),
  ('using', pg_get_expr(p.polqual, p.polrelid)),
  ('check', pg_get_expr(p.polwithcheck, p.polrelid))
) v(property, value)
)";

constexpr char kStatistics[] = R"(
SELECT o.kind, o.name, v.property, v.value
FROM object o
JOIN pg_statistic_ext s ON o.classid = 'pg_statistic_ext'::regclass AND s.oid = o.objid
CROSS JOIN LATERAL (VALUES
  ('definition', pg_get_statisticsobjdef(s.oid)),
  ('target', nullif(s.stxstattarget, -1)::text),
  ('owner', s.stxowner::regrole::text)
) v(property, value)
)";

constexpr char kSequences[] = R"(
SELECT c.kind, c.name, v.property, v.value
FROM relation c JOIN pg_sequence s ON s.seqrelid = c.oid
CROSS JOIN LATERAL (VALUES
  ('type', format_type(s.seqtypid, NULL)),
  ('start', s.seqstart::text),
  ('increment', s.seqincrement::text),
  ('minimum', s.seqmin::text),
  ('maximum', s.seqmax::text),
  ('cache', s.seqcache::text),
  ('cycle', s.seqcycle::text)
) v(property, value)
UNION ALL
SELECT c.kind, c.name, format('belongs as %s', d.deptype),
  format('%s.%I', d.refobjid::regclass, a.attname)
FROM relation c
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
  AND d.refclassid = d.classid AND d.deptype IN ('a', 'i')
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE c.relkind = 'S'
)";

constexpr char kFunctionsAndTypes[] = R"(
SELECT o.kind, o.name, v.property, v.value
FROM object o JOIN pg_proc f ON o.classid = 'pg_proc'::regclass AND f.oid = o.objid
CROSS JOIN LATERAL (VALUES
  ('definition', CASE WHEN f.prokind <> 'a' THEN pg_get_functiondef(f.oid) END),
  ('owner', f.proowner::regrole::text)
) v(property, value)
UNION ALL
SELECT o.kind, o.name, v.property, v.value
FROM object o JOIN pg_type t ON o.classid = 'pg_type'::regclass AND t.oid = o.objid
CROSS JOIN LATERAL (VALUES
  ('type', t.typtype::text),
  ('owner', t.typowner::regrole::text),
  ('relation', nullif(t.typrelid, 0)::regclass::text),
  ('base', format_type(nullif(t.typbasetype, 0), t.typtypmod))
) v(property, value)
)";

// A NULL ACL is PostgreSQL's default for that kind of object.
constexpr char kPrivileges[] = R"(
SELECT p.kind, p.name,
  format('%sprivilege %s of %s from %s', p.prefix, e.privilege_type,
         CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE e.grantee::regrole::text END,
         e.grantor::regrole),
  CASE WHEN e.is_grantable THEN 'with grant option' ELSE 'plain' END
FROM (
  SELECT c.kind, c.name, '' AS prefix, coalesce(c.relacl, acldefault(
    CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)) AS acl
  FROM relation c WHERE c.relkind NOT IN ('i', 'I', 'c')
  UNION ALL
  SELECT a.kind, a.name, a.prefix, a.attacl FROM named_column a
  UNION ALL
  SELECT o.kind, o.name, '', coalesce(f.proacl, acldefault('f', f.proowner))
  FROM object o JOIN pg_proc f ON o.classid = 'pg_proc'::regclass AND f.oid = o.objid
  UNION ALL
  SELECT o.kind, o.name, '', coalesce(t.typacl, acldefault('T', t.typowner))
  FROM object o JOIN pg_type t ON o.classid = 'pg_type'::regclass AND t.oid = o.objid
) p
CROSS JOIN LATERAL aclexplode(p.acl) e
)";

// As declared, and in effect: also FOR ALL TABLES and FOR TABLES IN SCHEMA.
constexpr char kPublicationsUntil14[] = R"(
SELECT c.kind, c.name, 'published by ' || quote_ident(p.pubname), 'yes'
FROM relation c
JOIN pg_publication_tables p
  ON p.schemaname = c.relnamespace::regnamespace::name AND p.tablename = c.relname
)";

constexpr char kPublicationsSince15[] = R"(
SELECT o.kind, o.name, v.property, v.value
FROM object o
JOIN pg_publication_rel r ON o.classid = 'pg_publication_rel'::regclass AND r.oid = o.objid
CROSS JOIN LATERAL (VALUES
  ('columns', (
     SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs))),
  ('filter', pg_get_expr(r.prqual, r.prrelid))
) v(property, value)
UNION ALL
SELECT c.kind, c.name, format('published by %I %s', p.pubname, v.property), v.value
FROM relation c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_publication_tables p ON p.schemaname = n.nspname AND p.tablename = c.relname
CROSS JOIN LATERAL (VALUES
  ('columns', array_to_string(p.attnames, ', ')), ('filter', coalesce(p.rowfilter, 'none'))
) v(property, value)
)";

std::string DumpQuery(std::int64_t version) {
  const std::vector<std::string> pieces = {
      kEveryObject, kRelations,
      kColumns,     kConstraints,
      kIndexes,     kTriggersAndRules,
      kPolicies,    kStatistics,
      kSequences,   kFunctionsAndTypes,
      kPrivileges,  version < 150000 ? kPublicationsUntil14 : kPublicationsSince15};
  return absl::StrCat(kObjects,
                      "SELECT DISTINCT format('%s %s: %s = %s', kind, name, property, "
                      "replace(replace(value, '\\', '\\\\'), chr(10), '\\n')) COLLATE \"C\" FROM (",
                      absl::StrJoin(pieces, "UNION ALL"),
                      ") line(kind, name, property, value) WHERE value IS NOT NULL ORDER BY 1");
}

}  // namespace

PinnedText::PinnedText(Client& sql) : sql_(sql) {
  for (const Setting& setting : kPinned) {
    former_.push_back(sql_.Text("SELECT pg_catalog.current_setting($1)", {{setting.name}}));
  }
  for (const Setting& setting : kPinned) {
    (void)sql_.Query("SELECT pg_catalog.set_config($1, $2, false)",
                     {{setting.name}, {setting.value}});
  }
}

PinnedText::~PinnedText() {
  try {
    for (std::size_t i = 0; i < former_.size(); ++i) {
      (void)sql_.Query("SELECT pg_catalog.set_config($1, $2, false)",
                       {{kPinned[i].name}, former_[i]});
    }
  } catch (const ServerError&) {
    // The session is gone, or its transaction has failed and takes the settings back by itself.
  }
}

std::string StructureDump(Client& sql, const std::string& table) {
  const std::int64_t version = sql.Number("SHOW server_version_num");
  const PinnedText pinned(sql);
  std::string dump;
  for (const Row& row : sql.Query(DumpQuery(version), {{table}})) {
    absl::StrAppend(&dump, row[0].value_or("NULL"), "\n");
  }
  return dump;
}

}  // namespace server
