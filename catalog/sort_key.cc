#include "catalog/sort_key.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/lexer.h"

namespace catalog {
namespace {

constexpr absl::string_view kSortKeyHint =
    "write columns as in ORDER BY: 'placed_at desc nulls last, id'; expressions are not possible.";

// Walks the tokens of one sort key; the current token is always the one not consumed yet.
class SortKeyParser {
 public:
  explicit SortKeyParser(absl::string_view text) : lexer_("sort key", text) {}

  absl::StatusOr<std::vector<SortColumn>> Parse() {
    if (absl::Status status = Advance(); !status.ok()) return status;
    std::vector<SortColumn> key;
    while (true) {
      absl::StatusOr<SortColumn> column = ParseColumn();
      if (!column.ok()) return column.status();
      const auto same = [&](const SortColumn& other) { return other.column == column->column; };
      if (std::any_of(key.begin(), key.end(), same)) {
        return absl::InvalidArgumentError(
            absl::StrCat("column ", DisplayName(column->column),
                         " stands twice in the sort key\nHINT: ", "name each column once."));
      }
      key.push_back(*std::move(column));
      if (token_.kind == Token::Kind::kEnd) return key;
      if (!token_.Is(',')) return lexer_.Expected("a comma or the end", kSortKeyHint);
      if (absl::Status status = Advance(); !status.ok()) return status;
    }
  }

 private:
  absl::Status Advance() {
    absl::StatusOr<Token> next = lexer_.Next();
    if (!next.ok()) return next.status();
    token_ = *std::move(next);
    return absl::OkStatus();
  }

  absl::StatusOr<SortColumn> ParseColumn() {
    if (token_.kind != Token::Kind::kName) return lexer_.Expected("a column name", kSortKeyHint);
    SortColumn column;
    column.column = token_.text;
    if (absl::Status status = Advance(); !status.ok()) return status;
    if (token_.IsKeyword("collate")) {
      if (absl::Status status = ParseCollation(&column.collation); !status.ok()) return status;
    }
    if (token_.IsKeyword("asc") || token_.IsKeyword("desc")) {
      column.descending = token_.IsKeyword("desc");
      if (absl::Status status = Advance(); !status.ok()) return status;
    }
    column.nulls_first = column.descending;
    if (token_.IsKeyword("nulls")) {
      if (absl::Status status = Advance(); !status.ok()) return status;
      if (!token_.IsKeyword("first") && !token_.IsKeyword("last")) {
        return lexer_.Expected("FIRST or LAST after NULLS", kSortKeyHint);
      }
      column.nulls_first = token_.IsKeyword("first");
      if (absl::Status status = Advance(); !status.ok()) return status;
    }
    return column;
  }

  absl::Status ParseCollation(QualifiedName* collation) {
    for (bool first = true;; first = false) {
      if (absl::Status status = Advance(); !status.ok()) return status;
      if (token_.kind != Token::Kind::kName)
        return lexer_.Expected("a collation name", kSortKeyHint);
      if (!first) collation->schema = collation->name;
      collation->name = token_.text;
      if (absl::Status status = Advance(); !status.ok()) return status;
      if (!first || !token_.Is('.')) return absl::OkStatus();
    }
  }

  Lexer lexer_;
  Token token_;
};

}  // namespace

bool operator==(const SortColumn& a, const SortColumn& b) {
  return a.column == b.column && a.collation == b.collation && a.descending == b.descending &&
         a.nulls_first == b.nulls_first;
}

absl::StatusOr<std::vector<SortColumn>> ParseSortKey(absl::string_view text) {
  return SortKeyParser(text).Parse();
}

std::string DisplaySortKey(const std::vector<SortColumn>& key) {
  return absl::StrJoin(key, ", ", [](std::string* out, const SortColumn& column) {
    absl::StrAppend(out, DisplayName(column.column));
    if (!column.collation.name.empty())
      absl::StrAppend(out, " collate ", column.collation.Display());
    if (column.descending) absl::StrAppend(out, " desc");
    if (column.nulls_first != column.descending) {
      absl::StrAppend(out, column.nulls_first ? " nulls first" : " nulls last");
    }
  });
}

std::string SortColumnSql(const SortColumn& column, absl::string_view prefix) {
  return absl::StrCat(
      prefix, QuoteName(column.column),
      column.collation.name.empty() ? "" : absl::StrCat(" COLLATE ", column.collation.Sql()),
      column.descending ? " DESC" : " ASC", column.nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

}  // namespace catalog
