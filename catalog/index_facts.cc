#include "catalog/index_facts.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "catalog/facts.h"
#include "catalog/ledger.h"
#include "catalog/sql_text.h"

namespace catalog {
namespace {

std::vector<std::string> Lines(const Value& value) {
  if (!value) return {};
  return absl::StrSplit(*value, '\n', absl::SkipEmpty());
}

// Elements of the key without their order, operator class and collation: what GROUP BY takes.
absl::StatusOr<std::vector<std::string>> PlainElements(Session& session, std::int64_t oid) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.pg_get_indexdef($1::oid, n, false) FROM pg_catalog.pg_index i,"
      " pg_catalog.generate_series(1, i.indnkeyatts) n WHERE i.indexrelid = $1::oid ORDER BY n",
      {absl::StrCat(oid)});
  if (!rows.ok()) return rows.status();
  std::vector<std::string> elements;
  for (const Row& row : *rows) elements.push_back(ToText(row[0]));
  return elements;
}

absl::StatusOr<std::vector<std::string>> KeyColumns(Session& session, std::int64_t oid) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT a.attname FROM pg_catalog.pg_index i,"
      " pg_catalog.unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY k(attnum, n)"
      " JOIN pg_catalog.pg_attribute a ON a.attnum = k.attnum"
      " WHERE a.attrelid = i.indrelid AND i.indexrelid = $1::oid AND i.indexprs IS NULL"
      " ORDER BY k.n",
      {absl::StrCat(oid)});
  if (!rows.ok()) return rows.status();
  std::vector<std::string> names;
  for (const Row& row : *rows) names.push_back(ToText(row[0]));
  return names;
}

// "name" of "name=value".
std::string OptionName(const std::string& option) { return option.substr(0, option.find('=')); }

absl::Status CheckOption(const std::string& option) {
  const std::size_t equals = option.find('=');
  const auto is_plain = [](absl::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
    });
  };
  if (equals != std::string::npos && is_plain(option.substr(0, equals)) &&
      is_plain(option.substr(equals + 1))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("storage parameter \"", option,
                                                 "\" is not NAME=VALUE",
                                                 "\nHINT: write for example --set fillfactor=90."));
}

absl::Status ApplyWishes(const IndexWishes& wishes, IndexDefinition* definition) {
  if (wishes.keys) {
    absl::StatusOr<std::vector<std::string>> elements = SplitElements("index key", *wishes.keys);
    if (!elements.ok()) return elements.status();
    definition->keys = absl::StrJoin(*elements, ", ");
  }
  if (wishes.include) definition->include = *wishes.include;
  if (wishes.predicate) {
    definition->predicate = *wishes.predicate;
    if (!wishes.predicate->empty()) {
      absl::StatusOr<std::vector<std::string>> condition =
          SplitElements("condition", *wishes.predicate);
      if (!condition.ok()) return condition.status();
      if (condition->size() != 1) {
        return absl::InvalidArgumentError(
            absl::StrCat("condition \"", *wishes.predicate, "\" has a comma outside of parentheses",
                         "\nHINT: write one condition, for example --where \"status <> 'done'\"."));
      }
    }
  }
  if (wishes.method) definition->method = *wishes.method;
  if (wishes.tablespace) definition->tablespace = *wishes.tablespace;
  definition->unique = definition->unique || wishes.unique;
  for (const std::string& option : wishes.options) {
    if (absl::Status plain = CheckOption(option); !plain.ok()) return plain;
    std::vector<std::string>& options = definition->options;
    options.erase(std::remove_if(options.begin(), options.end(),
                                 [&](const std::string& other) {
                                   return OptionName(other) == OptionName(option);
                                 }),
                  options.end());
    options.push_back(option);
  }
  std::sort(definition->options.begin(), definition->options.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::int64_t> FindIndex(Session& session, const QualifiedName& name) {
  absl::StatusOr<std::optional<std::int64_t>> oid = FindRelation(session, name);
  if (!oid.ok()) return oid.status();
  if (!oid->has_value()) {
    return absl::NotFoundError(absl::StrCat("no index ", name.Display(),
                                            "\nHINT: write SCHEMA.INDEX; psql's \\d TABLE lists a "
                                            "table's indexes."));
  }
  absl::StatusOr<Rows> kind = session.Query(
      "SELECT relkind, CASE relkind WHEN 'r' THEN 'a table' WHEN 'p' THEN"
      " 'a partitioned table' WHEN 'v' THEN 'a view' WHEN 'm' THEN"
      " 'a materialized view' WHEN 'S' THEN 'a sequence' ELSE 'no index' END"
      " FROM pg_catalog.pg_class WHERE oid = $1::oid",
      {absl::StrCat(**oid)});
  if (!kind.ok()) return kind.status();
  const std::string relkind = kind->empty() ? "" : ToText(kind->front()[0]);
  if (relkind == "i" || relkind == "I") return **oid;
  return absl::NotFoundError(absl::StrCat(name.Display(), " is ",
                                          kind->empty() ? "gone" : ToText(kind->front()[1]),
                                          ", not an index\nHINT: name the index itself."));
}

absl::StatusOr<IndexDefinition> ReadDefinition(Session& session, std::int64_t oid) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.pg_get_indexdef(i.indexrelid), am.amname, i.indisunique,"
      " 'CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || 'INDEX '"
      " || pg_catalog.quote_ident(c.relname) || ' ON ' ||"
      " CASE WHEN t.relkind = 'p' THEN 'ONLY ' ELSE '' END || pg_catalog.format('%I.%I', n.nspname,"
      " t.relname) || ' USING ' || pg_catalog.quote_ident(am.amname) || ' (',"
      " (SELECT pg_catalog.string_agg(a.attname, E'\\n' ORDER BY k.n) FROM"
      "  pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n) JOIN"
      "  pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
      "  WHERE k.n > i.indnkeyatts),"
      " pg_catalog.array_to_string(c.reloptions, E'\\n'),"
      " s.spcname, pg_catalog.pg_get_expr(i.indpred, i.indrelid),"
      " coalesce((pg_catalog.to_jsonb(i)->>'indnullsnotdistinct')::boolean, false)"
      " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
      " JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
      " JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace"
      " JOIN pg_catalog.pg_am am ON am.oid = c.relam"
      " LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace"
      " WHERE i.indexrelid = $1::oid",
      {absl::StrCat(oid)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError(absl::StrCat("no index with oid ", oid));
  const Row& row = rows->front();
  const std::string text = ToText(row[0]);
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, ToText(row[3]))) {
    return absl::InternalError(
        absl::StrCat("this definition of an index is not understood: ", text));
  }
  absl::StatusOr<std::string> keys = TakeParenthesized(&rest);
  if (!keys.ok()) return keys.status();
  IndexDefinition definition;
  definition.keys = *std::move(keys);
  definition.method = ToText(row[1]);
  definition.unique = ToBool(row[2]);
  definition.include = Lines(row[4]);
  definition.options = Lines(row[5]);
  definition.tablespace = ToText(row[6]);
  definition.predicate = ToText(row[7]);
  definition.nulls_not_distinct = ToBool(row[8]);
  return definition;
}

absl::StatusOr<std::vector<ForeignKey>> ReadForeignKeys(Session& session, std::int64_t index_oid) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT n.nspname, c.relname, f.conname, pg_catalog.pg_get_constraintdef(f.oid),"
      " f.convalidated, pg_catalog.obj_description(f.oid, 'pg_constraint'),"
      " (SELECT pg_catalog.string_agg(a.attname, E'\\n') FROM pg_catalog.unnest(f.confkey) k"
      "  JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k),"
      " pg_catalog.pg_has_role(c.relowner, 'USAGE'),"
      " c.relkind = 'p' OR f.conparentid <> 0"
      " FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_class c ON c.oid = f.conrelid"
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " WHERE f.contype = 'f' AND f.conindid = $1::oid ORDER BY c.oid, f.conname",
      {absl::StrCat(index_oid)});
  if (!rows.ok()) return rows.status();
  std::vector<ForeignKey> keys;
  for (const Row& row : *rows) {
    ForeignKey key;
    key.table = {ToText(row[0]), ToText(row[1])};
    key.name = ToText(row[2]);
    key.definition = std::string(absl::StripSuffix(ToText(row[3]), " NOT VALID"));
    key.valid = ToBool(row[4]);
    key.comment = ToText(row[5]);
    key.columns = Lines(row[6]);
    key.we_own_table = ToBool(row[7]);
    key.partitioned = ToBool(row[8]);
    keys.push_back(std::move(key));
  }
  return keys;
}

absl::StatusOr<IndexFacts> ReadIndex(Session& session, std::int64_t oid) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT xn.nspname, x.relname, t.oid, n.nspname, t.relname, x.relkind = 'I',"
      " x.relispartition, i.indisvalid AND i.indisready,"
      " t.relnamespace::pg_catalog.regnamespace::text IN ('pg_catalog', 'information_schema',"
      "  'pg_toast', 'restructure'), pg_catalog.pg_has_role(t.relowner, 'USAGE'),"
      " t.relpersistence, k.conname, k.contype, k.condeferrable, k.condeferred, i.indisclustered,"
      " i.indisreplident,"
      " (SELECT coalesce(pg_catalog.sum(pg_catalog.pg_relation_size(l.relid)), 0)::bigint FROM"
      "  pg_catalog.pg_partition_tree(x.oid) l),"
      " p.bytes, p.rows, p.leaves, p.has_foreign,"
      " (SELECT pg_catalog.string_agg(a.attname, E'\\n') FROM pg_catalog.pg_attribute a"
      "  WHERE a.attrelid = t.oid AND NOT a.attnotnull AND a.attnum ="
      "   ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])),"
      // Rules of views that group by the primary key need the constraint.
      " (SELECT pg_catalog.string_agg(DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid,"
      "   0), E'\\n') FROM pg_catalog.pg_depend d WHERE d.refclassid ="
      "   'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.refobjid = k.oid"
      "   AND d.deptype = 'n' AND d.classid <> 'pg_catalog.pg_constraint'::pg_catalog.regclass)"
      " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
      " JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace"
      " JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
      " JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace"
      " LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.oid AND k.conrelid = t.oid"
      "  AND k.contype IN ('p', 'u', 'x'),"
      " LATERAL (SELECT pg_catalog.sum(pg_catalog.pg_relation_size(c.oid))::bigint AS bytes,"
      "   pg_catalog.sum(greatest(c.reltuples, 0))::bigint AS rows,"
      "   pg_catalog.count(*) AS leaves, pg_catalog.bool_or(c.relkind = 'f') AS has_foreign"
      "  FROM pg_catalog.pg_class c WHERE c.oid IN (SELECT t.oid WHERE t.relkind <> 'p' UNION ALL"
      "   SELECT r.relid FROM pg_catalog.pg_partition_tree(t.oid) r WHERE r.isleaf)) p"
      " WHERE i.indexrelid = $1::oid",
      {absl::StrCat(oid)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError(absl::StrCat("no index with oid ", oid));
  const Row& row = rows->front();
  IndexFacts index;
  index.oid = oid;
  index.name = {ToText(row[0]), ToText(row[1])};
  index.table_oid = ToInt(row[2]);
  index.table = {ToText(row[3]), ToText(row[4])};
  index.partitioned = ToBool(row[5]);
  index.is_partition = ToBool(row[6]);
  index.valid = ToBool(row[7]);
  index.is_system = ToBool(row[8]);
  index.we_own_table = ToBool(row[9]);
  index.persistence = ToText(row[10])[0];
  index.constraint = ToText(row[11]);
  if (row[12]) index.constraint_type = ToText(row[12])[0];
  index.deferrable = ToBool(row[13]);
  index.deferred = ToBool(row[14]);
  index.clustered = ToBool(row[15]);
  index.replica_identity = ToBool(row[16]);
  index.bytes = ToInt(row[17]);
  index.table_bytes = ToInt(row[18]);
  index.rows_estimate = ToInt(row[19]);
  index.leaves = static_cast<int>(ToInt(row[20]));
  index.has_foreign_leaf = ToBool(row[21]);
  index.nullable_columns = Lines(row[22]);
  index.dependants = Lines(row[23]);
  absl::StatusOr<IndexDefinition> definition = ReadDefinition(session, oid);
  if (!definition.ok()) return definition.status();
  index.definition = *std::move(definition);
  absl::StatusOr<std::vector<std::string>> columns = KeyColumns(session, oid);
  if (!columns.ok()) return columns.status();
  index.key_columns = *std::move(columns);
  absl::StatusOr<std::vector<ForeignKey>> keys = ReadForeignKeys(session, oid);
  if (!keys.ok()) return keys.status();
  index.foreign_keys = *std::move(keys);
  return index;
}

absl::StatusOr<TriedDefinition> TryDefinition(Session& session, const IndexFacts& index,
                                              const IndexWishes& wishes) {
  IndexDefinition wanted = index.definition;
  if (absl::Status applied = ApplyWishes(wishes, &wanted); !applied.ok()) return applied;
  absl::StatusOr<Transaction> transaction = Transaction::Begin(session, "try");
  if (!transaction.ok()) return transaction.status();
  const QualifiedName empty{index.table.schema,
                            absl::StrCat("pg_restructure_try_", session.backend_pid())};
  absl::Status status =
      session.Execute(absl::StrCat("SET LOCAL client_min_messages = error; CREATE TABLE ",
                                   empty.Sql(), " (LIKE ", index.table.Sql(), ")"));
  if (!status.ok()) return status;
  // What the operator wrote means what it means in his own session.
  std::vector<std::string> path = session.search_path();
  status = session.Execute(
      absl::StrCat("SET LOCAL search_path = ", path.empty() ? "''" : QuoteNames(path)));
  if (!status.ok()) return status;
  status =
      session.Execute(absl::StrCat("CREATE ", wanted.unique ? "UNIQUE " : "",
                                   "INDEX pg_restructure_try ON ", empty.Sql(), IndexSql(wanted)));
  if (!status.ok()) {
    if (absl::IsUnavailable(status)) return status;
    const bool has_hint = absl::StrContains(status.message(), "HINT: ");
    return absl::InvalidArgumentError(absl::StrCat(
        "the server refuses such an index on ", index.table.Display(), ": ", status.message(),
        has_hint ? "" : "\nHINT: write it as CREATE INDEX takes it."));
  }
  status = session.Execute("SET LOCAL search_path = pg_catalog, pg_temp");
  if (!status.ok()) return status;
  absl::StatusOr<Rows> oid = session.Query(
      "SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid ="
      " pg_catalog.to_regclass($1)::oid",
      {empty.Sql()});
  if (!oid.ok()) return oid.status();
  const std::int64_t tried_oid = ToInt(oid->front()[0]);
  TriedDefinition tried;
  absl::StatusOr<IndexDefinition> definition = ReadDefinition(session, tried_oid);
  if (!definition.ok()) return definition.status();
  tried.definition = *std::move(definition);
  absl::StatusOr<std::vector<std::string>> columns = KeyColumns(session, tried_oid);
  if (!columns.ok()) return columns.status();
  tried.key_columns = *std::move(columns);
  tried.has_expressions = tried.key_columns.empty();
  absl::StatusOr<Rows> order = session.Query(
      "SELECT pg_catalog.bool_and((i.indoption::int2[])[k] = 0 AND o.opcdefault"
      " AND (i.indcollation::oid[])[k] = a.attcollation)"
      " FROM pg_catalog.pg_index i, pg_catalog.generate_series(0, i.indnkeyatts - 1) k"
      " JOIN pg_catalog.pg_attribute a ON true JOIN pg_catalog.pg_opclass o ON true"
      " WHERE i.indexrelid = $1::oid AND a.attrelid = i.indrelid"
      " AND a.attnum = (i.indkey::int2[])[k] AND o.oid = (i.indclass::oid[])[k]",
      {absl::StrCat(tried_oid)});
  if (!order.ok()) return order.status();
  tried.default_order = ToBool(order->front()[0]);
  return tried;
}

absl::StatusOr<std::vector<std::string>> FindDuplicates(Session& session,
                                                        const QualifiedName& table,
                                                        const IndexDefinition& definition,
                                                        absl::Duration limit) {
  // The elements alone, by asking an empty table's index again.
  absl::StatusOr<Transaction> transaction =
      Transaction::Begin(session, "try", {absl::ZeroDuration(), limit});
  if (!transaction.ok()) return transaction.status();
  const QualifiedName empty{table.schema,
                            absl::StrCat("pg_restructure_try_", session.backend_pid())};
  absl::Status status = session.Execute(absl::StrCat(
      "SET LOCAL client_min_messages = error; CREATE TABLE ", empty.Sql(), " (LIKE ", table.Sql(),
      "); CREATE INDEX pg_restructure_try ON ", empty.Sql(), IndexSql(definition)));
  if (!status.ok()) return status;
  absl::StatusOr<Rows> oid = session.Query(
      "SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid ="
      " pg_catalog.to_regclass($1)::oid",
      {empty.Sql()});
  if (!oid.ok()) return oid.status();
  absl::StatusOr<std::vector<std::string>> elements =
      PlainElements(session, ToInt(oid->front()[0]));
  if (!elements.ok()) return elements.status();
  std::vector<std::string> conditions;
  if (!definition.predicate.empty()) conditions.push_back(definition.predicate);
  if (!definition.nulls_not_distinct) {
    for (const std::string& element : *elements) {
      conditions.push_back(absl::StrCat("(", element, ") IS NOT NULL"));
    }
  }
  const auto in_parentheses = [](std::string* out, const std::string& element) {
    absl::StrAppend(out, "(", element, ")");
  };
  const std::string list = absl::StrJoin(*elements, ", ", in_parentheses);
  absl::StatusOr<Rows> rows = session.Query(absl::StrCat(
      "SELECT pg_catalog.concat_ws(', ', ", list, "), pg_catalog.count(*) FROM ", table.Sql(),
      conditions.empty() ? "" : " WHERE ", absl::StrJoin(conditions, " AND ", in_parentheses),
      " GROUP BY ", list, " HAVING pg_catalog.count(*) > 1 LIMIT 3"));
  if (!rows.ok()) return rows.status();
  std::vector<std::string> found;
  for (const Row& row : *rows) {
    found.push_back(absl::StrCat("(", ToText(row[0]), ") ", ToText(row[1]), " times"));
  }
  return found;
}

}  // namespace catalog
