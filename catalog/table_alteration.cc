#include "catalog/table_alteration.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "catalog/set_statements.h"
#include "catalog/sql_text.h"

namespace catalog {
namespace {

using absl::StrCat;

const std::string* Find(const TableAlteration::Expressions& expressions, const std::string& name) {
  for (const auto& [column, expression] : expressions) {
    if (column == name) return &expression;
  }
  return nullptr;
}

// The type without its length or precision: what a value is, not how much of it fits.
std::string BaseType(const std::string& type) {
  const std::size_t open = type.find('(');
  if (open == std::string::npos) return type;
  const std::size_t close = type.find(')', open);
  return StrCat(type.substr(0, open), type.substr(close + 1));
}

// Types under which an index on the one finds values of the other.
bool ComparesByIndex(const std::string& from, const std::string& to) {
  static constexpr const char* kFamilies[][3] = {{"smallint", "integer", "bigint"},
                                                 {"character varying", "text", "text"}};
  const auto in = [](const auto& family, const std::string& type) {
    return std::find(std::begin(family), std::end(family), type) != std::end(family);
  };
  return std::any_of(std::begin(kFamilies), std::end(kFamilies),
                     [&](const auto& family) { return in(family, from) && in(family, to); });
}

// Conversions after which every value is the one that it was.
bool KeepsValues(const std::string& from, const std::string& to) {
  static constexpr const char* kPairs[][2] = {{"smallint", "integer"},
                                              {"smallint", "bigint"},
                                              {"smallint", "numeric"},
                                              {"integer", "bigint"},
                                              {"integer", "numeric"},
                                              {"integer", "double precision"},
                                              {"bigint", "numeric"},
                                              {"real", "double precision"},
                                              {"character varying", "text"},
                                              {"text", "character varying"},
                                              {"date", "timestamp without time zone"}};
  return std::any_of(std::begin(kPairs), std::end(kPairs),
                     [&](const auto& pair) { return from == pair[0] && to == pair[1]; });
}

// The digits after the point that a type stores, of numbers or of seconds, or its length; nullopt:
// all there are.
std::optional<int> Digits(const std::string& type) {
  const std::size_t open = type.find('(');
  if (open == std::string::npos) return std::nullopt;
  const std::string inside = type.substr(open + 1, type.find(')', open) - open - 1);
  const std::size_t comma = inside.find(',');
  int digits = 0;
  (void)absl::SimpleAtoi(comma == std::string::npos ? inside : inside.substr(comma + 1), &digits);
  return digits;
}

// Whether a value of the one type becomes the same value of the other, or an error, but never
// another value: an assignment rounds numbers and cuts times silently. (Of a text that is too long
// it cuts blanks at the end; that is let pass.)
bool KeepsOrRefuses(const std::string& from, const std::string& to) {
  static constexpr const char* kPairs[][2] = {
      {"integer", "smallint"}, {"bigint", "smallint"}, {"bigint", "integer"}};
  const std::string from_base = BaseType(from);
  const std::string to_base = BaseType(to);
  const std::optional<int> digits = Digits(to);
  if (from_base != to_base) {
    const auto is_it = [&](const auto& pair) { return from_base == pair[0] && to_base == pair[1]; };
    return (KeepsValues(from_base, to_base) && digits.value_or(0) >= 0) ||
           std::any_of(std::begin(kPairs), std::end(kPairs), is_it);
  }
  // Shorter blanks are no error.
  const bool rounds = to_base == "numeric" || to_base == "character" ||
                      absl::StartsWith(to_base, "time") || absl::StartsWith(to_base, "interval");
  return from == to || !rounds || !digits || (Digits(from) && *Digits(from) <= *digits);
}

absl::Status Refused(const std::string& what, const absl::Status& status, const char* hint) {
  if (absl::IsUnavailable(status)) return status;
  const bool has_hint = absl::StrContains(status.message(), "HINT: ");
  return absl::InvalidArgumentError(
      StrCat(what, ": ", status.message(), has_hint ? "" : StrCat("\nHINT: ", hint)));
}

absl::Status UseOperatorsPath(Session& session) {
  const std::vector<std::string>& path = session.search_path();
  return session.Execute(
      StrCat("SET LOCAL search_path = ", path.empty() ? "''" : QuoteNames(path)));
}

absl::Status UsePinnedPath(Session& session) {
  return session.Execute("SET LOCAL search_path = pg_catalog, pg_temp");
}

absl::StatusOr<std::int64_t> OidOf(Session& session, const QualifiedName& name) {
  absl::StatusOr<Rows> rows = session.Query("SELECT pg_catalog.to_regclass($1)::oid", {name.Sql()});
  if (!rows.ok()) return rows.status();
  return ToInt(rows->front()[0]);
}

// The expression over the columns of `table` in the server's words, and its type. As the predicate
// of an index it has to be immutable, and one expression without subqueries.
struct Canonical {
  std::string expression;
  std::string type;
};
absl::StatusOr<Canonical> Canonicalize(Session& session, const QualifiedName& table,
                                       const std::string& option, const std::string& column,
                                       const std::string& expression) {
  const std::string what = StrCat(option, " for column ", DisplayName(column));
  absl::StatusOr<std::vector<std::string>> elements = SplitElements(what, expression);
  if (!elements.ok()) return elements.status();
  if (elements->size() != 1) {
    return absl::InvalidArgumentError(
        StrCat(what, " is more than one expression\nHINT: write --column 'name=expression'."));
  }
  constexpr char kHint[] =
      "write an immutable expression over the columns of the other table: no subqueries, and "
      "nothing that depends on the time, the session or its settings.";
  absl::Status status = UseOperatorsPath(session);
  if (status.ok()) {
    status = session.Execute(StrCat("SAVEPOINT expression; CREATE INDEX pg_restructure_try ON ",
                                    table.Sql(), " ((1)) WHERE (", expression, ") IS NOT NULL"));
  }
  if (!status.ok()) return Refused(what, status, kHint);
  if (status = UsePinnedPath(session); !status.ok()) return status;
  absl::StatusOr<Rows> text = session.Query(
      "SELECT pg_catalog.pg_get_expr(i.indpred, i.indrelid) FROM pg_catalog.pg_index i"
      " JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
      " WHERE i.indrelid = pg_catalog.to_regclass($1)::oid AND x.relname = 'pg_restructure_try'",
      {table.Sql()});
  if (!text.ok()) return text.status();
  if (status = session.Execute("ROLLBACK TO expression"); !status.ok()) return status;
  absl::string_view rest = *text->front()[0];
  if (!absl::ConsumePrefix(&rest, "(") || !absl::ConsumeSuffix(&rest, " IS NOT NULL)")) {
    return absl::InternalError(StrCat("this expression is not understood: ", *text->front()[0]));
  }
  Canonical canonical{std::string(rest), ""};
  absl::StatusOr<Rows> type = session.Query(
      StrCat("SELECT pg_catalog.pg_typeof(x) FROM (SELECT ", canonical.expression,
             " AS x FROM ONLY ", table.Sql(), " RIGHT JOIN (SELECT 1) one ON", " false) y"));
  if (!type.ok()) return type.status();
  canonical.type = ToText(type->front()[0]);
  return canonical;
}

absl::Status KeyCannotBecome(const std::string& column, const std::string& type) {
  return absl::FailedPreconditionError(
      StrCat("column ", DisplayName(column), " belongs to the key and cannot become ", type,
             ": rows could not be found by it\nHINT: smallint, integer and bigint ",
             "go over into each other, and so do varchar and text."));
}

// What each side's columns are and what fills them from the other side.
class Matcher {
 public:
  Matcher(Session& session, const QualifiedName& from_table, const char* option)
      : session_(session), from_table_(from_table), option_(option) {}

  // nullopt: nothing fills it, or with `may_fail`, not without changing what it is filled from.
  absl::StatusOr<std::optional<Column>> Fill(const Column& column, const Column* namesake,
                                             const std::string* expression, bool is_key,
                                             bool may_fail) {
    Column filled = column;
    if (expression != nullptr) {
      absl::StatusOr<Canonical> canonical =
          Canonicalize(session_, from_table_, option_, column.name, *expression);
      if (!canonical.ok()) return canonical.status();
      if (canonical->type != BaseType(column.type)) {
        return absl::InvalidArgumentError(StrCat(
            option_, " for column ", DisplayName(column.name), " is of type ", canonical->type,
            ", the column of type ", column.type, "\nHINT: write the cast into the expression."));
      }
      filled.expression = canonical->expression;
      return std::optional<Column>(filled);
    }
    if (namesake == nullptr) return std::optional<Column>();
    const bool same_base = BaseType(namesake->type) == BaseType(column.type);
    const bool keeps = KeepsOrRefuses(namesake->type, column.type);
    if (may_fail && !keeps) return std::optional<Column>();
    const bool widens = same_base || KeepsValues(BaseType(namesake->type), BaseType(column.type));
    if (!may_fail && !(keeps && widens)) {
      return absl::InvalidArgumentError(StrCat("column ", DisplayName(column.name),
                                               ": values of type ", namesake->type,
                                               " do not all become values of type ", column.type,
                                               " without a loss\nHINT: say how, with --column '",
                                               DisplayName(column.name), "=expression'."));
    }
    // Its blanks belong to the value.
    const bool pads = same_base && BaseType(column.type) == "character";
    if (namesake->type == column.type || (same_base && !pads)) return std::optional<Column>(filled);
    // A key is compared as it is, so that the index on it serves; to store it is a conversion.
    if (is_key && (pads || !ComparesByIndex(BaseType(namesake->type), BaseType(column.type)))) {
      return KeyCannotBecome(column.name, column.type);
    }
    if (!is_key) {
      const std::string type = pads ? column.type : BaseType(column.type);
      filled.expression = StrCat("(", QuoteName(column.name), ")::", type);
    }
    return std::optional<Column>(filled);
  }

 private:
  Session& session_;
  const QualifiedName from_table_;
  const char* const option_;
};

// Whatever refers to a column of the table by its number and would have to be made anew.
absl::Status RefuseDependants(Session& session, const TableFacts& table,
                              const std::vector<std::string>& altered,
                              const std::vector<std::string>& dropped) {
  std::vector<std::string> columns = altered;
  columns.insert(columns.end(), dropped.begin(), dropped.end());
  for (const std::string& column : columns) {
    const bool gone = Contains(dropped, column);
    absl::StatusOr<Rows> rows = session.Query(
        "SELECT DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)"
        " FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid"
        " AND a.attnum = d.refobjsubid WHERE d.refclassid ="
        " 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::oid AND a.attname = $2"
        " AND d.classid <> 'pg_catalog.pg_attrdef'::pg_catalog.regclass"
        " AND ($3 OR d.classid IN ('pg_catalog.pg_rewrite'::pg_catalog.regclass,"
        "  'pg_catalog.pg_policy'::pg_catalog.regclass,"
        "  'pg_catalog.pg_trigger'::pg_catalog.regclass))"
        " AND NOT (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a',"
        "  'i') AND EXISTS (SELECT FROM pg_catalog.pg_class q WHERE q.oid = d.objid"
        "  AND q.relkind = 'S')) ORDER BY 1",
        {StrCat(table.oid), column, std::string(gone ? "t" : "f")});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) continue;
    std::vector<std::string> names;
    for (const Row& row : *rows) names.push_back(ToText(row[0]));
    return absl::FailedPreconditionError(StrCat(
        "column ", DisplayName(column), " of ", table.name.Display(), " is needed as it is by ",
        absl::StrJoin(names, ", "), "\nHINT: drop them for the time of the job."));
  }
  return absl::OkStatus();
}

// The sub-commands may change columns and little else: what is built or checked row by row comes
// after the copy.
absl::Status RefuseOtherChanges(Session& session, const QualifiedName& tried, std::int64_t oid) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_index WHERE indrelid = $1::oid)"
      " OR EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid"
      "  AND contype = 'f') OR EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = $1::oid),"
      " pg_catalog.to_regclass($2)::oid IS DISTINCT FROM $1::oid",
      {StrCat(oid), tried.Sql()});
  if (!rows.ok()) return rows.status();
  if (ToBool(rows->front()[0])) {
    return absl::FailedPreconditionError(
        "--alter adds an index, a key or a foreign key\nHINT: add it to the table before the job "
        "or after it: both can be done online.");
  }
  if (ToBool(rows->front()[1])) {
    return absl::FailedPreconditionError(
        "--alter moves or renames the table\nHINT: do that after the job.");
  }
  return absl::OkStatus();
}

absl::Status RefuseUnknown(const TableAlteration::Expressions& expressions, const TableFacts& table,
                           const char* option, const char* which) {
  for (const auto& [column, expression] : expressions) {
    if (table.Find(column) == nullptr) {
      return absl::NotFoundError(StrCat("the ", which, " table has no column ", DisplayName(column),
                                        " (", option,
                                        ")\nHINT: add it with --alter 'ADD COLUMN ...'."));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AlterTable(Session& session, const QualifiedName& table,
                        const std::vector<std::string>& alters) {
  absl::Status status = UseOperatorsPath(session);
  for (const std::string& alter : alters) {
    if (status.ok()) status = SplitElements("--alter", alter).status();
    if (!status.ok()) return status;
    status = session.Execute(StrCat("ALTER TABLE ", table.Sql(), " ", alter));
    if (!status.ok()) {
      return Refused(StrCat("--alter '", alter, "'"), status,
                     "write what follows ALTER TABLE name in SQL.");
    }
  }
  return status.ok() ? UsePinnedPath(session) : status;
}

absl::StatusOr<AlteredColumns> TryAlteration(Session& session, const TableFacts& table,
                                             const std::vector<std::string>& generated,
                                             const TableAlteration& alteration) {
  absl::StatusOr<Transaction> transaction = Transaction::Begin(session, "try");
  if (!transaction.ok()) return transaction.status();
  // Two empty copies: as it is, and as it will be.
  const QualifiedName as_it_is{table.name.schema,
                               StrCat("pg_restructure_try_", session.backend_pid())};
  const QualifiedName tried{table.name.schema, StrCat(as_it_is.name, "_new")};
  absl::Status status = session.Execute("SET LOCAL client_min_messages = error");
  for (const QualifiedName& copy : {as_it_is, tried}) {
    if (!status.ok()) return status;
    status = session.Execute(StrCat("CREATE TABLE ", copy.Sql(), " (LIKE ", table.name.Sql(),
                                    " INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS)"));
  }
  if (!status.ok()) return status;
  absl::StatusOr<std::int64_t> oid = OidOf(session, tried);
  if (!oid.ok()) return oid.status();
  status = AlterTable(session, tried, alteration.alters);
  if (status.ok()) status = RefuseOtherChanges(session, tried, *oid);
  if (!status.ok()) return status;
  absl::StatusOr<TableFacts> then = ReadTable(session, *oid);
  if (!then.ok()) return then.status();
  absl::StatusOr<Rows> details = session.Query(
      "SELECT a.attname, a.attgenerated <> '', pg_catalog.pg_get_expr(d.adbin, d.adrelid)"
      " FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid"
      " AND d.adnum = a.attnum WHERE a.attrelid = $1::oid AND a.attnum > 0"
      " AND NOT a.attisdropped ORDER BY a.attnum",
      {StrCat(*oid)});
  if (!details.ok()) return details.status();
  status = RefuseUnknown(alteration.columns, *then, "--column", "new");
  if (status.ok()) status = RefuseUnknown(alteration.reverse, table, "--reverse", "old");
  if (!status.ok()) return status;

  AlteredColumns altered;
  std::vector<std::string> retyped, dropped;
  std::vector<std::string> key;
  for (const UniqueIndex& index : table.unique_indexes) {
    if (index.all_not_null && index.plain_equality) {
      key = index.columns;
      break;
    }
  }
  Matcher forward(session, as_it_is, "--column");
  for (std::size_t i = 0; i < then->columns.size(); ++i) {
    const Column& column = then->columns[i];
    if (ToBool((*details)[i][1])) continue;  // The server computes it.
    const Column* namesake = Contains(generated, column.name) ? nullptr : table.Find(column.name);
    const bool is_key = Contains(key, column.name);
    const std::string* expression = Find(alteration.columns, column.name);
    const std::string by_default = ToText((*details)[i][2]);
    if (is_key && expression != nullptr) {
      return absl::FailedPreconditionError(
          StrCat("column ", DisplayName(column.name), " belongs to the key by which rows are ",
                 "followed\nHINT: leave its values as they are; another type is possible."));
    }
    if (expression == nullptr && namesake == nullptr && !by_default.empty()) {
      expression = &by_default;
    }
    absl::StatusOr<std::optional<Column>> filled =
        forward.Fill(column, namesake, expression, is_key, false);
    if (!filled.ok()) return filled.status();
    if (filled->has_value()) altered.new_columns.push_back(**filled);
    if (!filled->has_value() && column.not_null) {
      return absl::InvalidArgumentError(
          StrCat("nothing fills the new column ", DisplayName(column.name),
                 ", which is NOT NULL\nHINT: give --column '", DisplayName(column.name),
                 "=expression', or a default."));
    }
    if (namesake != nullptr && namesake->type != column.type) retyped.push_back(column.name);
    if (namesake == nullptr || namesake->type != column.type || expression != nullptr) {
      altered.changed.push_back(column.name);
    }
  }
  Matcher backward(session, tried, "--reverse");
  for (const Column& column : table.columns) {
    if (Contains(generated, column.name)) continue;
    const Column* namesake = then->Find(column.name);
    if (namesake == nullptr) dropped.push_back(column.name);
    const std::string* expression = Find(alteration.reverse, column.name);
    absl::StatusOr<std::optional<Column>> filled =
        backward.Fill(column, namesake, expression, Contains(key, column.name), true);
    if (!filled.ok()) return filled.status();
    // What an expression made cannot be read back out of the column of that name.
    const bool remade = Find(alteration.columns, column.name) != nullptr && expression == nullptr;
    if (!filled->has_value() && namesake != nullptr && Contains(key, column.name)) {
      return KeyCannotBecome(column.name, namesake->type);
    }
    if (!filled->has_value() || remade) {
      altered.lost.push_back(column.name);
    } else {
      altered.old_columns.push_back(**filled);
    }
  }
  for (const std::string& column : dropped) {
    if (!Contains(key, column)) continue;
    return absl::FailedPreconditionError(
        StrCat("column ", DisplayName(column), " belongs to the key of ", table.name.Display(),
               "\nHINT: keep it, or give the table another key first."));
  }
  status = RefuseDependants(session, table, retyped, dropped);
  if (!status.ok()) return status;
  return altered;
}

}  // namespace catalog
