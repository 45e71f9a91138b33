// Names of database objects: parsing what the operator wrote, and quoting for SQL text.
// Identifiers reach SQL only through QuoteName and QualifiedName::Sql.

#ifndef CATALOG_NAMES_H_
#define CATALOG_NAMES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace catalog {

// PostgreSQL cuts longer identifiers off silently (NAMEDATALEN - 1).
constexpr std::size_t kNameBytesMax = 63;

// "odd""name": always quoted, so that no name can be read as SQL.
std::string QuoteName(absl::string_view name);

// 'it''s': for the few places in DDL that take no parameters. E'' where a backslash occurs.
std::string QuoteLiteral(absl::string_view value);

// "a", "b": quoted and joined; `prefix` (an alias such as "n.") goes before each.
std::string QuoteNames(const std::vector<std::string>& names, absl::string_view prefix = "");

bool Contains(const std::vector<std::string>& names, absl::string_view name);

struct QualifiedName {
  std::string schema;  // Empty: to be found through the search path.
  std::string name;

  std::string Sql() const;      // "public"."accounts"
  std::string Display() const;  // public.accounts, quoted only where needed
};

bool operator==(const QualifiedName& a, const QualifiedName& b);

// Reads name, schema.name, "Quoted".name. Unquoted parts fold to lower case, as in SQL.
// kInvalidArgument with a HINT for anything else.
absl::StatusOr<QualifiedName> ParseQualifiedName(absl::string_view text);

// Reads a comma-separated list of column names, each at most once.
absl::StatusOr<std::vector<std::string>> ParseColumnList(absl::string_view text);

// Writes a name as an operator would type it: quoted only where needed.
std::string DisplayName(absl::string_view name);

}  // namespace catalog

#endif  // CATALOG_NAMES_H_
