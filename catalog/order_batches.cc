#include "catalog/order_batches.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "catalog/json_list.h"
#include "catalog/set_statements.h"

namespace catalog {
namespace {

using absl::StrCat;

constexpr char kPass[] = "order";

const Column* Find(const Structure& structure, const std::string& name) {
  for (const Column& column : structure.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

std::string WithCollation(const SortColumn& column, const std::string& value) {
  if (column.collation.name.empty()) return value;
  return StrCat(value, " COLLATE ", column.collation.Sql());
}

std::string RowOf(const std::vector<SortColumn>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const SortColumn& column) {
    absl::StrAppend(out, WithCollation(column, StrCat("s.", QuoteName(column.column))));
  });
}

// (s.a, s.b) > ($1::int, $2::text): the values as parameters.
std::string Bound(const Target& target, const std::vector<SortColumn>& columns,
                  const char* comparison, std::size_t first_parameter) {
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column* column = Find(target.structure, columns[i].column);
    parameters.push_back(
        WithCollation(columns[i], StrCat("$", first_parameter + i, "::", column->type)));
  }
  return StrCat("(", RowOf(columns), ") ", comparison, " (", absl::StrJoin(parameters, ", "), ")");
}

}  // namespace

std::string OrderOf(const std::vector<SortColumn>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const SortColumn& column) {
    absl::StrAppend(out, SortColumnSql(column, "s."));
  });
}

absl::Status LendMemory(Session& session, std::int64_t bytes) {
  return session.Execute(StrCat("SET LOCAL work_mem = ", std::max<std::int64_t>(64, bytes / 1024)));
}

std::vector<SortColumn> CuttingColumns(const Structure& structure) {
  std::vector<SortColumn> columns;
  for (const SortColumn& column : structure.sort_key) {
    const Column* known = Find(structure, column.column);
    const bool not_null = known != nullptr && known->not_null;
    if (!columns.empty() && (!not_null || column.descending != columns.front().descending)) break;
    columns.push_back(column);
    if (!not_null) break;
  }
  return columns;
}

absl::StatusOr<std::vector<OrderRange>> CutByOrder(Session& session, const Target& target,
                                                   std::int64_t rows, std::int64_t rows_estimate) {
  constexpr double kSampleRowsPerRange = 300;
  const std::vector<SortColumn> columns = CuttingColumns(target.structure);
  const std::int64_t wanted = std::max<std::int64_t>(1, (rows_estimate + rows - 1) / rows);
  const SortColumn& leading = columns.front();
  const Column* leading_column = Find(target.structure, leading.column);
  const bool has_nulls = leading_column != nullptr && !leading_column->not_null;
  std::vector<std::vector<std::string>> cuts;
  if (wanted > 1) {
    const double percent =
        std::clamp(100 * kSampleRowsPerRange * static_cast<double>(wanted) /
                       static_cast<double>(std::max<std::int64_t>(1, rows_estimate)),
                   0.001, 100.0);
    std::vector<std::string> texts;
    for (const SortColumn& column : columns) {
      texts.push_back(StrCat("s.", QuoteName(column.column), "::text"));
    }
    // Every n-th row of a sorted sample, each value once: peers may be written differently.
    absl::StatusOr<Rows> sampled = session.Query(absl::Substitute(
        "SELECT DISTINCT ON (place) cut, peers FROM (SELECT pg_catalog.to_json(ARRAY[$0]) AS cut,"
        " pg_catalog.ntile($1) OVER w AS place, pg_catalog.row_number() OVER w AS n,"
        " pg_catalog.rank() OVER w AS peers"
        " FROM (SELECT $6 FROM ONLY $2 s TABLESAMPLE SYSTEM ($3) REPEATABLE (1)) s WHERE $4"
        " WINDOW w AS (ORDER BY $5)) x ORDER BY place, n DESC",
        absl::StrJoin(texts, ", "), wanted, target.set.member.Sql(), percent,
        has_nulls ? StrCat("s.", QuoteName(leading.column), " IS NOT NULL") : "true",
        OrderOf(columns), SourceExpressions(target.structure)));
    if (!sampled.ok()) return sampled.status();
    Value last;
    for (const Row& row : *sampled) {
      if (row[1] != last) cuts.push_back(TextList(row[0]));
      last = row[1];
    }
    // The last one ends the sample, not the table.
    if (!cuts.empty()) cuts.pop_back();
  }
  // In the order asked for, values go down where it is descending.
  std::vector<OrderRange> ranges;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    OrderRange range;
    std::vector<std::string>& begin = leading.descending ? range.high : range.low;
    std::vector<std::string>& end = leading.descending ? range.low : range.high;
    if (i > 0) begin = cuts[i - 1];
    if (i < cuts.size()) end = cuts[i];
    ranges.push_back(std::move(range));
  }
  if (has_nulls && !cuts.empty()) {
    OrderRange nulls;
    nulls.nulls = true;
    ranges.insert(leading.nulls_first ? ranges.begin() : ranges.end(), nulls);
  }
  for (std::size_t i = 0; i < ranges.size(); ++i) ranges[i].number = static_cast<std::int64_t>(i);
  return ranges;
}

absl::Status SaveOrderRanges(Session& session, std::int64_t job_id,
                             const std::vector<OrderRange>& ranges) {
  const std::string insert = absl::Substitute(
      "INSERT INTO restructure.batch (job_id, pass, low, high, low_key, high_key, done)"
      " VALUES ($$1, $$2, $$3, $$4, $0, $1, false)",
      TextArraySql("$5"), TextArraySql("$6"));
  for (const OrderRange& range : ranges) {
    absl::StatusOr<Rows> saved = session.Query(
        insert, {StrCat(job_id), std::string(kPass), StrCat(range.number),
                 std::string(range.nulls ? "-1" : "0"), JsonList(range.low), JsonList(range.high)});
    if (!saved.ok()) return saved.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<MarkedOrderRange>> LoadOrderRanges(Session& session,
                                                              std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT low, pg_catalog.to_json(low_key), pg_catalog.to_json(high_key), high < 0, done, rows"
      " FROM restructure.batch WHERE job_id = $1 AND pass = $2 ORDER BY low",
      {StrCat(job_id), std::string(kPass)});
  if (!rows.ok()) return rows.status();
  std::vector<MarkedOrderRange> ranges;
  for (const Row& row : *rows) {
    ranges.push_back({{ToInt(row[0]), TextList(row[1]), TextList(row[2]), ToBool(row[3])},
                      ToBool(row[4]),
                      ToInt(row[5])});
  }
  return ranges;
}

absl::Status MarkOrderRange(Session& session, std::int64_t job_id, const OrderRange& range,
                            std::int64_t rows) {
  absl::StatusOr<Rows> marked = session.Query(
      "UPDATE restructure.batch SET done = true, rows = $4"
      " WHERE job_id = $1 AND pass = $2 AND low = $3 AND NOT done RETURNING low",
      {StrCat(job_id), std::string(kPass), StrCat(range.number), StrCat(rows)});
  if (!marked.ok()) return marked.status();
  return marked->empty() ? absl::AlreadyExistsError("the range is done") : absl::OkStatus();
}

absl::StatusOr<std::int64_t> CopyOrderRange(Session& session, const Target& target,
                                            const OrderRange& range, std::int64_t memory_bytes) {
  const std::vector<SortColumn> columns = CuttingColumns(target.structure);
  std::vector<std::string> conditions;
  if (range.nulls) {
    conditions.push_back(StrCat("s.", QuoteName(columns.front().column), " IS NULL"));
  }
  if (!range.low.empty()) {
    // A cut belongs to what comes before it: below where the order goes up, above where it goes
    // down.
    conditions.push_back(Bound(target, columns, columns.front().descending ? ">=" : ">", 1));
  }
  if (!range.high.empty()) {
    conditions.push_back(
        Bound(target, columns, columns.front().descending ? "<" : "<=", 1 + range.low.size()));
  }
  std::vector<Value> values(range.low.begin(), range.low.end());
  values.insert(values.end(), range.high.begin(), range.high.end());
  if (absl::Status set = LendMemory(session, memory_bytes); !set.ok()) return set;
  const std::vector<std::string> names = ColumnNames(target.structure);
  absl::StatusOr<Rows> copied = session.Query(
      absl::Substitute(
          "INSERT INTO $0 ($1) OVERRIDING SYSTEM VALUE SELECT $2 FROM $3 s$4"
          " ORDER BY $5",
          target.structure.table.Sql(), QuoteNames(names), QuoteNames(names, "s."),
          target.structure.SourceView().Sql(),
          conditions.empty() ? "" : StrCat(" WHERE ", absl::StrJoin(conditions, " AND ")),
          OrderOf(target.structure.sort_key)),
      values);
  if (!copied.ok()) return copied.status();
  return session.affected_rows();
}

}  // namespace catalog
