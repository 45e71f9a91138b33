#include "catalog/doctor.h"

#include "absl/strings/str_cat.h"
#include "catalog/schema.h"

namespace catalog {
namespace {

// Each row: what, hint. `busy` are the structures of open jobs.
constexpr char kFindings[] = R"sql(
WITH busy AS (
  SELECT pg_catalog.unnest(ARRAY[old_structure, new_structure]) AS id
  FROM restructure.job WHERE open),
live AS (SELECT live_structure AS id FROM restructure.set),
ours AS (
  SELECT t.oid, t.tgname, t.tgenabled, t.tgrelid,
         pg_catalog.split_part(t.tgname::text, '_', 3)::bigint AS id,
         pg_catalog.split_part(t.tgname::text, '_', 4) AS kind
  FROM pg_catalog.pg_trigger t
  WHERE t.tgname::text ~ '^pg_restructure_[0-9]+_(log|sync|mirror)'),
helpers AS (
  SELECT c.relname::text AS name, 'relation' AS what,
         pg_catalog.split_part(c.relname::text, '_', 2)::bigint AS id,
         pg_catalog.split_part(c.relname::text, '_', 1) AS kind
  FROM pg_catalog.pg_class c WHERE c.relnamespace = 'restructure'::pg_catalog.regnamespace
    AND c.relkind IN ('r', 'v', 'p')
    AND c.relname::text ~ '^(source|keys|taken|scatter)_[0-9]+$'
  UNION ALL
  SELECT p.proname::text, 'function', pg_catalog.split_part(p.proname::text, '_', 2)::bigint,
         pg_catalog.split_part(p.proname::text, '_', 1)
  FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'restructure'::pg_catalog.regnamespace
    AND p.proname::text ~ '^(log|sync|mirror|apply)_[0-9]+$')
SELECT pg_catalog.format('structure %s (%I.%I) is neither live nor part of an open job',
         n.structure_id, n.schema_name, coalesce(c.relname::text, n.table_name)),
       CASE WHEN n.set_id IS NULL
            THEN 'drop its triggers and helpers, and delete its row from restructure.structure; '
                 'the table itself may be the one that bears the name.'
            ELSE 'drop its table and triggers, and delete its row from restructure.structure.' END
FROM restructure.structure n LEFT JOIN pg_catalog.pg_class c ON c.oid = n.table_oid
WHERE n.structure_id NOT IN (SELECT id FROM live WHERE id IS NOT NULL)
  AND n.structure_id NOT IN (SELECT id FROM busy WHERE id IS NOT NULL)
UNION ALL
SELECT pg_catalog.format('trigger %I on %s is left over', o.tgname,
         o.tgrelid::pg_catalog.regclass),
       pg_catalog.format('DROP TRIGGER %I ON %s.', o.tgname, o.tgrelid::pg_catalog.regclass)
FROM ours o
WHERE o.id NOT IN (SELECT id FROM busy WHERE id IS NOT NULL)
  AND (o.kind = 'log' OR o.id NOT IN (SELECT id FROM live WHERE id IS NOT NULL))
UNION ALL
SELECT pg_catalog.format('trigger %I on %s does not fire always (%s): the set is not kept equal',
         o.tgname, o.tgrelid::pg_catalog.regclass, o.tgenabled),
       pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I, then verify the set.',
         o.tgrelid::pg_catalog.regclass, o.tgname)
FROM ours o JOIN live ON live.id = o.id WHERE o.kind = 'sync' AND o.tgenabled <> 'A'
  AND o.id NOT IN (SELECT id FROM busy WHERE id IS NOT NULL)
UNION ALL
SELECT pg_catalog.format('set %I.%I has %s of its 4 upkeep triggers: it is not kept equal',
         s.schema_name, s.set_name, (SELECT pg_catalog.count(*) FROM ours o
           WHERE o.id = s.live_structure AND o.kind = 'sync')),
       'drop the set and create it again.'
FROM restructure.set s WHERE s.live_structure IS NOT NULL
  AND s.live_structure NOT IN (SELECT id FROM busy WHERE id IS NOT NULL)
  AND 4 <> (SELECT pg_catalog.count(*) FROM ours o
            WHERE o.id = s.live_structure AND o.kind = 'sync')
  AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = s.member)
UNION ALL
SELECT pg_catalog.format('%s restructure.%I is left over', h.what, h.name),
       pg_catalog.format('drop it: no set and no open job uses it.')
FROM helpers h
WHERE h.id NOT IN (SELECT id FROM busy WHERE id IS NOT NULL)
  AND (h.kind IN ('keys', 'taken', 'scatter', 'log', 'apply')
    OR h.id NOT IN (SELECT id FROM live WHERE id IS NOT NULL))
UNION ALL
SELECT pg_catalog.format('index %s is invalid', i.indexrelid::pg_catalog.regclass),
       pg_catalog.format('REINDEX INDEX CONCURRENTLY %s.', i.indexrelid::pg_catalog.regclass)
FROM pg_catalog.pg_index i JOIN restructure.structure n ON n.table_oid = i.indrelid
WHERE NOT i.indisvalid AND n.set_id IS NOT NULL
UNION ALL
SELECT pg_catalog.format('the member table of set %I.%I is gone', s.schema_name, s.set_name),
       pg_catalog.format('pg_restructure drop set %I.%I', s.schema_name, s.set_name)
FROM restructure.set s WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = s.member)
UNION ALL
SELECT pg_catalog.format('the alias of set %I.%I is gone', s.schema_name, s.set_name),
       pg_catalog.format('pg_restructure drop set %I.%I, and create it again', s.schema_name,
         s.set_name)
FROM restructure.set s WHERE s.alias IS NOT NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = s.alias)
  AND NOT EXISTS (SELECT FROM restructure.job j WHERE j.open AND j.set_id = s.set_id)
UNION ALL
SELECT pg_catalog.format('server process %s (%s) belongs to no running job', a.pid,
         a.application_name),
       pg_catalog.format('SELECT pg_terminate_backend(%s).', a.pid)
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database()
  AND a.application_name ~ '^pg_restructure job [0-9]+ '
  AND NOT EXISTS (SELECT FROM restructure.job j
    WHERE j.job_id::text = pg_catalog.split_part(a.application_name, ' ', 3)
      AND j.lease_until > pg_catalog.clock_timestamp() - interval '5 seconds')
)sql";

// From version 2 of the schema on: indexes that a job was to take away, or died over.
constexpr char kIndexFindings[] = R"sql(
SELECT pg_catalog.format('index %I.%I of job %s is left over%s', n.nspname, o.name, j.job_id,
         CASE WHEN x.valid THEN '' ELSE ' and invalid' END),
       pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I.', n.nspname, o.name)
FROM restructure.index_part p JOIN restructure.job j USING (job_id)
  JOIN pg_catalog.pg_class c ON c.oid = p.on_table
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
  LATERAL (VALUES (p.new_name), (p.old_name)) o(name),
  LATERAL restructure.index_state(p.on_table, n.nspname::text, o.name) x
WHERE NOT j.open AND NOT EXISTS (
  SELECT FROM restructure.index_part q JOIN restructure.job k USING (job_id)
  WHERE k.open AND q.schema_name = p.schema_name AND o.name IN (q.new_name, q.old_name))
)sql";

// From version 3 on: tables that a job was to take away, and jobs that somebody took one away from.
// The names of a job come back in the next one on the same table: it may be that one's.
constexpr char kTableFindings[] = R"sql(
SELECT pg_catalog.format('table %I.%I of job %s on %s is left over', p.schema_name, o.name,
         pg_catalog.max(p.job_id), j.name),
       pg_catalog.format('look whether its rows are wanted, then DROP TABLE %I.%I.', p.schema_name,
         o.name)
FROM restructure.table_part p JOIN restructure.job j USING (job_id),
  LATERAL (VALUES (p.new_name), (p.old_name)) o(name)
WHERE p.kind = 'table' AND NOT j.open
  AND EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n
              ON n.oid = c.relnamespace WHERE n.nspname::text = p.schema_name
              AND c.relname::text = o.name AND c.relkind = 'r')
  AND NOT EXISTS (
    SELECT FROM restructure.table_part q JOIN restructure.job k USING (job_id)
    WHERE k.open AND q.schema_name = p.schema_name AND o.name IN (q.new_name, q.old_name))
GROUP BY p.schema_name, o.name, j.name
UNION ALL
SELECT pg_catalog.format('job %s on %s has lost its table %I.%I', j.job_id, j.name, p.schema_name,
         CASE n.structure_id WHEN t.live_structure THEN p.name WHEN j.old_structure THEN p.old_name
              ELSE p.new_name END),
       CASE WHEN n.structure_id = t.live_structure
            THEN pg_catalog.format(CASE WHEN j.swapped_at IS NULL
                   THEN 'its rows are in %s, which goes too: keep what is wanted, then '
                   ELSE 'its rows are in %s, which stays: rename it after ' END, m.table_oid)
            ELSE '' END
       || pg_catalog.format('pg_restructure %s %s',
            CASE WHEN j.swapped_at IS NULL THEN 'abort' ELSE 'finish' END, j.job_id)
FROM restructure.job j JOIN restructure.table_change t USING (job_id)
JOIN restructure.table_part p ON p.job_id = j.job_id AND p.kind = 'table'
JOIN restructure.structure n ON n.structure_id IN (j.old_structure, j.new_structure)
JOIN restructure.structure m ON m.structure_id IN (j.old_structure, j.new_structure)
  AND m.structure_id <> n.structure_id
WHERE j.open AND n.table_oid IS NOT NULL AND n.stage <> 'emptied'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = n.table_oid)
UNION ALL
SELECT pg_catalog.format('constraint %I on %s is left over', k.conname,
         k.conrelid::pg_catalog.regclass),
       pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I.', k.conrelid::pg_catalog.regclass,
         k.conname)
FROM pg_catalog.pg_constraint k
WHERE k.contype = 'c' AND k.coninhcount = 0 AND k.conname ~ '^pg_restructure_bound(_[0-9]+)?$'
  AND NOT EXISTS (
    SELECT FROM restructure.job j LEFT JOIN restructure.structure n
      ON n.structure_id IN (j.old_structure, j.new_structure)
    WHERE j.open AND (n.table_oid::oid = k.conrelid
                      OR k.conname::text = 'pg_restructure_bound_' || j.job_id))
)sql";

absl::Status AddFindings(Session& session, const char* query, Diagnosis* diagnosis) {
  absl::StatusOr<Rows> findings = session.Query(query);
  if (!findings.ok()) return findings.status();
  for (const Row& row : *findings) diagnosis->findings.push_back({ToText(row[0]), ToText(row[1])});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Diagnosis> Diagnose(Session& session) {
  Diagnosis diagnosis;
  absl::StatusOr<int> version = InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  if (*version == 0) return diagnosis;
  absl::Status added = AddFindings(session, kFindings, &diagnosis);
  if (added.ok() && *version >= 2) added = AddFindings(session, kIndexFindings, &diagnosis);
  if (added.ok() && *version >= 3) added = AddFindings(session, kTableFindings, &diagnosis);
  if (!added.ok()) return added;
  absl::StatusOr<Rows> jobs = session.Query(
      "SELECT pg_catalog.format('job %s on %s is open, phase %s%s', job_id, name, phase,"
      " CASE WHEN lease_until > pg_catalog.clock_timestamp() THEN '' ELSE ', not running' END)"
      " FROM restructure.job WHERE open ORDER BY job_id");
  if (!jobs.ok()) return jobs.status();
  for (const Row& row : *jobs) diagnosis.notes.push_back(ToText(row[0]));
  return diagnosis;
}

}  // namespace catalog
