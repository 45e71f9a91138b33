#include "catalog/facts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace catalog {
namespace {

// Names come as a JSON-free list: quote_ident is not needed, each name is its own row.
absl::Status ReadColumns(Session& session, TableFacts* table) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),"
      " CASE WHEN a.attcollation <> t.typcollation THEN"
      "  pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(c.collname) END,"
      " a.attnotnull, t.typlen > 0, a.attgenerated = 'v',"
      // -0.0, 1.00, 24 hours against one day, padding, nondeterministic collations: not plain. But
      // where a numeric's scale is declared, equal values are stored alike.
      " t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND (t.typname IN ('bool', 'int2',"
      "  'int4', 'int8', 'oid', 'date', 'time', 'timestamp', 'timestamptz', 'uuid', 'bytea')"
      "  OR t.typname IN ('text', 'varchar') AND c.collisdeterministic"
      "  OR t.typname = 'numeric' AND a.atttypmod <> -1)"
      " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
      " LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation"
      " LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = c.collnamespace"
      " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
      {absl::StrCat(table->oid)});
  if (!rows.ok()) return rows.status();
  for (const Row& row : *rows) {
    table->columns.push_back({ToText(row[0]), ToText(row[1]), ToText(row[2]), ToBool(row[3]),
                              ToBool(row[4]), ToBool(row[6]), ""});
    if (ToBool(row[5])) table->virtual_columns.push_back(ToText(row[0]));
  }
  return absl::OkStatus();
}

absl::Status ReadUniqueIndexes(Session& session, TableFacts* table) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT i.indexrelid, c.relname, a.attname, i.indisprimary, a.attnotnull,"
      " EXISTS (SELECT FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_amop m"
      "  ON m.amopfamily = o.opcfamily AND m.amopstrategy = 3 AND m.amoplefttype = o.opcintype"
      "  AND m.amoprighttype = o.opcintype JOIN pg_catalog.pg_operator p ON p.oid = m.amopopr"
      "  WHERE o.oid = (i.indclass::oid[])[k.n - 1]"
      "  AND p.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace)"
      " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid,"
      " pg_catalog.unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY k(attnum, n)"
      " JOIN pg_catalog.pg_attribute a ON a.attnum = k.attnum"
      " WHERE a.attrelid = i.indrelid AND i.indrelid = $1::oid AND i.indisunique AND i.indisvalid"
      // WITHOUT OVERLAPS is no key of one row, and no ON CONFLICT finds it.
      " AND i.indimmediate AND NOT i.indisexclusion AND i.indpred IS NULL AND i.indexprs IS NULL"
      " ORDER BY i.indisprimary DESC, i.indnkeyatts, c.relname, k.n",
      {absl::StrCat(table->oid)});
  if (!rows.ok()) return rows.status();
  std::int64_t last = 0;
  for (const Row& row : *rows) {
    if (ToInt(row[0]) != last) {
      last = ToInt(row[0]);
      table->unique_indexes.push_back({ToText(row[1]), {}, ToBool(row[3]), true, true});
    }
    UniqueIndex& index = table->unique_indexes.back();
    index.columns.push_back(ToText(row[2]));
    index.all_not_null = index.all_not_null && ToBool(row[4]);
    index.plain_equality = index.plain_equality && ToBool(row[5]);
  }
  return absl::OkStatus();
}

}  // namespace

const Column* TableFacts::Find(const std::string& column) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& c) { return c.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

absl::StatusOr<ServerFacts> ReadServer(Session& session) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.current_setting('server_version_num'),"
      " pg_catalog.current_setting('server_version'), pg_catalog.pg_is_in_recovery(),"
      " pg_catalog.current_setting('transaction_read_only') = 'on',"
      " (SELECT system_identifier FROM pg_catalog.pg_control_system()),"
      " (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),"
      " pg_catalog.current_database(), current_user,"
      " (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),"
      " pg_catalog.current_setting('block_size'),"
      " pg_catalog.current_setting('max_connections')::int"
      "  - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity"
      "     WHERE backend_type = 'client backend'),"
      " pg_catalog.pg_size_bytes(pg_catalog.current_setting('effective_cache_size'))");
  if (!rows.ok()) return rows.status();
  const Row& row = rows->front();
  ServerFacts facts;
  facts.version = static_cast<int>(ToInt(row[0]));
  facts.version_text = ToText(row[1]);
  facts.in_recovery = ToBool(row[2]);
  facts.read_only = ToBool(row[3]);
  facts.system_identifier = ToText(row[4]);
  facts.database_oid = ToInt(row[5]);
  facts.database = ToText(row[6]);
  facts.user = ToText(row[7]);
  facts.is_superuser = ToBool(row[8]);
  facts.block_bytes = ToInt(row[9]);
  facts.connections_left = static_cast<int>(ToInt(row[10]));
  facts.cache_bytes = ToInt(row[11]);
  return facts;
}

absl::StatusOr<std::optional<std::int64_t>> FindRelation(Session& session,
                                                         const QualifiedName& name) {
  std::vector<std::string> schemas = session.search_path();
  if (!name.schema.empty()) schemas = {name.schema};
  for (const std::string& schema : schemas) {
    absl::StatusOr<Rows> rows = session.Query(
        "SELECT c.oid FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relname = $2",
        {schema, name.name});
    if (!rows.ok()) return rows.status();
    if (!rows->empty()) return std::optional<std::int64_t>(ToInt(rows->front()[0]));
  }
  return std::optional<std::int64_t>();
}

absl::StatusOr<TableFacts> ReadTable(Session& session, std::int64_t oid) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT n.nspname, c.relname, c.relkind, c.relpersistence, r.rolname,"
      " pg_catalog.pg_has_role(c.relowner, 'USAGE'),"
      " pg_catalog.has_table_privilege(c.oid, 'SELECT'),"
      " pg_catalog.row_security_active(c.oid), c.relrowsecurity, c.relhassubclass,"
      " EXISTS (SELECT FROM pg_catalog.pg_subscription_rel sr WHERE sr.srrelid = c.oid),"
      " n.nspname IN ('pg_catalog', 'information_schema') OR n.nspname LIKE 'pg\\_toast%',"
      " CASE WHEN c.reltuples < 0 OR c.relpages = 0 THEN NULL ELSE c.reltuples / c.relpages END,"
      " CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid)"
      "  / pg_catalog.current_setting('block_size')::int ELSE 0 END,"
      " CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_table_size(c.oid) ELSE 0 END"
      " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " JOIN pg_catalog.pg_roles r ON r.oid = c.relowner WHERE c.oid = $1::oid",
      {absl::StrCat(oid)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError(absl::StrCat("no relation with oid ", oid));
  const Row& row = rows->front();
  TableFacts table;
  table.oid = oid;
  table.name = {ToText(row[0]), ToText(row[1])};
  table.kind = ToText(row[2])[0];
  table.persistence = ToText(row[3])[0];
  table.owner = ToText(row[4]);
  table.we_own_it = ToBool(row[5]);
  table.may_select = ToBool(row[6]);
  table.row_security_hides = ToBool(row[7]);
  table.row_security = ToBool(row[8]);
  table.has_children = ToBool(row[9]);
  table.is_subscription_target = ToBool(row[10]);
  table.is_system = ToBool(row[11]);
  table.blocks = ToInt(row[13]);
  table.bytes = ToInt(row[14]);
  if (absl::Status status = ReadColumns(session, &table); !status.ok()) return status;
  if (absl::Status status = ReadUniqueIndexes(session, &table); !status.ok()) return status;
  // Never analyzed: as the planner guesses, from the size.
  const double per_block = row[12] ? ToDouble(row[12]) : 60;
  table.rows_estimate = static_cast<std::int64_t>(per_block * static_cast<double>(table.blocks));
  return table;
}

std::string CreationSchema(const Session& session) {
  for (const std::string& schema : session.search_path()) {
    if (schema != "pg_catalog") return schema;
  }
  return "";
}

absl::StatusOr<bool> MayCreateIn(Session& session, const std::string& schema) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace"
      " WHERE nspname = $1",
      {schema});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError(absl::StrCat("no schema ", DisplayName(schema)));
  return ToBool(rows->front()[0]);
}

absl::StatusOr<bool> MayCreateSchema(Session& session) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')");
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

absl::StatusOr<bool> MayUseLedger(Session& session) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.has_schema_privilege('restructure', 'CREATE')"
      " AND pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, p))"
      " FROM pg_catalog.pg_class c, pg_catalog.unnest(ARRAY['SELECT', 'INSERT', 'UPDATE',"
      " 'DELETE']) p WHERE c.relnamespace = 'restructure'::pg_catalog.regnamespace"
      " AND c.relname IN ('set', 'structure', 'job', 'batch', 'event',"
      " 'index_change', 'index_part', 'index_foreign_key', 'table_change', 'table_part',"
      " 'tree')");
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

absl::Status MayUseTablespace(Session& session, const std::string& name) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.has_tablespace_privilege(oid, 'CREATE') FROM pg_catalog.pg_tablespace"
      " WHERE spcname = $1 AND spcname <> 'pg_global'",
      {name});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) {
    return absl::NotFoundError(
        absl::StrCat("no tablespace ", DisplayName(name),
                     "\nHINT: the view pg_tablespace lists them; CREATE TABLESPACE makes one."));
  }
  if (ToBool(rows->front()[0])) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("this role may not create in tablespace ", DisplayName(name),
                   "\nHINT: GRANT CREATE ON TABLESPACE ", DisplayName(name), " TO it."));
}

absl::StatusOr<double> RowBytesEstimate(Session& session, std::int64_t oid,
                                        const std::vector<std::string>& columns) {
  double bytes = 28;  // tuple header and line pointer
  for (const std::string& column : columns) {
    absl::StatusOr<Rows> rows = session.Query(
        "SELECT coalesce((SELECT pg_catalog.avg(s.avg_width) FROM pg_catalog.pg_stats s"
        " WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname),"
        " CASE WHEN t.typlen > 0 THEN t.typlen ELSE 32 END)"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"
        " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
        " WHERE c.oid = $1::oid AND a.attname = $2",
        {absl::StrCat(oid), column});
    if (!rows.ok()) return rows.status();
    if (!rows->empty()) bytes += ToDouble(rows->front()[0]);
  }
  return bytes;
}

absl::StatusOr<bool> ComparesPlainly(Session& session, std::int64_t table,
                                     const std::string& column) {
  absl::StatusOr<Rows> rows = session.Query(
      "WITH RECURSIVE base AS (SELECT a.atttypid AS type FROM pg_catalog.pg_attribute a"
      "  WHERE a.attrelid = $1::oid AND a.attname = $2 UNION ALL"
      "  SELECT t.typbasetype FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type"
      "  WHERE t.typtype = 'd')"
      " SELECT NOT EXISTS (SELECT FROM base b JOIN pg_catalog.pg_opclass o ON o.opcintype = b.type"
      "  AND o.opcdefault JOIN pg_catalog.pg_amop m ON m.amopfamily = o.opcfamily"
      "  JOIN pg_catalog.pg_operator p ON p.oid = m.amopopr"
      "  WHERE p.oprnamespace <> 'pg_catalog'::pg_catalog.regnamespace)",
      {absl::StrCat(table), column});
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

absl::Status CheckSortable(Session& session, const QualifiedName& table, const SortColumn& column) {
  return session
      .Query(absl::StrCat("SELECT FROM ", table.Sql(), " t WHERE false ORDER BY ",
                          SortColumnSql(column, "t.")))
      .status();
}

// Two sessions hold a transaction each and end them crosswise: a pool hands its backends out again
// in another order, a backend of our own stays the same.
absl::StatusOr<bool> IsPooledByTransaction(Session& session, const std::string& conninfo) {
  absl::StatusOr<std::unique_ptr<Session>> second = Session::Open(conninfo, "pg_restructure probe");
  if (!second.ok()) return second.status();
  std::vector<std::int64_t> seen[2];
  for (int round = 0; round < 3; ++round) {
    Session* const order[2] = {&session, second->get()};
    for (int i = 0; i < 2; ++i) {
      if (absl::Status begun = order[i]->Execute("BEGIN"); !begun.ok()) return begun;
      absl::StatusOr<Rows> pid = order[i]->Query("SELECT pg_catalog.pg_backend_pid()");
      if (!pid.ok()) return pid.status();
      seen[i].push_back(ToInt(pid->front()[0]));
    }
    for (Session* each : order) {
      if (absl::Status ended = each->Execute("COMMIT"); !ended.ok()) return ended;
    }
  }
  const auto changes = [](const std::vector<std::int64_t>& pids) {
    return std::any_of(pids.begin(), pids.end(), [&](std::int64_t p) { return p != pids[0]; });
  };
  return changes(seen[0]) || changes(seen[1]);
}

}  // namespace catalog
