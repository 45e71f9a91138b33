#include "catalog/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "catalog/lexer.h"

namespace catalog {

std::string QuoteName(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

std::string QuoteLiteral(absl::string_view value) {
  const std::string doubled = absl::StrReplaceAll(value, {{"'", "''"}, {"\\", "\\\\"}});
  return absl::StrCat(absl::StrContains(value, '\\') ? "E'" : "'", doubled, "'");
}

bool Contains(const std::vector<std::string>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string QuoteNames(const std::vector<std::string>& names, absl::string_view prefix) {
  return absl::StrJoin(names, ", ", [prefix](std::string* out, const std::string& name) {
    absl::StrAppend(out, prefix, QuoteName(name));
  });
}

std::string QualifiedName::Sql() const {
  return schema.empty() ? QuoteName(name) : absl::StrCat(QuoteName(schema), ".", QuoteName(name));
}

std::string QualifiedName::Display() const {
  return schema.empty() ? DisplayName(name)
                        : absl::StrCat(DisplayName(schema), ".", DisplayName(name));
}

bool operator==(const QualifiedName& a, const QualifiedName& b) {
  return a.schema == b.schema && a.name == b.name;
}

std::string DisplayName(absl::string_view name) {
  const bool plain = !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                              absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '_';
                     });
  return plain ? std::string(name) : QuoteName(name);
}

absl::StatusOr<QualifiedName> ParseQualifiedName(absl::string_view text) {
  constexpr absl::string_view kHint = "write NAME or SCHEMA.NAME.";
  Lexer lexer("name", text);
  absl::StatusOr<Token> first = lexer.Next();
  if (!first.ok()) return first.status();
  if (first->kind != Token::Kind::kName) return lexer.Expected("a name", kHint);
  absl::StatusOr<Token> next = lexer.Next();
  if (!next.ok()) return next.status();
  if (next->kind == Token::Kind::kEnd) return QualifiedName{"", first->text};
  if (!next->Is('.')) return lexer.Expected("a dot or the end", kHint);
  absl::StatusOr<Token> second = lexer.Next();
  if (!second.ok()) return second.status();
  if (second->kind != Token::Kind::kName) return lexer.Expected("a name after the dot", kHint);
  absl::StatusOr<Token> end = lexer.Next();
  if (!end.ok()) return end.status();
  if (end->kind != Token::Kind::kEnd) return lexer.Expected("the end of the name", kHint);
  return QualifiedName{first->text, second->text};
}

absl::StatusOr<std::vector<std::string>> ParseColumnList(absl::string_view text) {
  constexpr absl::string_view kHint = "write columns with commas between them: a, b.";
  Lexer lexer("column list", text);
  std::vector<std::string> columns;
  while (true) {
    absl::StatusOr<Token> name = lexer.Next();
    if (!name.ok()) return name.status();
    if (name->kind != Token::Kind::kName) return lexer.Expected("a column name", kHint);
    if (std::find(columns.begin(), columns.end(), name->text) != columns.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("column ", DisplayName(name->text),
                       " stands twice in the column list\nHINT: ", "name each column once."));
    }
    columns.push_back(name->text);
    absl::StatusOr<Token> comma = lexer.Next();
    if (!comma.ok()) return comma.status();
    if (comma->kind == Token::Kind::kEnd) return columns;
    if (!comma->Is(',')) return lexer.Expected("a comma or the end", kHint);
  }
}

}  // namespace catalog
