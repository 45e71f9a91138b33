#include "catalog/partition_exchange.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace catalog {
namespace {

using absl::StrCat;

// Foreign keys that a partition has from above, with their definitions but for when they are
// checked. $1: the partition.
constexpr char kInheritedKeys[] = R"sql(
inherited AS (
  SELECT k.oid, k.conname, k.confrelid, k.convalidated, k.condeferrable, k.condeferred,
    pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid),
      '( DEFERRABLE)?( INITIALLY DEFERRED)?( NOT VALID)?$', '') AS text
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_constraint q ON q.oid = k.conparentid
  WHERE k.conrelid = $1::oid AND k.contype = 'f' AND q.conrelid <> k.conrelid)
)sql";

// $1: the partition, $2: the other table, $3: the default partition's constraint, $4: what that has
// to say, $5: the other constraint.
constexpr char kPreparations[] = R"sql(,
named AS (SELECT c.oid, n.nspname, c.relname,
            pg_catalog.format('%I.%I', n.nspname, c.relname) AS sql
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace),
beside AS (
  SELECT d.*, k.oid AS known, k.convalidated FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_partitioned_table t ON t.partrelid = i.inhparent
  JOIN named d ON d.oid = t.partdefid AND d.oid <> $1::oid
  LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = d.oid AND k.conname = $3::text
  WHERE i.inhrelid = $1::oid),
target AS (
  SELECT d.*, k.oid AS known, k.convalidated FROM named d
  LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = d.oid AND k.conname = $5::text
  WHERE d.oid = $2::oid),
key AS (
  SELECT d.*, i.conname, i.text, i.convalidated AS to_be_valid, k.oid AS known, k.convalidated
  FROM inherited i CROSS JOIN named d
  LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = d.oid AND k.conname = i.conname
  WHERE d.oid = $2::oid)
SELECT * FROM (
  SELECT 1 AS place, nspname, relname, 'ACCESS EXCLUSIVE', pg_catalog.format(
    'ALTER TABLE %s ADD CONSTRAINT %I CHECK (NOT %s) NOT VALID', sql, $3::text, $4::text)
  FROM beside WHERE known IS NULL
  UNION ALL
  SELECT 2, nspname, relname, 'SHARE UPDATE EXCLUSIVE', pg_catalog.format(
    'ALTER TABLE %s VALIDATE CONSTRAINT %I', sql, $3::text)
  FROM beside WHERE NOT convalidated
  UNION ALL
  SELECT 3, nspname, relname, 'ACCESS EXCLUSIVE', pg_catalog.format(
    'ALTER TABLE %s ADD CONSTRAINT %I CHECK (%s) NOT VALID', sql, $5::text,
    pg_catalog.pg_get_partition_constraintdef($1::oid))
  FROM target WHERE known IS NULL
  UNION ALL
  SELECT 4, nspname, relname, 'SHARE UPDATE EXCLUSIVE', pg_catalog.format(
    'ALTER TABLE %s VALIDATE CONSTRAINT %I', sql, $5::text)
  FROM target WHERE NOT convalidated
  UNION ALL
  -- Checked when a transaction commits: the table may follow the partition a moment behind.
  SELECT 5, nspname, relname, 'SHARE ROW EXCLUSIVE', pg_catalog.format(
    'ALTER TABLE %s ADD CONSTRAINT %I %s DEFERRABLE INITIALLY DEFERRED NOT VALID', sql, conname,
    text)
  FROM key WHERE known IS NULL
  UNION ALL
  SELECT 6, nspname, relname, 'SHARE UPDATE EXCLUSIVE', pg_catalog.format(
    'ALTER TABLE %s VALIDATE CONSTRAINT %I', sql, conname)
  FROM key WHERE to_be_valid AND NOT convalidated) p
ORDER BY 1, 5 LIMIT 1
)sql";

// $1: the partition, $2: its name as SQL, $3: what it is called afterwards, $4: the constraint.
constexpr char kPartMoves[] = R"sql(,
named AS (SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS sql
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace),
parent AS (SELECT n.* FROM above a JOIN named n USING (oid) WHERE a.depth = 1),
self AS (
  SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
         pg_catalog.pg_get_partition_constraintdef(c.oid) AS terms
  FROM pg_catalog.pg_class c WHERE c.oid = $1::oid),
-- Onto tables above: those are of the whole tree, and in the way of letting a part of it go.
incoming AS (
  SELECT k.*, r.sql AS referrer, pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
  FROM pg_catalog.pg_constraint k JOIN named r ON r.oid = k.conrelid
  WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (SELECT oid FROM above)),
clone AS (
  SELECT t.*, q.tgenabled AS given, pg_catalog.obj_description(t.oid, 'pg_trigger') AS comment
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_trigger q ON q.oid = t.tgparentid
  WHERE t.tgrelid = $1::oid AND q.tgrelid <> t.tgrelid
    AND NOT pg_catalog.starts_with(t.tgname::text, 'RI_ConstraintTrigger'))
SELECT 'above', -a.depth, n.sql, NULL FROM above a JOIN named n USING (oid)
  WHERE a.depth = 1 OR EXISTS (SELECT FROM incoming)
UNION ALL SELECT 'beside', 0, d.sql, NULL FROM parent p
  JOIN pg_catalog.pg_partitioned_table t ON t.partrelid = p.oid
  JOIN named d ON d.oid = t.partdefid WHERE d.oid <> $1::oid
UNION ALL SELECT 'related', 0, referrer, NULL FROM incoming
UNION ALL SELECT 'related', 1, r.sql, NULL FROM inherited i JOIN named r ON r.oid = i.confrelid
UNION ALL SELECT 'validate', 0, referrer, conname FROM incoming WHERE convalidated
UNION ALL SELECT 'first', 0, 'SET CONSTRAINTS ALL IMMEDIATE', NULL
UNION ALL SELECT 'first', 1, pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', referrer,
  conname), NULL FROM incoming
UNION ALL SELECT 'first', 2, pg_catalog.format('ALTER TABLE %s DETACH PARTITION %s', sql, $2::text),
  NULL FROM parent
UNION ALL SELECT 'do', 10, pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', $3::text,
  conname), NULL FROM inherited
UNION ALL SELECT 'do', 57, pg_catalog.format('ALTER TABLE %s ALTER CONSTRAINT %I %s', $2::text,
  conname, CASE WHEN NOT condeferrable THEN 'NOT DEFERRABLE'
    WHEN condeferred THEN 'DEFERRABLE INITIALLY DEFERRED'
    ELSE 'DEFERRABLE INITIALLY IMMEDIATE' END), NULL FROM inherited
UNION ALL SELECT 'do', 59, pg_catalog.format('ALTER TABLE %s ATTACH PARTITION %s %s; '
  'ALTER TABLE %s DROP CONSTRAINT %I; ALTER TABLE %s ADD CONSTRAINT %I CHECK (%s) NOT VALID',
  p.sql, $2::text, s.bound, $2::text, $4::text, $3::text, $4::text, s.terms), NULL
  FROM parent p, self s
UNION ALL SELECT 'do', 60, pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s%s', referrer,
  conname, pg_catalog.pg_get_constraintdef(oid), CASE WHEN convalidated THEN ' NOT VALID' END), NULL
  FROM incoming
UNION ALL SELECT 'do', 61, pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname,
  referrer, comment), NULL FROM incoming WHERE comment IS NOT NULL
UNION ALL SELECT 'do', 61, pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname,
  $2::text, pg_catalog.obj_description(oid, 'pg_constraint')), NULL FROM inherited
  WHERE pg_catalog.obj_description(oid, 'pg_constraint') IS NOT NULL
-- Triggers come from above, in the state that they have there.
UNION ALL SELECT 'do', 62, pg_catalog.format('ALTER TABLE %s %s TRIGGER %I', $2::text,
  CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN
    'ENABLE REPLICA' ELSE 'ENABLE' END, tgname), NULL FROM clone WHERE tgenabled <> given
UNION ALL SELECT 'do', 63, pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', tgname, $2::text,
  comment), NULL FROM clone WHERE comment IS NOT NULL
)sql";

constexpr char kAbove[] = R"sql(
above(oid, depth) AS (
  SELECT inhparent, 1 FROM pg_catalog.pg_inherits WHERE inhrelid = $1::oid
  UNION ALL
  SELECT i.inhparent, a.depth + 1 FROM above a JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.oid)
)sql";

Preparation ReadPreparation(const Row& row, std::size_t first) {
  return {
      {ToText(row[first]), ToText(row[first + 1])}, ToText(row[first + 2]), ToText(row[first + 3])};
}

}  // namespace

std::string DefaultBoundConstraint(std::int64_t job_id) {
  return StrCat(kBoundConstraint, "_", job_id);
}

// The server writes the bounds of the parents and the partition's own as the terms of one AND.
absl::StatusOr<std::string> OwnBound(Session& session, std::int64_t partition) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.pg_get_partition_constraintdef(i.inhrelid),"
      " pg_catalog.pg_get_partition_constraintdef(i.inhparent)"
      " FROM pg_catalog.pg_inherits i WHERE i.inhrelid = $1::oid",
      {StrCat(partition)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError("the table is a partition no more");
  const std::string all = ToText(rows->front()[0]);
  const std::string above = ToText(rows->front()[1]);
  if (above.empty()) return all;
  const std::string as_one = StrCat("(", above, " AND ");
  const std::string as_terms =
      above.front() == '(' ? StrCat(above.substr(0, above.size() - 1), " AND ") : as_one;
  for (const std::string& prefix : {as_one, as_terms}) {
    if (absl::StartsWith(all, prefix)) return StrCat("(", all.substr(prefix.size()));
  }
  return std::string();
}

absl::Status AddBoundConstraint(Session& session, std::int64_t from, std::int64_t to) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.format('ALTER TABLE %I.%I ADD CONSTRAINT %I CHECK (%s)', n.nspname,"
      " c.relname, $3::text, pg_catalog.pg_get_partition_constraintdef($1::oid))"
      " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " WHERE c.oid = $2::oid",
      {StrCat(from), StrCat(to), kBoundConstraint});
  if (!rows.ok()) return rows.status();
  return session.Execute(ToText(rows->front()[0]));
}

absl::StatusOr<std::optional<Preparation>> NextPreparation(Session& session, std::int64_t job_id,
                                                           std::int64_t from, std::int64_t to) {
  absl::StatusOr<std::string> own = OwnBound(session, from);
  if (!own.ok()) return own.status();
  absl::StatusOr<Rows> rows = session.Query(
      StrCat("WITH", kInheritedKeys, kPreparations),
      {StrCat(from), StrCat(to), DefaultBoundConstraint(job_id), *own, kBoundConstraint});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::optional<Preparation>();
  return std::optional<Preparation>(ReadPreparation(rows->front(), 1));
}

absl::StatusOr<std::vector<Preparation>> PreparationLeftovers(Session& session,
                                                              std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT n.nspname, c.relname, 'ACCESS EXCLUSIVE', pg_catalog.format("
      " 'ALTER TABLE IF EXISTS %I.%I DROP CONSTRAINT IF EXISTS %I', n.nspname, c.relname,"
      " k.conname) FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " WHERE k.conname = $1 AND k.contype = 'c' AND k.coninhcount = 0",
      {DefaultBoundConstraint(job_id)});
  if (!rows.ok()) return rows.status();
  std::vector<Preparation> leftovers;
  for (const Row& row : *rows) leftovers.push_back(ReadPreparation(row, 0));
  return leftovers;
}

absl::StatusOr<std::vector<PartitionMove>> WritePartitionMoves(Session& session, std::int64_t from,
                                                               const std::string& name,
                                                               const std::string& retired) {
  absl::StatusOr<Rows> rows =
      session.Query(StrCat("WITH RECURSIVE", kAbove, ",", kInheritedKeys, kPartMoves),
                    {StrCat(from), name, retired, kBoundConstraint});
  if (!rows.ok()) return rows.status();
  std::vector<PartitionMove> moves;
  for (const Row& row : *rows) {
    moves.push_back(
        {ToText(row[0]), static_cast<int>(ToInt(row[1])), ToText(row[2]), ToText(row[3])});
  }
  return moves;
}

}  // namespace catalog
