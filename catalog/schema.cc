#include "catalog/schema.h"

#include "absl/strings/str_cat.h"
#include "catalog/schema_partitions.h"
#include "catalog/schema_steering.h"

namespace catalog {
namespace {

// Version 1. Later versions append statements, never change these.
constexpr char kVersion1[] = R"sql(
CREATE SCHEMA restructure;
GRANT USAGE ON SCHEMA restructure TO PUBLIC;
COMMENT ON SCHEMA restructure IS
  'catalog and ledger of pg_restructure: see the views sets, structures and jobs';

CREATE TABLE restructure.version (version int NOT NULL, installed_at timestamptz NOT NULL
  DEFAULT pg_catalog.now());

CREATE TABLE restructure.set (
  set_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_name text NOT NULL, set_name text NOT NULL,
  alias regclass,
  member regclass NOT NULL,
  key_columns text[] NOT NULL, owner_columns text[] NOT NULL, shown_columns text[] NOT NULL,
  insertion text NOT NULL CHECK (insertion IN ('automatic', 'manual')),
  retention text NOT NULL CHECK (retention IN ('mandatory', 'optional')),
  live_structure bigint,
  UNIQUE (schema_name, set_name));

CREATE TABLE restructure.structure (
  structure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  set_id bigint NOT NULL REFERENCES restructure.set ON DELETE CASCADE,
  generation int NOT NULL,
  schema_name text NOT NULL, table_name text NOT NULL, table_oid regclass,
  sort_key text NOT NULL,
  columns jsonb NOT NULL,
  stage text NOT NULL DEFAULT 'building',
  capture text NOT NULL DEFAULT 'off' CHECK (capture IN ('off', 'log', 'sync')),
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  UNIQUE (set_id, generation));

CREATE TABLE restructure.job (
  job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  name text NOT NULL,
  set_id bigint,
  request text NOT NULL,
  old_structure bigint, new_structure bigint,
  phase text NOT NULL,
  open boolean NOT NULL DEFAULT true,
  outcome text,
  goal text NOT NULL,
  pause_requested boolean NOT NULL DEFAULT false,
  token bigint NOT NULL DEFAULT 0,
  holder text,
  lease_until timestamptz,
  fingerprint jsonb,
  system_identifier text NOT NULL,
  database_oid oid NOT NULL,
  swapped_at timestamptz,
  soak_until timestamptz,
  error text,
  progress text, summary text,
  wal_start pg_lsn,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  finished_at timestamptz,
  UNIQUE (job_id, token));
CREATE UNIQUE INDEX job_one_open_per_set ON restructure.job (set_id) WHERE open;

CREATE TABLE restructure.batch (
  job_id bigint NOT NULL, pass text NOT NULL, low bigint NOT NULL, high bigint,
  low_key text[], high_key text[],
  rows bigint, done boolean NOT NULL,
  PRIMARY KEY (job_id, pass, low));

CREATE TABLE restructure.event (
  job_id bigint NOT NULL, happened_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  what text NOT NULL);

CREATE FUNCTION restructure.fingerprint(structure bigint, members_from oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $f$
  SELECT jsonb_build_object(
    'columns', (SELECT jsonb_agg(jsonb_build_array(a.attname, a.atttypid, a.atttypmod,
                         a.attcollation, a.attnotnull) ORDER BY c.i)
                FROM jsonb_array_elements(n.columns) WITH ORDINALITY c(o, i)
                LEFT JOIN pg_attribute a ON a.attrelid = s.member AND a.attname = c.o->>'name'
                  AND NOT a.attisdropped),
    'key', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = s.member AND i.indisunique
                AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate
                AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C")
                     FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) k
                     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k)
                  = (SELECT array_agg(k ORDER BY k COLLATE "C") FROM unnest(s.key_columns) k)),
    'storage', (SELECT jsonb_build_array(pg_relation_filenode(s.member),
                                         pg_relation_filenode(members_from))),
    'members', jsonb_build_array(members_from),
    'table', (SELECT jsonb_build_array(c.relkind, c.relpersistence, c.relrowsecurity,
                c.relforcerowsecurity, c.relhassubclass) FROM pg_class c WHERE c.oid = s.member),
    'capture', (SELECT jsonb_object_agg(t.tgname, t.tgenabled::text || md5(p.prosrc))
                FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                WHERE t.tgrelid = s.member
                  AND starts_with(t.tgname::text, 'pg_restructure_' || n.structure_id || '_')),
    'objects', jsonb_build_array(
                (SELECT c.oid FROM pg_class c WHERE c.oid = n.table_oid),
                to_regclass('restructure.keys_' || n.structure_id)::oid,
                to_regclass('restructure.taken_' || n.structure_id)::oid,
                (SELECT jsonb_agg(a.attname || format_type(a.atttypid, a.atttypmod)
                                  ORDER BY a.attnum)
                 FROM pg_attribute a WHERE a.attrelid = n.table_oid AND a.attnum > 0),
                to_regclass('restructure.source_' || n.structure_id)::oid))
  FROM restructure.structure n JOIN restructure.set s USING (set_id)
  WHERE n.structure_id = structure
$f$;

CREATE VIEW restructure.sets AS
  SELECT s.set_id, pg_catalog.format('%I.%I', s.schema_name, s.set_name) AS set_name,
         s.alias::pg_catalog.regclass AS alias, s.member::pg_catalog.regclass AS member,
         s.owner_columns, s.key_columns, s.shown_columns, n.sort_key, s.insertion, s.retention,
         s.live_structure,
         pg_catalog.format('%I.%I', n.schema_name, n.table_name) AS side_table
  FROM restructure.set s
  LEFT JOIN restructure.structure n ON n.structure_id = s.live_structure;
COMMENT ON VIEW restructure.sets IS 'one row for each set: alias, member table, sort key, modes';

CREATE VIEW restructure.structures AS
  SELECT n.structure_id, n.set_id, n.generation,
         pg_catalog.format('%I.%I', n.schema_name, n.table_name) AS side_table, n.sort_key,
         CASE WHEN n.structure_id = s.live_structure THEN 'live'
              WHEN j.job_id IS NULL THEN 'left over'
              WHEN j.swapped_at IS NOT NULL THEN 'retired' ELSE 'replacement' END AS role,
         n.stage, n.capture, n.created_at
  FROM restructure.structure n JOIN restructure.set s USING (set_id)
  LEFT JOIN restructure.job j ON j.open AND n.structure_id IN (j.old_structure, j.new_structure);
COMMENT ON VIEW restructure.structures IS 'the side tables of each set and what they are now';

CREATE VIEW restructure.jobs AS
  SELECT job_id, kind, name, phase, open, outcome, goal, pause_requested, holder, lease_until,
         lease_until > pg_catalog.clock_timestamp() AS is_running, error, soak_until, progress,
         summary, created_at, swapped_at, finished_at
  FROM restructure.job;
COMMENT ON VIEW restructure.jobs IS 'one row for each job: phase, outcome, progress (JSON)';

GRANT SELECT ON restructure.sets, restructure.structures, restructure.jobs TO PUBLIC;

CREATE FUNCTION restructure.connect_member(set regclass, VARIADIC key text[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
  found_set restructure.sets;
  connected bigint;
BEGIN
  SELECT * INTO found_set FROM restructure.sets s WHERE s.alias = connect_member.set;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% is not a set', connect_member.set USING ERRCODE = 'undefined_table',
      HINT = 'Name the alias of a set; restructure.sets lists them.';
  END IF;
  IF cardinality(key) <> cardinality(found_set.key_columns) THEN
    RAISE EXCEPTION 'the key of set % has % columns (%), got % values', connect_member.set,
      cardinality(found_set.key_columns), array_to_string(found_set.key_columns, ', '),
      cardinality(key) USING ERRCODE = 'invalid_parameter_value';
  END IF;
  EXECUTE (SELECT format('INSERT INTO %s (%s) VALUES (%s)', connect_member.set,
                         string_agg(quote_ident(a.attname), ', ' ORDER BY k.i),
                         string_agg(format('$1[%s]::%s', k.i, format_type(a.atttypid, a.atttypmod)),
                                    ', ' ORDER BY k.i))
           FROM unnest(found_set.key_columns) WITH ORDINALITY k(name, i)
           JOIN pg_attribute a ON a.attrelid = connect_member.set AND a.attname = k.name)
    USING key;
  GET DIAGNOSTICS connected = ROW_COUNT;
  RETURN connected > 0;
END $f$;
COMMENT ON FUNCTION restructure.connect_member(regclass, text[]) IS
  'connects a row to its owner''s set; false if it is a member, is not there, or has no owner';

CREATE FUNCTION restructure.disconnect_member(set regclass, VARIADIC key text[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
  found_set restructure.sets;
  disconnected bigint;
BEGIN
  SELECT * INTO found_set FROM restructure.sets s WHERE s.alias = disconnect_member.set;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% is not a set', disconnect_member.set USING ERRCODE = 'undefined_table',
      HINT = 'Name the alias of a set; restructure.sets lists them.';
  END IF;
  IF found_set.retention = 'mandatory' THEN
    RAISE EXCEPTION 'set % has mandatory retention: a member stays while its row does',
      disconnect_member.set USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = 'Delete the row of the member table, or create the set with --retention optional.';
  END IF;
  IF cardinality(key) <> cardinality(found_set.key_columns) THEN
    RAISE EXCEPTION 'the key of set % has % columns (%), got % values', disconnect_member.set,
      cardinality(found_set.key_columns), array_to_string(found_set.key_columns, ', '),
      cardinality(key) USING ERRCODE = 'invalid_parameter_value';
  END IF;
  EXECUTE (SELECT format('DELETE FROM %s n WHERE %s', disconnect_member.set,
                         string_agg(format('n.%I = $1[%s]::%s', a.attname, k.i,
                                           format_type(a.atttypid, a.atttypmod)), ' AND '))
           FROM unnest(found_set.key_columns) WITH ORDINALITY k(name, i)
           JOIN pg_attribute a ON a.attrelid = disconnect_member.set AND a.attname = k.name)
    USING key;
  GET DIAGNOSTICS disconnected = ROW_COUNT;
  RETURN disconnected > 0;
END $f$;
COMMENT ON FUNCTION restructure.disconnect_member(regclass, text[]) IS
  'takes a member out of its set (retention optional); false if it was no member';

INSERT INTO restructure.version (version) VALUES (1)
)sql";

// Version 2: indexes.
constexpr char kVersion2[] = R"sql(
-- What a job works on, where that is no set: one open job for each.
ALTER TABLE restructure.job ADD COLUMN relation regclass;
CREATE UNIQUE INDEX job_one_open_per_relation ON restructure.job (relation) WHERE open;

CREATE TABLE restructure.index_change (
  job_id bigint PRIMARY KEY REFERENCES restructure.job ON DELETE CASCADE,
  on_table regclass NOT NULL, is_partitioned boolean NOT NULL,
  old_definition text NOT NULL, new_definition text NOT NULL,
  live_side text NOT NULL DEFAULT 'old' CHECK (live_side IN ('old', 'new')),
  constraint_name text, is_primary boolean NOT NULL, is_deferrable boolean NOT NULL,
  is_deferred boolean NOT NULL, tries text NOT NULL);

CREATE TABLE restructure.index_part (
  job_id bigint NOT NULL REFERENCES restructure.index_change ON DELETE CASCADE,
  part int NOT NULL, parent int NOT NULL,
  on_table regclass NOT NULL, is_leaf boolean NOT NULL,
  schema_name text NOT NULL, index_name text NOT NULL, new_name text NOT NULL,
  old_name text NOT NULL, is_verified boolean NOT NULL DEFAULT false,
  PRIMARY KEY (job_id, part));

CREATE TABLE restructure.index_foreign_key (
  job_id bigint NOT NULL REFERENCES restructure.index_change ON DELETE CASCADE,
  on_table regclass NOT NULL, name text NOT NULL,
  PRIMARY KEY (job_id, on_table, name));

-- A name that ends in the suffix, cut where it would be too long, numbered where it is taken.
CREATE FUNCTION restructure.free_name(schema oid, name text, suffix text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $f$
  SELECT candidate FROM generate_series(1, 100) n,
    LATERAL (SELECT suffix || CASE n WHEN 1 THEN '' ELSE '_x' || n END AS ending) e,
    LATERAL (SELECT left(name, l) || ending AS candidate FROM generate_series(length(name), 0, -1) l
             WHERE octet_length(left(name, l) || ending) <= 63 LIMIT 1) c
  WHERE NOT EXISTS (SELECT FROM pg_class o WHERE o.relnamespace = schema
                    AND o.relname = candidate::name)
    AND NOT EXISTS (SELECT FROM restructure.index_part p JOIN restructure.job j USING (job_id)
                    JOIN pg_namespace s ON s.nspname::text = p.schema_name AND s.oid = schema
                    WHERE j.open AND candidate IN (p.new_name, p.old_name))
  ORDER BY n LIMIT 1
$f$;

-- The index of that name, if it is one of that table.
CREATE FUNCTION restructure.index_state(on_table oid, schema_name text, name text,
  OUT oid oid, OUT valid boolean, OUT attached boolean) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $f$
  SELECT x.oid, i.indisvalid AND i.indisready, x.relispartition
  FROM pg_class x JOIN pg_namespace n ON n.oid = x.relnamespace
  JOIN pg_index i ON i.indexrelid = x.oid
  WHERE n.nspname::text = $2 AND x.relname::text = $3 AND i.indrelid = $1
$f$;

INSERT INTO restructure.version (version) VALUES (2)
)sql";

// Version 3: tables.
constexpr char kVersion3[] = R"sql(
-- A structure without a set is a table: one side of a job on it, kept from the other side.
ALTER TABLE restructure.structure ALTER COLUMN set_id DROP NOT NULL;
ALTER TABLE restructure.structure ADD COLUMN source regclass, ADD COLUMN key_columns text[];

CREATE TABLE restructure.table_change (
  job_id bigint PRIMARY KEY REFERENCES restructure.job ON DELETE CASCADE,
  schema_name text NOT NULL, table_name text NOT NULL,
  live_structure bigint NOT NULL,
  lost_columns text[] NOT NULL,  -- of the old table, that nothing brings back
  key_index text,                -- of the new table, by which rows are followed during the job
  live_version text);  -- of the table that bears the name, as the last exchange left it

-- What bears a name of the schema: it goes to and fro between the two sides.
CREATE TABLE restructure.table_part (
  job_id bigint NOT NULL REFERENCES restructure.table_change ON DELETE CASCADE,
  part int NOT NULL,
  kind text NOT NULL CHECK (kind IN ('table', 'index', 'sequence', 'statistics')),
  schema_name text NOT NULL, name text NOT NULL, new_name text NOT NULL, old_name text NOT NULL,
  PRIMARY KEY (job_id, part));

-- Foreign keys of tables wait for their validation, too.
ALTER TABLE restructure.index_foreign_key DROP CONSTRAINT index_foreign_key_job_id_fkey;
ALTER TABLE restructure.index_foreign_key
  ADD FOREIGN KEY (job_id) REFERENCES restructure.job ON DELETE CASCADE;

CREATE OR REPLACE FUNCTION restructure.free_name(schema oid, name text, suffix text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $f$
  SELECT candidate FROM generate_series(1, 100) n,
    LATERAL (SELECT suffix || CASE n WHEN 1 THEN '' ELSE '_x' || n END AS ending) e,
    LATERAL (SELECT left(name, l) || ending AS candidate FROM generate_series(length(name), 0, -1) l
             WHERE octet_length(left(name, l) || ending) <= 63 LIMIT 1) c
  WHERE NOT EXISTS (SELECT FROM pg_class o WHERE o.relnamespace = schema
                    AND o.relname = candidate::name)
    AND NOT EXISTS (SELECT FROM pg_statistic_ext o WHERE o.stxnamespace = schema
                    AND o.stxname::text = candidate)
    AND NOT EXISTS (SELECT FROM restructure.index_part p JOIN restructure.job j USING (job_id)
                    JOIN pg_namespace s ON s.nspname::text = p.schema_name AND s.oid = schema
                    WHERE j.open AND candidate IN (p.new_name, p.old_name))
    AND NOT EXISTS (SELECT FROM restructure.table_part p JOIN restructure.job j USING (job_id)
                    JOIN pg_namespace s ON s.nspname::text = p.schema_name AND s.oid = schema
                    WHERE j.open AND candidate IN (p.new_name, p.old_name))
  ORDER BY n LIMIT 1
$f$;

-- Changes with whatever a table is and has, rows and storage apart. What is ours does not count.
CREATE FUNCTION restructure.table_version(relation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $f$
  SELECT md5(string_agg(l.line, E'\n' ORDER BY l.line COLLATE "C")) FROM (
    SELECT concat_ws(' ', 'table', relname, relnamespace, relowner, relam, reltablespace,
                     relpersistence, relrowsecurity, relforcerowsecurity, relreplident, relacl,
                     reloptions, reloftype, relispartition) FROM pg_class WHERE oid = relation
    UNION ALL
    SELECT concat_ws(' ', 'column', attnum, xmin) FROM pg_attribute
    WHERE attrelid = relation AND attnum > 0
    UNION ALL
    SELECT concat_ws(' ', 'default', oid, xmin) FROM pg_attrdef WHERE adrelid = relation
    UNION ALL
    -- Foreign keys that are validated after an exchange do not count as changed.
    SELECT concat_ws(' ', 'constraint', conrelid, conname, contype,
                     CASE contype WHEN 'f' THEN replace(pg_get_constraintdef(oid), ' NOT VALID', '')
                     ELSE pg_get_constraintdef(oid) END, obj_description(oid, 'pg_constraint'))
    FROM pg_constraint WHERE relation IN (conrelid, confrelid)
    UNION ALL
    SELECT concat_ws(' ', 'toast', x.reloptions) FROM pg_class c
    JOIN pg_class x ON x.oid = c.reltoastrelid WHERE c.oid = relation
    UNION ALL
    SELECT concat_ws(' ', 'sequence', q.relname, q.relacl, p.seqstart, p.seqincrement, p.seqmax,
                     p.seqmin, p.seqcache, p.seqcycle, obj_description(q.oid, 'pg_class'))
    FROM pg_depend d JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'
    JOIN pg_sequence p ON p.seqrelid = q.oid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.refobjid = relation AND d.deptype = 'i'
    UNION ALL
    SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisclustered,
                     i.indisreplident, i.indimmediate, c.reltablespace, c.reloptions)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = relation
    UNION ALL
    SELECT concat_ws(' ', 'trigger', oid, xmin) FROM pg_trigger
    WHERE tgrelid = relation AND NOT tgisinternal AND NOT starts_with(tgname::text,
                                                                      'pg_restructure_')
    UNION ALL
    SELECT concat_ws(' ', 'policy', oid, xmin) FROM pg_policy WHERE polrelid = relation
    UNION ALL
    SELECT concat_ws(' ', 'statistics', oid, xmin) FROM pg_statistic_ext WHERE stxrelid = relation
    UNION ALL
    SELECT concat_ws(' ', 'publication', oid, xmin) FROM pg_publication_rel
    WHERE prrelid = relation
    UNION ALL
    SELECT concat_ws(' ', 'comment', objsubid, xmin) FROM pg_description
    WHERE classoid = 'pg_class'::regclass AND objoid = relation
    UNION ALL
    SELECT concat_ws(' ', 'inherits', inhrelid, inhparent) FROM pg_inherits
    WHERE relation IN (inhrelid, inhparent)
    UNION ALL
    SELECT concat_ws(' ', 'rule', r.oid, r.xmin, c.relowner, c.reloptions)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    WHERE c.relnamespace <> 'restructure'::regnamespace
      AND (r.ev_class = relation OR r.oid IN (
        SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_rewrite'::regclass
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relation))
    UNION ALL
    SELECT DISTINCT concat_ws(' ', 'dependant', d.classid, d.objid,
      (SELECT f.xmin FROM pg_proc f WHERE d.classid = 'pg_proc'::regclass AND f.oid = d.objid),
      (SELECT p.xmin FROM pg_policy p WHERE d.classid = 'pg_policy'::regclass AND p.oid = d.objid))
    FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = relation
      AND d.classid IN ('pg_proc'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass)
      AND NOT EXISTS (SELECT FROM pg_trigger t WHERE d.classid = 'pg_trigger'::regclass
                      AND t.oid = d.objid AND (t.tgisinternal
                      OR starts_with(t.tgname::text, 'pg_restructure_')))
  ) l(line)
$f$;

CREATE OR REPLACE FUNCTION restructure.fingerprint(structure bigint, members_from oid) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $f$
BEGIN  -- Each batch asks, and in this language it is planned once a session.
RETURN (
  SELECT jsonb_build_object(
    'columns', (SELECT jsonb_agg(jsonb_build_array(a.attname, a.atttypid, a.atttypmod,
                         a.attcollation, a.attnotnull) ORDER BY c.i)
                FROM jsonb_array_elements(n.columns) WITH ORDINALITY c(o, i)
                LEFT JOIN pg_attribute a ON a.attrelid = m.source AND a.attname = c.o->>'name'
                  AND NOT a.attisdropped),
    'key', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = m.source AND i.indisunique
                AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate
                AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C")
                     FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) k
                     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k)
                  = (SELECT array_agg(k ORDER BY k COLLATE "C") FROM unnest(m.key_columns) k)),
    'storage', (SELECT jsonb_build_array(pg_relation_filenode(m.source),
                                         pg_relation_filenode(members_from))),
    'members', jsonb_build_array(members_from),
    -- A child's rows come through its parents, too: its capture is made for that, or not.
    'table', (SELECT jsonb_build_array(c.relkind, c.relpersistence, c.relrowsecurity,
                c.relforcerowsecurity, c.relhassubclass,
                (SELECT jsonb_agg(i.inhparent ORDER BY i.inhparent) FROM pg_inherits i
                 WHERE i.inhrelid = c.oid)) FROM pg_class c WHERE c.oid = m.source),
    'capture', (SELECT jsonb_object_agg(t.tgname, t.tgenabled::text || md5(p.prosrc))
                FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                WHERE t.tgrelid = m.source
                  AND starts_with(t.tgname::text, 'pg_restructure_' || n.structure_id || '_')),
    'objects', jsonb_build_array(
                (SELECT c.oid FROM pg_class c WHERE c.oid = n.table_oid),
                to_regclass('restructure.keys_' || n.structure_id)::oid,
                to_regclass('restructure.taken_' || n.structure_id)::oid,
                (SELECT jsonb_agg(a.attname || format_type(a.atttypid, a.atttypmod)
                                  ORDER BY a.attnum)
                 FROM pg_attribute a WHERE a.attrelid = n.table_oid AND a.attnum > 0),
                to_regclass('restructure.source_' || n.structure_id)::oid))
    || CASE WHEN n.set_id IS NULL THEN
         jsonb_build_object('structure', restructure.table_version(m.source)) ELSE '{}' END
  FROM restructure.structure n LEFT JOIN restructure.set s USING (set_id),
    LATERAL (SELECT coalesce(s.member, n.source)::oid AS source,
                    coalesce(s.key_columns, n.key_columns) AS key_columns) m
  WHERE n.structure_id = structure);
END
$f$;

INSERT INTO restructure.version (version) VALUES (3)
)sql";

constexpr const char* kVersions[] = {kVersion1, kVersion2, kVersion3, kSchemaSteering,
                                     kSchemaPartitions};
static_assert(sizeof kVersions / sizeof *kVersions == kSchemaVersion);

absl::Status CheckVersion(int version) {
  if (version <= kSchemaVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("schema restructure has version ", version,
                                                    ", this program knows ", kSchemaVersion,
                                                    "\nHINT: use a newer pg_restructure."));
}

absl::Status MissingCreate(Session& session) {
  absl::StatusOr<Rows> names = session.Query(
      "SELECT pg_catalog.quote_ident(current_user),"
      " pg_catalog.quote_ident(pg_catalog.current_database())");
  if (!names.ok()) return names.status();
  const Row& row = names->front();
  return absl::PermissionDeniedError(
      absl::StrCat("role ", ToText(row[0]), " may not create the schema restructure in database ",
                   ToText(row[1]), "\nHINT: GRANT CREATE ON DATABASE ", ToText(row[1]), " TO ",
                   ToText(row[0]), "."));
}

}  // namespace

absl::StatusOr<int> InstalledSchemaVersion(Session& session) {
  absl::StatusOr<Rows> there =
      session.Query("SELECT pg_catalog.to_regclass('restructure.version')");
  if (!there.ok()) return there.status();
  if (!there->front()[0]) return 0;
  absl::StatusOr<Rows> version =
      session.Query("SELECT pg_catalog.max(version) FROM restructure.version");
  if (!version.ok()) return version.status();
  return static_cast<int>(ToInt(version->front()[0]));
}

absl::Status InstallSchema(Session& session) {
  absl::StatusOr<int> version = InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  if (*version == kSchemaVersion) return absl::OkStatus();
  if (absl::Status known = CheckVersion(*version); !known.ok()) return known;
  absl::StatusOr<Transaction> transaction = Transaction::Begin(session, "install");
  if (!transaction.ok()) return transaction.status();
  // 0x70677273 is "pgrs".
  absl::StatusOr<Rows> locked =
      session.Query("SELECT pg_catalog.pg_advisory_xact_lock(x'70677273'::int, 0)");
  if (!locked.ok()) return locked.status();
  version = InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  for (; *version < kSchemaVersion; ++*version) {
    absl::Status created = session.Execute(kVersions[*version]);
    if (absl::IsPermissionDenied(created) && *version == 0) {
      { Transaction rolled_back = *std::move(transaction); }
      return MissingCreate(session);
    }
    if (absl::IsPermissionDenied(created)) {
      return absl::PermissionDeniedError(absl::StrCat(
          "schema restructure is of an older version and cannot be upgraded: ", created.message(),
          "\nHINT: let its owner run any pg_restructure command that starts a job."));
    }
    if (!created.ok()) return created;
  }
  return transaction->Commit();
}

}  // namespace catalog
