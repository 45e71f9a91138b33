#include "catalog/scatter.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "catalog/set_objects.h"
#include "catalog/set_statements.h"

namespace catalog {
namespace {

using absl::StrCat;

QualifiedName RangeTable(const Structure& structure, const OrderRange& range) {
  QualifiedName name = structure.RangeTables();
  absl::StrAppend(&name.name, "_", range.number);
  return name;
}

// FROM (…) TO (…): PostgreSQL's bounds go upwards, whatever the order's direction is. NULLs lie in
// no such range; they have one of their own, or the only one there is.
std::string BoundsOf(const OrderRange& range, std::size_t columns) {
  if (range.nulls || (range.low.empty() && range.high.empty())) return "DEFAULT";
  const auto bound = [columns](const std::vector<std::string>& values, const char* otherwise) {
    std::vector<std::string> texts;
    for (const std::string& value : values) texts.push_back(QuoteLiteral(value));
    if (values.empty()) texts.assign(columns, otherwise);
    return absl::StrJoin(texts, ", ");
  };
  return absl::Substitute("FOR VALUES FROM ($0) TO ($1)", bound(range.low, "MINVALUE"),
                          bound(range.high, "MAXVALUE"));
}

// Name, type and collation of the columns that are copied.
absl::StatusOr<std::string> ColumnsOf(Session& session, const Structure& structure) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.string_agg(pg_catalog.format('%I %s%s', a.attname,"
      " pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attcollation <> 0 THEN"
      " (SELECT pg_catalog.format(' COLLATE %I.%I', n.nspname, c.collname)"
      "  FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace"
      "  WHERE c.oid = a.attcollation) END), ', ' ORDER BY a.attnum)"
      " FROM pg_catalog.pg_attribute a WHERE a.attrelid = pg_catalog.to_regclass($1)::oid"
      " AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''",
      {structure.table.Sql()});
  if (!rows.ok()) return rows.status();
  return rows->front()[0].value_or("");
}

}  // namespace

absl::Status CreateRangeTables(Session& session, const Target& target,
                               const std::vector<OrderRange>& ranges) {
  const Structure& structure = target.structure;
  const std::vector<SortColumn> cutting = CuttingColumns(structure);
  absl::StatusOr<std::string> columns = ColumnsOf(session, structure);
  if (!columns.ok()) return columns.status();
  absl::StatusOr<std::string> owner = OwnerOf(session, target.set.member_oid);
  if (!owner.ok()) return owner.status();
  const std::string key =
      absl::StrJoin(cutting, ", ", [](std::string* out, const SortColumn& column) {
        absl::StrAppend(out, QuoteName(column.column));
        if (!column.collation.name.empty()) {
          absl::StrAppend(out, " COLLATE ", column.collation.Sql());
        }
      });
  std::vector<std::string> statements = {
      absl::Substitute("CREATE TABLE $0 ($1) PARTITION BY RANGE ($2)",
                       structure.RangeTables().Sql(), *columns, key),
      absl::Substitute("ALTER TABLE $0 OWNER TO $1", structure.RangeTables().Sql(),
                       QuoteName(*owner))};
  for (const OrderRange& range : ranges) {
    const std::string table = RangeTable(structure, range).Sql();
    statements.push_back(
        absl::Substitute("CREATE TABLE $0 PARTITION OF $1 $2 WITH (autovacuum_enabled = off)",
                         table, structure.RangeTables().Sql(), BoundsOf(range, cutting.size())));
    statements.push_back(absl::Substitute("ALTER TABLE $0 OWNER TO $1", table, QuoteName(*owner)));
  }
  return session.Execute(absl::StrJoin(statements, ";\n"));
}

absl::StatusOr<bool> HasRangeTables(Session& session, const Structure& structure) {
  absl::StatusOr<Rows> rows = session.Query("SELECT pg_catalog.to_regclass($1) IS NOT NULL",
                                            {structure.RangeTables().Sql()});
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

absl::StatusOr<std::int64_t> ScatterBlocks(Session& session, const Target& target,
                                           BlockRange blocks) {
  return InsertBlocks(session, target, target.structure.RangeTables(), blocks);
}

absl::StatusOr<std::int64_t> GatherRange(Session& session, const Target& target,
                                         const OrderRange& range, std::int64_t memory_bytes) {
  const Structure& structure = target.structure;
  const std::string table = RangeTable(structure, range).Sql();
  const std::string names = QuoteNames(ColumnNames(structure));
  if (absl::Status set = LendMemory(session, memory_bytes); !set.ok()) return set;
  absl::StatusOr<Rows> copied = session.Query(absl::Substitute(
      "INSERT INTO $0 ($1) OVERRIDING SYSTEM VALUE SELECT $2 FROM $3 s ORDER BY $4",
      structure.table.Sql(), names, QuoteNames(ColumnNames(structure), "s."), table,
      OrderOf(structure.sort_key)));
  if (!copied.ok()) return copied.status();
  const std::int64_t rows = session.affected_rows();
  if (absl::Status emptied = session.Execute(StrCat("TRUNCATE ", table)); !emptied.ok()) {
    return emptied;
  }
  return rows;
}

absl::Status DropRangeTables(Session& session, const Structure& structure) {
  return session.Execute(StrCat("DROP TABLE IF EXISTS ", structure.RangeTables().Sql()));
}

}  // namespace catalog
