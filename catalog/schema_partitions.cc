#include "catalog/schema_partitions.h"

namespace catalog {

const char kSchemaPartitions[] = R"sql(
ALTER TABLE restructure.table_change ADD COLUMN is_partition boolean NOT NULL DEFAULT false;

-- One run over all partitions of a partitioned table: a job for each of them, one after another.
CREATE TABLE restructure.tree (
  tree_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  root regclass NOT NULL, name text NOT NULL, request text NOT NULL,
  open boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now());
CREATE UNIQUE INDEX tree_one_open_per_root ON restructure.tree (root) WHERE open;
ALTER TABLE restructure.job ADD COLUMN tree_id bigint REFERENCES restructure.tree;

-- Changes with whatever a table is and has, rows and storage apart. What is ours does not count.
CREATE OR REPLACE FUNCTION restructure.table_version(relation oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $f$
BEGIN  -- It is asked under a lock that readers feel, and in this language planned once a session.
RETURN (
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
    -- The server chooses the names of those that refer to a partition through its parents.
    SELECT concat_ws(' ', 'constraint', conrelid,
                     CASE WHEN conrelid = relation OR conparentid = 0 THEN conname END, contype,
                     CASE contype WHEN 'f' THEN replace(pg_get_constraintdef(oid), ' NOT VALID', '')
                     ELSE pg_get_constraintdef(oid) END, obj_description(oid, 'pg_constraint'))
    FROM pg_constraint WHERE relation IN (conrelid, confrelid)
      AND NOT starts_with(conname::text, 'pg_restructure_')
    UNION ALL
    SELECT concat_ws(' ', 'bound', pg_get_partition_constraintdef(oid)) FROM pg_class
    WHERE oid = relation AND relispartition
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
  ) l(line));
END
$f$;

INSERT INTO restructure.version (version) VALUES (5)
)sql";

}  // namespace catalog
