#include "catalog/batches.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "catalog/facts.h"
#include "catalog/json_list.h"
#include "catalog/set_statements.h"

namespace catalog {
namespace {

using absl::StrCat;

std::string InBlocks(const std::string& column, BlockRange blocks) {
  return absl::Substitute("$0 >= '($1,0)'::pg_catalog.tid AND $0 < '($2,0)'::pg_catalog.tid",
                          column, blocks.low, blocks.high);
}

// FROM and WHERE of the rows that belong into the replacement. `s` is the member table's row.
std::string JoinMembers(const Target& target) {
  if (!target.members) return "";
  return absl::Substitute(" JOIN $0 o ON $1", target.members->table.Sql(),
                          KeysEqual(target.set.key, "o.", "s."));
}

std::string FirstTaken(const Target& target, std::int64_t keys_max) {
  const std::string key = QuoteNames(target.set.key);
  return absl::Substitute("(SELECT $0 FROM $1 ORDER BY $0 LIMIT $2)", key,
                          target.structure.TakenKeys().Sql(), keys_max);
}

absl::StatusOr<std::int64_t> CountOf(Session& session, const std::string& sql) {
  absl::StatusOr<Rows> rows = session.Query(sql);
  if (!rows.ok()) return rows.status();
  return ToInt(rows->front()[0]);
}

// ("a", "b") > ($1::int, $2::text), the values as parameters.
std::string Bound(const Target& target, const char* comparison,
                  const std::vector<std::string>& values, const std::string& prefix,
                  std::size_t first_parameter) {
  if (values.empty()) return "true";
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < target.set.key.size(); ++i) {
    const auto column =
        std::find_if(target.structure.columns.begin(), target.structure.columns.end(),
                     [&](const Column& c) { return c.name == target.set.key[i]; });
    parameters.push_back(StrCat("$", first_parameter + i, "::", column->type));
  }
  return StrCat("(", QuoteNames(target.set.key, prefix), ") ", comparison, " (",
                absl::StrJoin(parameters, ", "), ")");
}

// A row is missing on one side, or its image differs. Plain columns are compared by value, which is
// faster; those of the key are equal by the join.
std::string Different(const Target& target) {
  const std::vector<std::string>& key = target.set.key;
  std::vector<std::string> terms;
  for (const char* prefix : {"s.", "n."}) {
    terms.push_back(StrCat(prefix, QuoteName(key[0]), " IS NULL"));
  }
  std::vector<std::string> by_image;
  for (const Column& column : target.structure.columns) {
    const std::string name = QuoteName(column.name);
    const bool joined = std::find(key.begin(), key.end(), column.name) != key.end();
    if (!column.plain) by_image.push_back(column.name);
    if (column.plain && !joined) {
      terms.push_back(column.not_null ? StrCat("s.", name, " <> n.", name)
                                      : StrCat("s.", name, " IS DISTINCT FROM n.", name));
    }
  }
  if (!by_image.empty()) {
    terms.push_back(absl::Substitute(
        "ROW($0)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW($1)::pg_catalog.record",
        QuoteNames(by_image, "s."), QuoteNames(by_image, "n.")));
  }
  return absl::StrJoin(terms, " OR ");
}

}  // namespace

absl::Status HoldStructureOfSource(Session& session, const Target& target) {
  return session.Execute(
      StrCat("SELECT FROM ", target.structure.SourceView().Sql(), " WHERE false"));
}

absl::StatusOr<std::int64_t> SourceBlocks(Session& session, const Target& target) {
  const std::int64_t oid = target.set.member_oid;
  const std::string relation =
      target.members ? StrCat(QuoteLiteral(target.members->table.Sql()), "::pg_catalog.regclass")
                     : StrCat(oid, "::oid::pg_catalog.regclass");
  return CountOf(session, StrCat("SELECT pg_catalog.pg_relation_size(", relation,
                                 ") / pg_catalog.current_setting('block_size')::int"));
}

absl::StatusOr<std::int64_t> StructureBlocks(Session& session, const Structure& structure) {
  return CountOf(session,
                 StrCat("SELECT pg_catalog.pg_relation_size(", QuoteLiteral(structure.table.Sql()),
                        "::pg_catalog.regclass)"
                        " / pg_catalog.current_setting('block_size')::int"));
}

absl::StatusOr<double> SourceRowBytes(Session& session, const Target& target) {
  const std::int64_t oid = target.set.member_oid;
  absl::StatusOr<TableFacts> table = ReadTable(session, oid);
  if (absl::IsNotFound(table.status())) return 0;
  if (!table.ok()) return table.status();
  absl::StatusOr<double> bytes = RowBytesEstimate(session, oid, ColumnNames(target.structure));
  if (!bytes.ok() || !target.structure.is_table()) return bytes;
  absl::StatusOr<std::int64_t> out_of_line =
      CountOf(session, StrCat("SELECT coalesce(pg_catalog.sum(pg_catalog.pg_relation_size("
                              "c.reltoastrelid)), 0) FROM pg_catalog.pg_class c"
                              " WHERE c.reltoastrelid <> 0 AND c.oid = ",
                              oid));
  if (!out_of_line.ok()) return out_of_line.status();
  return *bytes + static_cast<double>(*out_of_line) /
                      static_cast<double>(std::max<std::int64_t>(1, table->rows_estimate));
}

absl::StatusOr<double> MeanRowBytes(Session& session, const Structure& structure) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.pg_table_size(c.oid) / greatest(1, c.reltuples)"
      " FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)::oid",
      {structure.table.Sql()});
  if (!rows.ok()) return rows.status();
  return rows->empty() ? 0 : ToDouble(rows->front()[0]);
}

absl::StatusOr<std::int64_t> CopyBlocks(Session& session, const Target& target, BlockRange blocks) {
  return InsertBlocks(session, target, target.structure.table, blocks);
}

absl::StatusOr<std::int64_t> InsertBlocks(Session& session, const Target& target,
                                          const QualifiedName& into, BlockRange blocks) {
  const std::vector<std::string> columns = ColumnNames(target.structure);
  const std::string block_column =
      target.members ? "o.ctid" : StrCat("s.", QuoteName(kSourceBlock));
  absl::StatusOr<Rows> copied = session.Query(absl::Substitute(
      "INSERT INTO $0 ($1) OVERRIDING SYSTEM VALUE SELECT $2 FROM $3 s$4 WHERE $5", into.Sql(),
      QuoteNames(columns), QuoteNames(columns, "s."), target.structure.SourceView().Sql(),
      JoinMembers(target), InBlocks(block_column, blocks)));
  if (!copied.ok()) return copied.status();
  return session.affected_rows();
}

absl::Status EmptyForCopy(Session& session, std::int64_t job_id, const Structure& structure) {
  if (absl::Status emptied = session.Execute(
          StrCat("TRUNCATE ", structure.table.Sql(), ", ", structure.TakenKeys().Sql()));
      !emptied.ok()) {
    return emptied;
  }
  return session.Query("DELETE FROM restructure.batch WHERE job_id = $1", {StrCat(job_id)})
      .status();
}

absl::StatusOr<std::int64_t> TakeKeys(Session& session, const Target& target,
                                      std::int64_t keys_max) {
  const std::string key = QuoteNames(target.set.key);
  return CountOf(
      session,
      absl::Substitute(
          "WITH gone AS (DELETE FROM $0 WHERE ctid = ANY (ARRAY("
          "SELECT ctid FROM $0 LIMIT $1)) RETURNING $2),"
          " kept AS (INSERT INTO $3 ($2) SELECT DISTINCT $2 FROM gone ON CONFLICT DO NOTHING)"
          " SELECT pg_catalog.count(*) FROM gone",
          target.structure.KeyLog().Sql(), keys_max, key, target.structure.TakenKeys().Sql()));
}

absl::StatusOr<std::int64_t> SettleBlocks(Session& session, const Target& target,
                                          BlockRange blocks) {
  // Each block range is read once; see ApplyTaken for why the planner is not trusted here.
  if (absl::Status set = session.Execute("SET LOCAL enable_nestloop = off"); !set.ok()) return set;
  absl::StatusOr<Rows> settled = session.Query(
      absl::Substitute("DELETE FROM $0 n USING $1 t WHERE $2 AND $3", target.structure.table.Sql(),
                       target.structure.TakenKeys().Sql(), KeysEqual(target.set.key, "n.", "t."),
                       InBlocks("n.ctid", blocks)));
  if (!settled.ok()) return settled.status();
  return session.affected_rows();
}

// The keys were taken in an earlier transaction, so every change that logged them is visible to
// these statements' snapshots; a later change has its own entry in the log.
absl::StatusOr<std::int64_t> ApplyTaken(Session& session, const Target& target,
                                        std::int64_t keys_max) {
  const std::string taken = FirstTaken(target, keys_max);
  const std::vector<std::string> columns = ColumnNames(target.structure);
  // The table of taken keys fills and empties faster than its statistics follow. A plan made for
  // another size would be quadratic; one index probe a key never is.
  if (absl::Status set = session.Execute("SET LOCAL enable_seqscan = off;"
                                         "SET LOCAL enable_hashjoin = off;"
                                         "SET LOCAL enable_mergejoin = off");
      !set.ok()) {
    return set;
  }
  absl::StatusOr<Rows> done = session.Query(
      absl::Substitute("DELETE FROM $0 n USING $1 t WHERE $2", target.structure.table.Sql(), taken,
                       KeysEqual(target.set.key, "n.", "t.")));
  if (!done.ok()) return done.status();
  // A set that programs connect to begins empty.
  if (target.members || target.set.insertion_automatic) {
    done = session.Query(absl::Substitute(
        "INSERT INTO $0 ($1) OVERRIDING SYSTEM VALUE SELECT $2 FROM $3 t JOIN $4 s ON $5$6",
        target.structure.table.Sql(), QuoteNames(columns), QuoteNames(columns, "s."), taken,
        target.structure.SourceView().Sql(), KeysEqual(target.set.key, "s.", "t."),
        JoinMembers(target)));
    if (!done.ok()) return done.status();
  }
  done = session.Query(absl::Substitute(
      "DELETE FROM $0 WHERE ctid = ANY (ARRAY(SELECT ctid FROM $0 ORDER BY $1 LIMIT $2))",
      target.structure.TakenKeys().Sql(), QuoteNames(target.set.key), keys_max));
  if (!done.ok()) return done.status();
  return session.affected_rows();
}

absl::StatusOr<bool> AnyTaken(Session& session, const Structure& structure) {
  absl::StatusOr<std::int64_t> any = CountOf(
      session, StrCat("SELECT (EXISTS (SELECT FROM ", structure.TakenKeys().Sql(), "))::int"));
  if (!any.ok()) return any.status();
  return *any != 0;
}

absl::StatusOr<std::int64_t> Backlog(Session& session, const Structure& structure,
                                     std::int64_t at_most) {
  return CountOf(session, absl::Substitute(
                              "SELECT (SELECT pg_catalog.count(*) FROM (SELECT FROM $0 LIMIT $2) a)"
                              " + (SELECT pg_catalog.count(*) FROM (SELECT FROM $1 LIMIT $2) b)",
                              structure.KeyLog().Sql(), structure.TakenKeys().Sql(), at_most));
}

absl::StatusOr<std::vector<KeyRange>> CutIntoRanges(Session& session, const Target& target,
                                                    std::int64_t rows) {
  absl::StatusOr<std::int64_t> blocks = StructureBlocks(session, target.structure);
  if (!blocks.ok()) return blocks.status();
  // A block holds at most some 200 narrow rows. Eight sampled blocks a range even out their spread;
  // a table's ranges are fewer and larger, and should be alike, as its workers share them.
  const double blocks_per_range = target.structure.is_table() ? 64 : 8;
  const double ranges =
      std::max(1.0, static_cast<double>(*blocks) * 200.0 / static_cast<double>(rows));
  const double percent =
      std::min(100.0, 100 * blocks_per_range * ranges /
                          static_cast<double>(std::max<std::int64_t>(1, *blocks)));
  const std::string key = QuoteNames(target.set.key);
  std::vector<std::string> as_text;
  for (const std::string& column : target.set.key) {
    as_text.push_back(StrCat(QuoteName(column), "::text"));
  }
  // As many ranges as the sample says, all alike. It may say a tenth too much: not for one more.
  const double ranges_per_sampled_row = 0.9 * 100 / percent / static_cast<double>(rows);
  absl::StatusOr<Rows> bounds = session.Query(absl::Substitute(
      "SELECT pg_catalog.to_json(ARRAY[$0]) FROM (SELECT $1, pg_catalog.row_number() OVER"
      " (ORDER BY $1) AS \"row.number\", pg_catalog.count(*) OVER () AS \"row.count\","
      " pg_catalog.ceil($4 * pg_catalog.count(*) OVER ())::bigint AS \"range.count\""
      " FROM $2 TABLESAMPLE SYSTEM ($3)) sampled"
      " WHERE \"row.number\" < \"row.count\""
      " AND \"row.number\" * \"range.count\" / \"row.count\""
      "  <> (\"row.number\" - 1) * \"range.count\" / \"row.count\""
      " ORDER BY \"row.number\"",
      absl::StrJoin(as_text, ", "), key, target.structure.table.Sql(), percent,
      ranges_per_sampled_row));
  if (!bounds.ok()) return bounds.status();
  std::vector<KeyRange> result;
  std::vector<std::string> low;
  for (const Row& row : *bounds) {
    std::vector<std::string> high = TextList(row[0]);
    result.push_back({static_cast<std::int64_t>(result.size()), low, high});
    low = std::move(high);
  }
  result.push_back({static_cast<std::int64_t>(result.size()), low, {}});
  return result;
}

std::int64_t ComparisonMemory(std::int64_t heap_blocks, std::int64_t key_log_bytes) {
  constexpr std::int64_t kLeast = 4 << 20;
  constexpr std::int64_t kMost = 256 << 20;
  constexpr std::int64_t kBitmapPageBytes = 64;  // tbm_calculate_entries in tidbitmap.c
  return std::clamp(std::max(kBitmapPageBytes * heap_blocks, 2 * key_log_bytes), kLeast, kMost);
}

namespace {

absl::Status SetComparisonMemory(Session& session, const Structure& structure) {
  absl::StatusOr<std::int64_t> blocks = StructureBlocks(session, structure);
  if (!blocks.ok()) return blocks.status();
  absl::StatusOr<std::int64_t> logged = CountOf(
      session, absl::Substitute("SELECT pg_catalog.pg_relation_size($0::pg_catalog.regclass)"
                                " + pg_catalog.pg_relation_size($1::pg_catalog.regclass)",
                                QuoteLiteral(structure.KeyLog().Sql()),
                                QuoteLiteral(structure.TakenKeys().Sql())));
  if (!logged.ok()) return logged.status();
  return session.Execute(StrCat("SET LOCAL hash_mem_multiplier = 1; SET LOCAL work_mem = ",
                                ComparisonMemory(*blocks, *logged) / 1024));
}

}  // namespace

absl::StatusOr<Comparison> CompareRange(Session& session, const Target& target,
                                        const KeyRange& range, bool key_log) {
  const auto within = [&](const std::string& prefix) {
    return StrCat(Bound(target, ">", range.low, prefix, 1), " AND ",
                  Bound(target, "<=", range.high, prefix, 1 + range.low.size()));
  };
  std::vector<Value> values(range.low.begin(), range.low.end());
  values.insert(values.end(), range.high.begin(), range.high.end());
  const std::vector<std::string>& key = target.set.key;
  std::vector<std::string> coalesced;
  for (const std::string& column : key) {
    coalesced.push_back(StrCat("coalesce(s.", QuoteName(column), ", n.", QuoteName(column), ")"));
  }
  const std::string either = absl::StrJoin(coalesced, ", ");
  // Where a program chooses the members and nobody else keeps the list, the structure itself does.
  std::string members = JoinMembers(target);
  if (!target.members && target.set.MembershipIsChosen()) {
    members = absl::Substitute(" JOIN $0 o ON $1", target.structure.table.Sql(),
                               KeysEqual(key, "o.", "s."));
  }
  std::string unsettled;
  if (key_log) {
    if (absl::Status set = SetComparisonMemory(session, target.structure); !set.ok()) return set;
    unsettled = absl::Substitute(" AND ($0) NOT IN (SELECT $1 FROM $2 UNION ALL SELECT $1 FROM $3)",
                                 either, QuoteNames(key), target.structure.KeyLog().Sql(),
                                 target.structure.TakenKeys().Sql());
  }
  absl::StatusOr<Rows> rows = session.Query(
      absl::Substitute(
          "SELECT rows, coalesce(pg_catalog.cardinality(keys), 0), pg_catalog.to_json(keys[1:10])"
          " FROM (SELECT pg_catalog.count(*) AS rows,"
          " pg_catalog.array_agg(ROW($0)::text) FILTER (WHERE ($1)$2) AS keys FROM"
          " (SELECT s.* FROM $3 s$4 WHERE $5) s FULL JOIN (SELECT * FROM $6 n WHERE $7) n ON $8) c",
          either, Different(target), unsettled, target.structure.SourceView().Sql(), members,
          within("s."), target.structure.table.Sql(), within("n."), KeysEqual(key, "s.", "n.")),
      values);
  if (!rows.ok()) return rows.status();
  Comparison comparison;
  comparison.rows = ToInt(rows->front()[0]);
  comparison.differences = ToInt(rows->front()[1]);
  comparison.first_keys = TextList(rows->front()[2]);
  return comparison;
}

absl::StatusOr<std::int64_t> DisconnectBlocks(Session& session, const Structure& structure,
                                              BlockRange blocks) {
  absl::StatusOr<Rows> gone = session.Query(absl::Substitute(
      "DELETE FROM $0 n WHERE $1", structure.table.Sql(), InBlocks("n.ctid", blocks)));
  if (!gone.ok()) return gone.status();
  return session.affected_rows();
}

absl::Status MarkBlocks(Session& session, std::int64_t job_id, const std::string& pass,
                        BlockRange blocks, std::int64_t rows) {
  return session
      .QueryPrepared(
          "INSERT INTO restructure.batch (job_id, pass, low, high, rows, done)"
          " VALUES ($1, $2, $3, $4, $5, true)",
          {StrCat(job_id), pass, StrCat(blocks.low), StrCat(blocks.high), StrCat(rows)})
      .status();
}

absl::StatusOr<std::vector<std::pair<BlockRange, std::int64_t>>> MarkedBlocks(
    Session& session, std::int64_t job_id, const std::string& pass) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT low, high, rows FROM restructure.batch WHERE job_id = $1 AND pass = $2 ORDER BY low",
      {StrCat(job_id), pass});
  if (!rows.ok()) return rows.status();
  std::vector<std::pair<BlockRange, std::int64_t>> marks;
  for (const Row& row : *rows) {
    marks.push_back({BlockRange{ToInt(row[0]), ToInt(row[1])}, ToInt(row[2])});
  }
  return marks;
}

absl::Status ClearMarks(Session& session, std::int64_t job_id, const std::string& pass) {
  return session
      .Query("DELETE FROM restructure.batch WHERE job_id = $1 AND pass = $2",
             {StrCat(job_id), pass})
      .status();
}

absl::Status SaveRanges(Session& session, std::int64_t job_id,
                        const std::vector<KeyRange>& ranges) {
  const std::string insert = absl::Substitute(
      "INSERT INTO restructure.batch (job_id, pass, low, low_key, high_key, done)"
      " VALUES ($$1, 'verify', $$2, $0, $1, false)",
      TextArraySql("$3"), TextArraySql("$4"));
  for (const KeyRange& range : ranges) {
    absl::StatusOr<Rows> saved = session.Query(
        insert, {StrCat(job_id), StrCat(range.number), JsonList(range.low), JsonList(range.high)});
    if (!saved.ok()) return saved.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<MarkedRange>> LoadRanges(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT low, pg_catalog.to_json(low_key), pg_catalog.to_json(high_key), done, rows"
      " FROM restructure.batch WHERE job_id = $1 AND pass = 'verify' ORDER BY low",
      {StrCat(job_id)});
  if (!rows.ok()) return rows.status();
  std::vector<MarkedRange> ranges;
  for (const Row& row : *rows) {
    ranges.push_back(
        {{ToInt(row[0]), TextList(row[1]), TextList(row[2])}, ToBool(row[3]), ToInt(row[4])});
  }
  return ranges;
}

absl::Status MarkRange(Session& session, std::int64_t job_id, const KeyRange& range,
                       std::int64_t rows) {
  return session
      .Query(
          "UPDATE restructure.batch SET done = true, rows = $3"
          " WHERE job_id = $1 AND pass = 'verify' AND low = $2",
          {StrCat(job_id), StrCat(range.number), StrCat(rows)})
      .status();
}

}  // namespace catalog
