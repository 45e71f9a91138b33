#include "catalog/index_definition.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace catalog {
namespace {

using nlohmann::json;

// fillfactor=90 as it stands in WITH (…): the value as a literal.
std::string OptionSql(const std::string& option) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(option, absl::MaxSplits('=', 1));
  return absl::StrCat(QuoteName(parts.first), " = ", QuoteLiteral(parts.second));
}

}  // namespace

bool operator==(const IndexDefinition& a, const IndexDefinition& b) {
  const auto sorted = [](std::vector<std::string> options) {
    std::sort(options.begin(), options.end());
    return options;
  };
  return a.unique == b.unique && a.nulls_not_distinct == b.nulls_not_distinct &&
         a.method == b.method && a.keys == b.keys && a.include == b.include &&
         sorted(a.options) == sorted(b.options) && a.tablespace == b.tablespace &&
         a.predicate == b.predicate;
}

std::string DisplayIndex(const IndexDefinition& definition) {
  std::string text = absl::StrCat(definition.unique ? "unique " : "", definition.method, " (",
                                  definition.keys, ")");
  if (!definition.include.empty()) {
    absl::StrAppend(&text, " include (", absl::StrJoin(definition.include, ", "), ")");
  }
  if (definition.nulls_not_distinct) absl::StrAppend(&text, " nulls not distinct");
  if (!definition.options.empty()) {
    absl::StrAppend(&text, " with (", absl::StrJoin(definition.options, ", "), ")");
  }
  if (!definition.tablespace.empty()) {
    absl::StrAppend(&text, " tablespace ", DisplayName(definition.tablespace));
  }
  if (!definition.predicate.empty()) absl::StrAppend(&text, " where ", definition.predicate);
  return text;
}

std::string IndexSql(const IndexDefinition& definition) {
  std::string sql =
      absl::StrCat(" USING ", QuoteName(definition.method), " (", definition.keys, ")");
  if (!definition.include.empty()) {
    absl::StrAppend(&sql, " INCLUDE (", QuoteNames(definition.include), ")");
  }
  if (definition.nulls_not_distinct) absl::StrAppend(&sql, " NULLS NOT DISTINCT");
  if (!definition.options.empty()) {
    absl::StrAppend(&sql, " WITH (",
                    absl::StrJoin(definition.options, ", ",
                                  [](std::string* out, const std::string& option) {
                                    absl::StrAppend(out, OptionSql(option));
                                  }),
                    ")");
  }
  if (!definition.tablespace.empty()) {
    absl::StrAppend(&sql, " TABLESPACE ", QuoteName(definition.tablespace));
  }
  if (!definition.predicate.empty()) absl::StrAppend(&sql, " WHERE (", definition.predicate, ")");
  return sql;
}

std::string ToJson(const IndexDefinition& definition) {
  return json{
      {"unique", definition.unique},         {"nulls_not_distinct", definition.nulls_not_distinct},
      {"method", definition.method},         {"keys", definition.keys},
      {"include", definition.include},       {"options", definition.options},
      {"tablespace", definition.tablespace}, {"predicate", definition.predicate}}
      .dump();
}

IndexDefinition IndexDefinitionFromJson(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  IndexDefinition definition;
  if (!object.is_object()) return definition;
  definition.unique = object.value("unique", false);
  definition.nulls_not_distinct = object.value("nulls_not_distinct", false);
  definition.method = object.value("method", "");
  definition.keys = object.value("keys", "");
  definition.include = object.value("include", std::vector<std::string>());
  definition.options = object.value("options", std::vector<std::string>());
  definition.tablespace = object.value("tablespace", "");
  definition.predicate = object.value("predicate", "");
  return definition;
}

}  // namespace catalog
