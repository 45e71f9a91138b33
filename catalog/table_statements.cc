#include "catalog/table_statements.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "catalog/partition_statements.h"
#include "catalog/set_statements.h"

namespace catalog {
namespace {

using absl::StrCat;

std::string Replace(const SetDefinition& set, const Structure& structure, const std::string& keys) {
  if (set.TriesAgainAtCommit()) return ReplaceNowOrLater(set, structure, keys);
  return OrKeepInMind(set, structure, ReplaceRows(set, structure, keys), keys);
}

// What the structure defers would fail when the user commits, where nothing keeps it from him.
std::string CheckNow(const Structure& structure) {
  return absl::Substitute(
      "EXECUTE coalesce((SELECT 'SET CONSTRAINTS ' || pg_catalog.string_agg(pg_catalog.format("
      "'%I.%I', n.nspname, c.conname), ', ') || ' IMMEDIATE' FROM pg_catalog.pg_constraint c"
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace"
      " WHERE c.conrelid = $0::pg_catalog.regclass AND c.condeferrable AND c.contype <> 'f'),"
      " 'SELECT');\n",
      QuoteLiteral(structure.table.Sql()));
}

std::string Body(const SetDefinition& set, const Structure& structure) {
  const std::string key = QuoteNames(set.key);
  const std::string old_keys = StrCat("SELECT ", key, " FROM old_rows");
  const std::string new_keys = StrCat("SELECT ", key, " FROM new_rows");
  const std::vector<std::string> columns = ColumnNames(structure);
  // A transaction whose snapshot is older than the row (REPEATABLE READ, begun before the copy or
  // the last drain) would not see it, and its DELETE would silently leave it there. ON CONFLICT
  // looks at the row whatever the snapshot, and such a transaction gets a serialization failure.
  const std::string see_rows = absl::Substitute(
      "INSERT INTO $0 ($1) OVERRIDING SYSTEM VALUE SELECT $2 FROM old_rows s"
      " ON CONFLICT ($3) DO NOTHING;\n",
      structure.table.Sql(), QuoteNames(columns), SourceExpressions(structure), key);
  const std::string see_rows_or_fail = absl::Substitute(
      "IF TG_OP IN ('UPDATE', 'DELETE')"
      " AND pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN\n"
      "$0END IF;\n",
      OrKeepInMind(set, structure, see_rows, old_keys));
  return absl::Substitute(
      "\nBEGIN\n$0"
      "IF TG_OP = 'INSERT' THEN\n$1"
      "ELSIF TG_OP = 'UPDATE' THEN\n$2"
      "ELSIF TG_OP = 'DELETE' THEN\n$3"
      "ELSE\nTRUNCATE $4;\n"
      "END IF;\nRETURN NULL;\nEND\n",
      see_rows_or_fail, Replace(set, structure, new_keys),
      Replace(set, structure, StrCat(old_keys, " UNION ", new_keys)),
      Replace(set, structure, old_keys), structure.table.Sql());
}

}  // namespace

std::string OrKeepInMind(const SetDefinition& set, const Structure& structure,
                         const std::string& statements, const std::string& keys) {
  return absl::Substitute(
      "BEGIN\n$0EXCEPTION WHEN OTHERS THEN\n"
      "IF SQLSTATE LIKE '40%' THEN RAISE; END IF;\n"
      "INSERT INTO $1 ($2) $3;\nEND;\n",
      statements, structure.KeyLog().Sql(), QuoteNames(set.key), keys);
}

// All rows of a statement go before any comes back, so that values may change places between them
// under a unique index; and nothing depends on what other triggers of the same statement have done.
std::string ReplaceRows(const SetDefinition& set, const Structure& structure,
                        const std::string& keys) {
  const std::vector<std::string> columns = ColumnNames(structure);
  return absl::Substitute(
      "DELETE FROM $0 n USING ($1) k WHERE $2;\n"
      "INSERT INTO $0 ($3) OVERRIDING SYSTEM VALUE SELECT $4 FROM ($1) k JOIN $5 s ON $6;\n$7",
      structure.table.Sql(), keys, KeysEqual(set.key, "n.", "k."), QuoteNames(columns),
      QuoteNames(columns, "s."), structure.SourceView().Sql(), KeysEqual(set.key, "s.", "k."),
      set.deferrable ? CheckNow(structure) : "");
}

std::vector<std::string> CreateTableSyncFunction(const SetDefinition& set,
                                                 const Structure& structure,
                                                 const std::string& owner) {
  // A plan that a session made for a bulk statement would be used for single rows ever after: one
  // index probe a key is right for both.
  constexpr char kProbes[] =
      " SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off";
  std::vector<std::string> sql;
  const auto create = [&](const QualifiedName& function, const std::string& body) {
    sql.push_back(CreateTriggerFunction(function, kProbes, body));
    const std::vector<std::string> given = GiveFunction(function, owner);
    sql.insert(sql.end(), given.begin(), given.end());
  };
  create(structure.SyncFunction(), set.by_row ? RowSyncBody(set, structure) : Body(set, structure));
  if (set.TriesAgainAtCommit()) create(structure.ApplyFunction(), ApplyBody(set, structure));
  return sql;
}

std::vector<std::string> CreateTableSyncTriggers(const SetDefinition& set,
                                                 const Structure& structure) {
  if (set.by_row) return CreateRowSyncTriggers(set, structure);
  const auto trigger = [&](const char* what, const char* event, const char* tables) {
    return StrCat("CREATE TRIGGER ", QuoteName(structure.Trigger(what)), " AFTER ", event, " ON ",
                  set.member.Sql(), tables, " FOR EACH STATEMENT EXECUTE FUNCTION ",
                  structure.SyncFunction().Sql(), "()");
  };
  return {
      trigger("sync_insert", "INSERT", " REFERENCING NEW TABLE AS new_rows"),
      trigger("sync_update", "UPDATE", " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"),
      trigger("sync_delete", "DELETE", " REFERENCING OLD TABLE AS old_rows"),
      trigger("sync_truncate", "TRUNCATE", ""),
      StrCat("ALTER TABLE ", set.member.Sql(), " ",
             AlterTriggers("DISABLE", structure, kSyncTriggers))};
}

}  // namespace catalog
