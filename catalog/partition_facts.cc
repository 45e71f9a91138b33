#include "catalog/partition_facts.h"

#include "absl/strings/str_cat.h"
#include "catalog/json_list.h"
#include "catalog/partition_exchange.h"

namespace catalog {
namespace {

constexpr char kShape[] = R"sql(
WITH RECURSIVE above(oid, depth) AS (
  SELECT inhparent, 1 FROM pg_catalog.pg_inherits WHERE inhrelid = $1::oid
  UNION ALL
  SELECT i.inhparent, a.depth + 1 FROM above a JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.oid),
parent AS (
  SELECT c.oid, n.nspname, c.relname, t.partdefid FROM above a
  JOIN pg_catalog.pg_class c ON c.oid = a.oid AND a.depth = 1
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_partitioned_table t ON t.partrelid = c.oid),
index_here AS (
  SELECT i.*, x.relname, u.inhparent, pg_catalog.regexp_replace(
    pg_catalog.pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX .*? ON ', '\1') AS text
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  LEFT JOIN pg_catalog.pg_inherits u ON u.inhrelid = i.indexrelid WHERE i.indrelid = $1::oid),
incoming AS (
  SELECT k.*, c.relowner, pg_catalog.format('%I of %s', k.conname,
    k.conrelid::pg_catalog.regclass) AS words
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (SELECT oid FROM above))
SELECT p.nspname, p.relname,
  (SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid) FROM pg_catalog.pg_class c
   WHERE c.oid = $1::oid),
  dn.nspname, d.relname,
  coalesce((SELECT (pg_catalog.to_jsonb(i)->>'inhdetachpending')::boolean
            FROM pg_catalog.pg_inherits i WHERE i.inhrelid = $1::oid), false),
  (SELECT pg_catalog.to_json(ARRAY(
     SELECT c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_class c
     WHERE NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
       AND (c.oid IN (SELECT oid FROM above) OR c.oid = d.oid)
     UNION ALL SELECT 'foreign key ' || words FROM incoming
     WHERE NOT pg_catalog.pg_has_role(relowner, 'USAGE')))),
  (SELECT pg_catalog.to_json(ARRAY(
     SELECT x.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
     WHERE i.indrelid = p.oid AND NOT EXISTS (
       SELECT FROM index_here h WHERE h.inhparent = i.indexrelid AND h.indisvalid)))),
  (SELECT pg_catalog.to_json(ARRAY(
     SELECT DISTINCT pg_catalog.format('%I and %I', a.relname, b.relname)
     FROM index_here a JOIN index_here b ON a.text = b.text AND a.indexrelid <> b.indexrelid
     WHERE a.inhparent IS NOT NULL))),
  (SELECT pg_catalog.to_json(ARRAY(SELECT words FROM incoming ORDER BY 1))),
  (SELECT pg_catalog.to_json(ARRAY(
     SELECT pg_catalog.format('%I onto %s', k.conname, k.confrelid::pg_catalog.regclass)
     FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_constraint q ON q.oid = k.conparentid
     WHERE k.conrelid = $1::oid AND k.contype = 'f' AND q.conrelid <> k.conrelid ORDER BY 1)))
FROM parent p
LEFT JOIN pg_catalog.pg_class d ON d.oid = p.partdefid AND d.oid <> $1::oid
LEFT JOIN pg_catalog.pg_namespace dn ON dn.oid = d.relnamespace
)sql";

}  // namespace

absl::StatusOr<PartitionShape> ReadPartitionShape(Session& session, std::int64_t oid) {
  absl::StatusOr<Rows> rows = session.Query(kShape, {absl::StrCat(oid)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError("the table is a partition no more");
  const Row& row = rows->front();
  PartitionShape shape;
  shape.parent = {ToText(row[0]), ToText(row[1])};
  shape.bound = ToText(row[2]);
  shape.default_partition = {ToText(row[3]), ToText(row[4])};
  shape.is_being_detached = ToBool(row[5]);
  shape.not_ours = TextList(row[6]);
  shape.missing_indexes = TextList(row[7]);
  shape.twin_indexes = TextList(row[8]);
  shape.referrers = TextList(row[9]);
  shape.inherited_keys = TextList(row[10]);
  if (!shape.default_partition.name.empty()) {
    absl::StatusOr<std::string> bound = OwnBound(session, oid);
    if (!bound.ok()) return bound.status();
    shape.bound_is_known = !bound->empty();
  }
  return shape;
}

absl::StatusOr<std::vector<Leaf>> ReadLeaves(Session& session, std::int64_t root) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT n.nspname, c.relname, c.oid, c.relkind"
      " FROM pg_catalog.pg_partition_tree($1::oid::pg_catalog.regclass) WITH ORDINALITY t(relid,"
      " parentrelid, isleaf, level, place) JOIN pg_catalog.pg_class c ON c.oid = t.relid"
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE t.isleaf"
      " AND c.relkind <> 'p' ORDER BY t.place",
      {absl::StrCat(root)});
  if (!rows.ok()) return rows.status();
  std::vector<Leaf> leaves;
  for (const Row& row : *rows) {
    leaves.push_back({{ToText(row[0]), ToText(row[1])}, ToInt(row[2]), ToText(row[3])[0]});
  }
  return leaves;
}

}  // namespace catalog
