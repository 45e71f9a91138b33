#include "catalog/misfits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "catalog/set_statements.h"

namespace catalog {
namespace {

using absl::StrCat;

// The search leaves most of the time to others.
constexpr std::size_t kMisfitsShown = 3;
constexpr absl::Duration kLookTarget = absl::Milliseconds(5);
constexpr double kLookShare = 0.25;  // of the time
constexpr std::int64_t kPagesMax = 1024;

// The rows that FindMisfits looks for, some pages at a time.
class MisfitSearch {
 public:
  MisfitSearch(Session& session, const QualifiedName& table, const std::vector<std::string>& key,
               const std::vector<Column>& columns)
      : session_(session),
        from_(StrCat(" FROM ONLY ", table.Sql(), " s WHERE ")),
        row_key_(StrCat("ROW(", QuoteNames(key, "s."), ")::text")) {
    for (const Column& column : columns) {
      const std::string expression = SourceExpression(column);
      expressions_.push_back(expression);
      misfits_.push_back(
          StrCat("(", expression, ")::", column.type, " IS DISTINCT FROM ", expression));
      if (column.not_null) misfits_.push_back(StrCat("(", expression, ") IS NULL"));
    }
  }

  const std::vector<std::string>& found() const { return found_; }

  // Pages from `first` up to but not including `end`. kDeadlineExceeded after `limit`.
  absl::Status Look(std::int64_t first, std::int64_t end, absl::Duration limit) {
    if (limit <= absl::ZeroDuration()) return absl::DeadlineExceededError("the time is over");
    const std::string pages = StrCat("s.ctid >= '(", first, ",0)' AND s.ctid < '(", end, ",0)'");
    absl::StatusOr<Transaction> transaction =
        Transaction::Begin(session_, "try", {absl::ZeroDuration(), limit});
    if (!transaction.ok()) return transaction.status();
    if (absl::Status saved = session_.Execute("SAVEPOINT search"); !saved.ok()) return saved;
    absl::StatusOr<Rows> rows =
        session_.Query(StrCat("SELECT ", row_key_, from_, pages, " AND (",
                              absl::StrJoin(misfits_, " OR "), ") LIMIT ", kMisfitsShown));
    if (absl::IsUnavailable(rows.status()) || absl::IsDeadlineExceeded(rows.status())) {
      return rows.status();
    }
    if (!rows.ok()) return LookAtEach(pages, std::string(rows.status().message()));
    for (const Row& row : *rows) found_.push_back(StrCat(ToText(row[0]), " does not fit"));
    return absl::OkStatus();
  }

 private:
  // Some value cannot be converted at all, and the server does not say of which row.
  absl::Status LookAtEach(const std::string& pages, const std::string& first_error) {
    if (absl::Status back = session_.Execute("ROLLBACK TO search"); !back.ok()) return back;
    const std::string body = StrCat(
        "DECLARE r record; found text[] = '{}'; BEGIN FOR r IN SELECT s.ctid AS place, ", row_key_,
        " AS key", from_, pages, " LOOP BEGIN PERFORM ", absl::StrJoin(expressions_, ", "), from_,
        "s.ctid = r.place; EXCEPTION WHEN data_exception THEN found = found || (r.key ||",
        " ': ' || SQLERRM); EXIT WHEN pg_catalog.cardinality(found) = ", kMisfitsShown,
        "; END; END LOOP; RAISE EXCEPTION '%', pg_catalog.array_to_string(found, '; '); END");
    const absl::Status searched = session_.Execute(StrCat("DO ", QuoteLiteral(body)));
    if (absl::IsUnavailable(searched) || absl::IsDeadlineExceeded(searched)) return searched;
    std::string message(searched.message());
    message = message.substr(0, message.find('\n'));
    found_.push_back(message.empty() ? first_error : message);
    return absl::OkStatus();
  }

  Session& session_;
  const std::string from_;
  const std::string row_key_;
  std::vector<std::string> expressions_, misfits_;
  std::vector<std::string> found_;
};

absl::StatusOr<std::int64_t> PagesOf(Session& session, const QualifiedName& table) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.pg_relation_size($1::regclass)"
      " / pg_catalog.current_setting('block_size')::bigint",
      {table.Sql()});
  if (!rows.ok()) return rows.status();
  return ToInt(rows->front()[0]);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FindMisfits(Session& session, const QualifiedName& table,
                                                     const std::vector<std::string>& key,
                                                     const std::vector<Column>& columns,
                                                     absl::Duration limit) {
  if (columns.empty()) return std::vector<std::string>();
  MisfitSearch search(session, table, key, columns);
  const absl::Time until = absl::Now() + limit;
  absl::StatusOr<std::int64_t> pages = PagesOf(session, table);
  if (!pages.ok()) return pages.status();
  std::int64_t step = 8;
  for (std::int64_t page = 0; page < *pages && search.found().size() < kMisfitsShown;) {
    const absl::Time began = absl::Now();
    const absl::Status seen = search.Look(page, page + step, until - began);
    if (absl::IsDeadlineExceeded(seen) && !search.found().empty()) break;
    if (!seen.ok()) return seen;
    page += step;
    const absl::Duration took = absl::Now() - began;
    step = took > kLookTarget ? std::max<std::int64_t>(step / 2, 1) : std::min(step * 2, kPagesMax);
    if (page < *pages) absl::SleepFor(took * (1 / kLookShare - 1));
  }
  return search.found();
}

}  // namespace catalog
