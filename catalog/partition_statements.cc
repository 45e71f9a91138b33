#include "catalog/partition_statements.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "catalog/set_statements.h"
#include "catalog/table_statements.h"

namespace catalog {
namespace {

using absl::StrCat;

constexpr char kMarked[] = "\"writer.xid\" = pg_catalog.pg_current_xact_id()";

}  // namespace

std::string ReplaceNowOrLater(const SetDefinition& set, const Structure& structure,
                              const std::string& keys) {
  return absl::Substitute(
      "BEGIN\n$0EXCEPTION WHEN OTHERS THEN\n"
      "IF SQLSTATE LIKE '40%' THEN RAISE; END IF;\n"
      "INSERT INTO $1 ($2, \"writer.xid\", \"writer.first\")"
      " SELECT k.*, pg_catalog.pg_current_xact_id(), pg_catalog.row_number() OVER () = 1"
      " AND NOT EXISTS (SELECT FROM $1 WHERE $3) FROM ($4) k;\nEND;\n",
      ReplaceRows(set, structure, keys), structure.KeyLog().Sql(), QuoteNames(set.key), kMarked,
      keys);
}

std::string RowLogBody(const SetDefinition& set, const Structure& structure) {
  const std::string log =
      StrCat("INSERT INTO ", structure.KeyLog().Sql(), " (", QuoteNames(set.key), ") ");
  const std::string old_key = QuoteNames(set.key, "OLD.");
  const std::string new_key = QuoteNames(set.key, "NEW.");
  return absl::Substitute(
      "\nBEGIN\n"
      "IF TG_OP = 'INSERT' THEN\n$0VALUES ($2);\n"
      "ELSIF TG_OP = 'UPDATE' THEN\n$0SELECT $1 UNION SELECT $2;\n"
      "ELSE\n$0VALUES ($1);\n"
      "END IF;\nRETURN NULL;\nEND\n",
      log, old_key, new_key);
}

std::string RowSyncBody(const SetDefinition& set, const Structure& structure) {
  const std::vector<std::string> columns = ColumnNames(structure);
  // See CreateTableSyncFunction: a transaction with a snapshot that does not see the row must fail,
  // not leave it there.
  const std::string see_row = absl::Substitute(
      "INSERT INTO $0 ($1) OVERRIDING SYSTEM VALUE SELECT $2 ON CONFLICT ($3) DO NOTHING;\n",
      structure.table.Sql(), QuoteNames(columns), QuoteNames(columns, "OLD."), QuoteNames(set.key));
  const auto key_of = [&](const char* prefix) {
    std::vector<std::string> parts;
    for (const std::string& column : set.key) {
      parts.push_back(StrCat(prefix, QuoteName(column), " AS ", QuoteName(column)));
    }
    return StrCat("SELECT ", absl::StrJoin(parts, ", "));
  };
  const std::string see_row_or_fail = absl::Substitute(
      "IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN\n"
      "$0END IF;\n",
      OrKeepInMind(set, structure, see_row, key_of("OLD.")));
  return absl::Substitute(
      "\nBEGIN\n"
      "IF TG_OP = 'INSERT' THEN\n$0"
      "ELSIF TG_OP = 'UPDATE' THEN\n$1$2"
      "ELSIF TG_OP = 'DELETE' THEN\n$1$3"
      "ELSE\nTRUNCATE $4;\n"
      "END IF;\nRETURN NULL;\nEND\n",
      ReplaceNowOrLater(set, structure, key_of("NEW.")), see_row_or_fail,
      ReplaceNowOrLater(set, structure, StrCat(key_of("OLD."), " UNION ", key_of("NEW."))),
      ReplaceNowOrLater(set, structure, key_of("OLD.")), structure.table.Sql());
}

std::string ApplyBody(const SetDefinition& set, const Structure& structure) {
  const std::string log = structure.KeyLog().Sql();
  const std::string keys =
      absl::Substitute("SELECT DISTINCT $0 FROM $1 WHERE $2", QuoteNames(set.key), log, kMarked);
  // What fails even with all rows together must not fail the transaction of the user: the keys stay
  // in the log, and the exchange brings them over.
  return absl::Substitute(
      "\nBEGIN\nBEGIN\n$0DELETE FROM $1 WHERE $2;\nEXCEPTION WHEN OTHERS THEN\n"
      "IF SQLSTATE LIKE '40%' THEN RAISE; END IF;\nEND;\nRETURN NULL;\nEND\n",
      ReplaceRows(set, structure, keys), log, kMarked);
}

std::vector<std::string> CreateRowLogTriggers(const SetDefinition& set,
                                              const Structure& structure) {
  const auto trigger = [&](const char* what, const char* event) {
    return StrCat("CREATE TRIGGER ", QuoteName(structure.Trigger(what)), " AFTER ", event, " ON ",
                  set.member.Sql(), " FOR EACH ROW EXECUTE FUNCTION ",
                  structure.LogFunction().Sql(), "()");
  };
  return {trigger("log_insert", "INSERT"), trigger("log_update", "UPDATE"),
          trigger("log_delete", "DELETE"),
          StrCat("ALTER TABLE ", set.member.Sql(), " ",
                 AlterTriggers("ENABLE ALWAYS", structure, kLogTriggers))};
}

std::vector<std::string> CreateRowSyncTriggers(const SetDefinition& set,
                                               const Structure& structure) {
  const auto trigger = [&](const char* what, const char* event, const char* each) {
    return StrCat("CREATE TRIGGER ", QuoteName(structure.Trigger(what)), " AFTER ", event, " ON ",
                  set.member.Sql(), " FOR EACH ", each, " EXECUTE FUNCTION ",
                  structure.SyncFunction().Sql(), "()");
  };
  return {trigger("sync_insert", "INSERT", "ROW"), trigger("sync_update", "UPDATE", "ROW"),
          trigger("sync_delete", "DELETE", "ROW"),
          trigger("sync_truncate", "TRUNCATE", "STATEMENT"),
          StrCat("ALTER TABLE ", set.member.Sql(), " ",
                 AlterTriggers("DISABLE", structure, kSyncTriggers))};
}

std::vector<std::string> CreateApplyTrigger(const SetDefinition& set, const Structure& structure) {
  if (!set.TriesAgainAtCommit()) return {};
  const std::string log = structure.KeyLog().Sql();
  const std::string name = QuoteName(structure.Trigger("apply"));
  return {StrCat("CREATE INDEX ON ", log, " (\"writer.xid\") WHERE \"writer.xid\" IS NOT NULL"),
          // One event for each transaction, however many keys it marks.
          StrCat("CREATE CONSTRAINT TRIGGER ", name, " AFTER INSERT ON ", log,
                 " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.\"writer.first\")"
                 " EXECUTE FUNCTION ",
                 structure.ApplyFunction().Sql(), "()"),
          StrCat("ALTER TABLE ", log, " ENABLE ALWAYS TRIGGER ", name)};
}

}  // namespace catalog
