#include "catalog/set_statements.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/substitute.h"
#include "catalog/partition_statements.h"

namespace catalog {
namespace {

using absl::StrCat;

std::string ColumnSql(const Column& column) {
  return StrCat(QuoteName(column.name), " ", column.type,
                column.collation.empty() ? "" : StrCat(" COLLATE ", column.collation),
                column.not_null ? " NOT NULL" : "");
}

std::string KeyColumnsSql(const SetDefinition& set, const Structure& structure) {
  std::vector<std::string> parts;
  for (const Column& column : structure.columns) {
    if (Contains(set.key, column.name)) parts.push_back(ColumnSql(column));
  }
  return absl::StrJoin(parts, ", ");
}

// The function, not its operator *<>: as part of a trigger's condition, ROW(…) *<> ROW(…) would be
// dumped without the casts that it needs, and not be restored.
std::string ImagesDiffer(const std::vector<std::string>& columns) {
  return absl::Substitute("pg_catalog.record_image_ne(ROW($0), ROW($1))",
                          QuoteNames(columns, "OLD."), QuoteNames(columns, "NEW."));
}

std::string CreateFunction(const QualifiedName& name, const std::string& body) {
  return CreateTriggerFunction(name, "", body);
}

// INSERT of the present row of the member table whose key is `key_prefix`'s, or its refresh.
std::string Upsert(const SetDefinition& set, const Structure& structure,
                   const std::string& key_prefix) {
  const std::vector<std::string> columns = ColumnNames(structure);
  std::vector<std::string> assignments;
  for (const std::string& column : columns) {
    assignments.push_back(StrCat(QuoteName(column), " = EXCLUDED.", QuoteName(column)));
  }
  return absl::Substitute(
      "INSERT INTO $0 AS n ($1) SELECT $2 FROM $3 s WHERE $4 ON CONFLICT ($5) DO UPDATE SET $6;",
      structure.table.Sql(), QuoteNames(columns), QuoteNames(columns, "s."),
      structure.SourceView().Sql(), KeysEqual(set.key, "s.", key_prefix), QuoteNames(set.key),
      absl::StrJoin(assignments, ", "));
}

// Upsert, or removal of a row that is not (or no longer) there.
std::string Follow(const SetDefinition& set, const Structure& structure,
                   const std::string& key_prefix) {
  return absl::Substitute("$0\nIF NOT FOUND THEN DELETE FROM $1 n WHERE $2; END IF;",
                          Upsert(set, structure, key_prefix), structure.table.Sql(),
                          KeysEqual(set.key, "n.", key_prefix));
}

// Where membership is chosen, another row that has taken the key is no member for that.
std::string RemoveOldKey(const SetDefinition& set, const Structure& structure) {
  const std::vector<std::string> columns = ColumnNames(structure);
  const std::string same_row = set.MembershipIsChosen()
                                   ? absl::Substitute(
                                         " AND ROW($0)::pg_catalog.record OPERATOR(pg_catalog.*=)"
                                         " ROW($1)::pg_catalog.record",
                                         QuoteNames(columns, "s."), QuoteNames(columns, "n."))
                                   : "";
  return absl::Substitute("DELETE FROM $0 n WHERE $1 AND NOT EXISTS (SELECT FROM $2 s WHERE $3$4);",
                          structure.table.Sql(), KeysEqual(set.key, "n.", "OLD."),
                          structure.SourceView().Sql(), KeysEqual(set.key, "s.", "OLD."), same_row);
}

// A transaction whose snapshot is older than the row in the replacement (REPEATABLE READ, begun
// before the copy or the last drain) would not see that row, and its DELETE would silently leave it
// there. ON CONFLICT looks at the row whatever the snapshot, and gives such a transaction a
// serialization failure: it may be retried, like any of that isolation level.
std::string SeeRowOrFail(const SetDefinition& set, const Structure& structure) {
  std::vector<std::string> owner_known;
  for (const std::string& column : set.owner) {
    owner_known.push_back(StrCat("OLD.", QuoteName(column), " IS NOT NULL"));
  }
  const std::vector<std::string> columns = ColumnNames(structure);
  return absl::Substitute(
      "IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN\n"
      "INSERT INTO $0 ($1) SELECT $2 WHERE $3 ON CONFLICT ($4) DO NOTHING;\n"
      "IF FOUND THEN DELETE FROM $0 n WHERE $5; END IF;\nEND IF;",
      structure.table.Sql(), QuoteNames(columns), QuoteNames(columns, "OLD."),
      absl::StrJoin(owner_known, " AND "), QuoteNames(set.key), KeysEqual(set.key, "n.", "OLD."));
}

// Every change is applied by state: what the member table holds under the key at this moment, not
// what the trigger was told. A change made by another trigger inside the same statement is then
// never overwritten with an older row, and the order in which triggers fire does not matter.
std::string SyncBody(const SetDefinition& set, const Structure& structure) {
  const std::string key_changed = ImagesDiffer(set.key);
  std::string insert = Follow(set, structure, "NEW.");
  std::string update = Follow(set, structure, "NEW.");
  if (set.MembershipIsChosen()) {
    if (!set.insertion_automatic) insert = "NULL;";
    std::string owner_was_null = "false";
    if (set.insertion_automatic) {
      owner_was_null = StrCat("NOT (ROW(", QuoteNames(set.owner, "OLD."), ") IS NOT NULL)");
    }
    update = absl::Substitute("IF $0 OR EXISTS (SELECT FROM $1 n WHERE $2) THEN\n$3\nEND IF;",
                              owner_was_null, structure.table.Sql(),
                              KeysEqual(set.key, "n.", "OLD."), Follow(set, structure, "NEW."));
  }
  return absl::Substitute(
      "\nBEGIN\n"
      "IF TG_OP = 'INSERT' THEN\n$0\n"
      "ELSIF TG_OP = 'UPDATE' THEN\n$5\n$1\nIF $2 THEN\n$3\nEND IF;\n"
      "ELSIF TG_OP = 'DELETE' THEN\n$5\n$3\n"
      "ELSE\nTRUNCATE $4;\n"
      "END IF;\nRETURN NULL;\nEND\n",
      insert, update, key_changed, RemoveOldKey(set, structure), structure.table.Sql(),
      SeeRowOrFail(set, structure));
}

// Old and new keys go to the log as they are: duplicates are the consumer's business.
std::string LogBody(const SetDefinition& set, const Structure& structure) {
  if (set.by_row) return RowLogBody(set, structure);
  const std::string into =
      StrCat("INSERT INTO ", structure.KeyLog().Sql(), " (", QuoteNames(set.key), ") ");
  const std::string from = StrCat("SELECT ", QuoteNames(set.key), " FROM ");
  return absl::Substitute(
      "\nBEGIN\n"
      "IF TG_OP = 'INSERT' THEN\n$0$1new_rows;\n"
      "ELSIF TG_OP = 'UPDATE' THEN\n$0$1old_rows UNION $1new_rows;\n"
      "ELSE\n$0$1old_rows;\n"
      "END IF;\nRETURN NULL;\nEND\n",
      into, from);
}

std::string MirrorFunctionSql(const Structure& live, const std::string& body) {
  return CreateFunction(live.MirrorFunction(), StrCat("\nBEGIN\n", body, "\nRETURN NULL;\nEND\n"));
}

}  // namespace

std::string CreateTriggerFunction(const QualifiedName& name, const std::string& settings,
                                  const std::string& body) {
  return StrCat("CREATE OR REPLACE FUNCTION ", name.Sql(),
                "() RETURNS pg_catalog.trigger LANGUAGE plpgsql SECURITY DEFINER"
                " SET search_path = pg_catalog, pg_temp SET row_security = off",
                settings, " AS ", QuoteLiteral(body));
}

std::string Structure::Trigger(const std::string& what) const {
  return StrCat("pg_restructure_", structure_id, "_", what);
}

std::string AlterTriggers(const char* action, const Structure& structure,
                          absl::Span<const char* const> triggers) {
  return absl::StrJoin(triggers, ", ", [&](std::string* out, const char* what) {
    absl::StrAppend(out, action, " TRIGGER ", QuoteName(structure.Trigger(what)));
  });
}

std::vector<std::string> ColumnNames(const Structure& structure) {
  std::vector<std::string> names;
  for (const Column& column : structure.columns) names.push_back(column.name);
  return names;
}

std::string SourceExpression(const Column& column) {
  return column.expression.empty() ? StrCat("s.", QuoteName(column.name))
                                   : StrCat("(", column.expression, ")");
}

std::string SourceExpressions(const Structure& structure) {
  return absl::StrJoin(structure.columns, ", ", [](std::string* out, const Column& column) {
    absl::StrAppend(out, SourceExpression(column), " AS ", QuoteName(column.name));
  });
}

std::string KeysEqual(const std::vector<std::string>& key, const std::string& left,
                      const std::string& right) {
  return absl::StrJoin(key, " AND ", [&](std::string* out, const std::string& column) {
    absl::StrAppend(out, left, QuoteName(column), " = ", right, QuoteName(column));
  });
}

std::vector<SortColumn> FullOrder(const SetDefinition& set, const Structure& structure) {
  std::vector<SortColumn> order;
  const auto add = [&order](const SortColumn& column) {
    const auto same = [&](const SortColumn& other) { return other.column == column.column; };
    if (std::none_of(order.begin(), order.end(), same)) order.push_back(column);
  };
  for (const std::string& column : set.owner) add({column, {}, false, false});
  for (const SortColumn& column : structure.sort_key) add(column);
  for (const std::string& column : set.key) add({column, {}, false, false});
  return order;
}

std::vector<std::string> CreateStructure(const SetDefinition& set, const Structure& structure,
                                         const std::string& owner) {
  std::vector<std::string> columns;
  for (const Column& column : structure.columns) columns.push_back(ColumnSql(column));
  std::vector<std::string> sql = {
      StrCat("CREATE TABLE ", structure.table.Sql(), " (", absl::StrJoin(columns, ", "), ")"),
      StrCat("ALTER TABLE ", structure.table.Sql(), " OWNER TO ", QuoteName(owner)),
      CreateFunction(structure.SyncFunction(), SyncBody(set, structure))};
  if (set.MembershipIsChosen()) sql.push_back(MirrorToNothing(structure));
  std::vector<QualifiedName> functions = {structure.SyncFunction()};
  if (set.MembershipIsChosen()) functions.push_back(structure.MirrorFunction());
  for (const QualifiedName& function : functions) {
    const std::vector<std::string> given = GiveFunction(function, owner);
    sql.insert(sql.end(), given.begin(), given.end());
  }
  return sql;
}

std::vector<std::string> GiveFunction(const QualifiedName& function, const std::string& owner) {
  return {StrCat("REVOKE ALL ON FUNCTION ", function.Sql(), "() FROM PUBLIC"),
          StrCat("ALTER FUNCTION ", function.Sql(), "() OWNER TO ", QuoteName(owner))};
}

std::vector<std::string> CreateKeyLog(const SetDefinition& set, const Structure& structure,
                                      const std::string& owner) {
  const std::string keys = KeyColumnsSql(set, structure);
  std::vector<std::string> sql = {
      StrCat("CREATE TABLE ", structure.KeyLog().Sql(), " (", keys,
             set.TriesAgainAtCommit() && structure.is_table() ? kWriterColumns : "",
             ") WITH (vacuum_truncate = false)"),
      StrCat("CREATE TABLE ", structure.TakenKeys().Sql(), " (", keys, ", PRIMARY KEY (",
             QuoteNames(set.key), "))"),
      CreateFunction(structure.LogFunction(), LogBody(set, structure))};
  for (const QualifiedName& table : {structure.KeyLog(), structure.TakenKeys()}) {
    sql.push_back(StrCat("ALTER TABLE ", table.Sql(), " OWNER TO ", QuoteName(owner)));
  }
  const std::vector<std::string> given = GiveFunction(structure.LogFunction(), owner);
  sql.insert(sql.end(), given.begin(), given.end());
  return sql;
}

std::vector<std::string> CreateSourceView(const SetDefinition& set, const Structure& structure,
                                          const std::string& owner) {
  std::vector<std::string> owner_known;
  for (const std::string& column : set.owner) {
    owner_known.push_back(StrCat("s.", QuoteName(column), " IS NOT NULL"));
  }
  return {absl::Substitute(
              "CREATE VIEW $0 AS SELECT $1, s.ctid AS $2 FROM ONLY $3 s$4",
              structure.SourceView().Sql(), SourceExpressions(structure), QuoteName(kSourceBlock),
              set.member.Sql(),
              owner_known.empty() ? "" : StrCat(" WHERE ", absl::StrJoin(owner_known, " AND "))),
          StrCat("ALTER VIEW ", structure.SourceView().Sql(), " OWNER TO ", QuoteName(owner))};
}

std::vector<std::string> CreateLogTriggers(const SetDefinition& set, const Structure& structure) {
  if (set.by_row) return CreateRowLogTriggers(set, structure);
  const std::string on = StrCat(" ON ", set.member.Sql());
  const std::string log =
      StrCat(" FOR EACH STATEMENT EXECUTE FUNCTION ", structure.LogFunction().Sql(), "()");
  const auto name = [&](const char* what) {
    return StrCat("CREATE TRIGGER ", QuoteName(structure.Trigger(what)), " AFTER ");
  };
  return {StrCat(name("log_insert"), "INSERT", on, " REFERENCING NEW TABLE AS new_rows", log),
          StrCat(name("log_update"), "UPDATE", on,
                 " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows", log),
          StrCat(name("log_delete"), "DELETE", on, " REFERENCING OLD TABLE AS old_rows", log),
          StrCat("ALTER TABLE ", set.member.Sql(), " ",
                 AlterTriggers("ENABLE ALWAYS", structure, kLogTriggers))};
}

std::vector<std::string> CreateSyncTriggers(const SetDefinition& set, const Structure& structure) {
  const std::string on = StrCat(" ON ", set.member.Sql());
  const std::string sync = StrCat(" EXECUTE FUNCTION ", structure.SyncFunction().Sql(), "()");
  const auto name = [&](const char* what) {
    return StrCat("CREATE TRIGGER ", QuoteName(structure.Trigger(what)), " AFTER ");
  };
  return {StrCat(name("sync_insert"), "INSERT", on, " FOR EACH ROW", sync),
          StrCat(name("sync_update"), "UPDATE", on, " FOR EACH ROW WHEN (",
                 ImagesDiffer(ColumnNames(structure)), ")", sync),
          StrCat(name("sync_delete"), "DELETE", on, " FOR EACH ROW", sync),
          StrCat(name("sync_truncate"), "TRUNCATE", on, " FOR EACH STATEMENT", sync),
          StrCat("ALTER TABLE ", set.member.Sql(), " ",
                 AlterTriggers("DISABLE", structure, kSyncTriggers))};
}

std::string SwitchToSync(const SetDefinition& set, const Structure& structure) {
  return StrCat("ALTER TABLE ", set.member.Sql(), " ",
                AlterTriggers("DISABLE", structure, kLogTriggers), ", ",
                AlterTriggers("ENABLE ALWAYS", structure, kSyncTriggers));
}

std::string SwitchOff(const Structure& structure) {
  return CreateFunction(structure.SyncFunction(), "\nBEGIN\nRETURN NULL;\nEND\n");
}

std::vector<std::string> CreateMirrorTriggers(const Structure& live) {
  return {StrCat("CREATE TRIGGER ", QuoteName(live.Trigger("mirror")),
                 " AFTER INSERT OR DELETE ON ", live.table.Sql(), " FOR EACH ROW EXECUTE FUNCTION ",
                 live.MirrorFunction().Sql(), "()"),
          StrCat("ALTER TABLE ", live.table.Sql(), " ENABLE ALWAYS TRIGGER ",
                 QuoteName(live.Trigger("mirror")))};
}

std::string MirrorToLog(const SetDefinition& set, const Structure& live, const Structure& other) {
  const std::string into =
      StrCat("INSERT INTO ", other.KeyLog().Sql(), " (", QuoteNames(set.key), ") VALUES (");
  return MirrorFunctionSql(
      live, StrCat("IF TG_OP = 'INSERT' THEN ", into, QuoteNames(set.key, "NEW."), ");\nELSE ",
                   into, QuoteNames(set.key, "OLD."), ");\nEND IF;"));
}

std::string MirrorToStructure(const SetDefinition& set, const Structure& live,
                              const Structure& other) {
  return MirrorFunctionSql(
      live, absl::Substitute("IF TG_OP = 'INSERT' THEN $0\n"
                             "ELSE\n"
                             // As in SeeRowOrFail, by the member table's row.
                             "IF pg_catalog.current_setting('transaction_isolation')"
                             " <> 'read committed' THEN\n"
                             "INSERT INTO $1 ($5) SELECT $6 FROM $7 s WHERE $8"
                             " ON CONFLICT ($9) DO NOTHING;\nEND IF;\n"
                             "DELETE FROM $1 n WHERE $2"
                             " AND NOT EXISTS (SELECT FROM $3 l WHERE $4);\nEND IF;",
                             Follow(set, other, "NEW."), other.table.Sql(),
                             KeysEqual(set.key, "n.", "OLD."), live.table.Sql(),
                             KeysEqual(set.key, "l.", "OLD."), QuoteNames(ColumnNames(other)),
                             QuoteNames(ColumnNames(other), "s."), other.SourceView().Sql(),
                             KeysEqual(set.key, "s.", "OLD."), QuoteNames(set.key)));
}

std::string MirrorToNothing(const Structure& live) { return MirrorFunctionSql(live, "NULL;"); }

std::string CreateKeyIndex(const SetDefinition& set, const Structure& structure) {
  return StrCat("CREATE UNIQUE INDEX ", QuoteName(structure.KeyIndex()), " ON ",
                structure.table.Sql(), " (", QuoteNames(set.key), ")");
}

std::string CreateOrderIndex(const SetDefinition& set, const Structure& structure) {
  const std::vector<SortColumn> order = FullOrder(set, structure);
  std::vector<std::string> parts;
  for (const SortColumn& column : order) parts.push_back(SortColumnSql(column, ""));
  std::vector<std::string> included;
  for (const Column& column : structure.columns) {
    const auto same = [&](const SortColumn& other) { return other.column == column.name; };
    if (column.fixed_width && std::none_of(order.begin(), order.end(), same)) {
      included.push_back(column.name);
    }
  }
  return StrCat("CREATE INDEX ", QuoteName(structure.OrderIndex()), " ON ", structure.table.Sql(),
                " (", absl::StrJoin(parts, ", "), ")",
                included.empty() ? "" : StrCat(" INCLUDE (", QuoteNames(included), ")"));
}

std::string AttachKeyConstraint(const Structure& structure) {
  return StrCat("ALTER TABLE ", structure.table.Sql(), " ADD PRIMARY KEY USING INDEX ",
                QuoteName(structure.KeyIndex()));
}

std::string PointAliasAt(const SetDefinition& set, const Structure& structure,
                         absl::string_view options) {
  std::vector<std::string> order;
  for (const SortColumn& column : FullOrder(set, structure)) {
    order.push_back(SortColumnSql(column, "n."));
  }
  // A column that only the other structure carries is looked up.
  const std::vector<std::string> carried = ColumnNames(structure);
  std::vector<std::string> shown;
  for (const std::string& column : set.shown) {
    const std::string name = QuoteName(column);
    const bool is_carried = Contains(carried, column);
    shown.push_back(is_carried
                        ? StrCat("n.", name)
                        : absl::Substitute("(SELECT m.$0 FROM $1 m WHERE $2) AS $0", name,
                                           set.member.Sql(), KeysEqual(set.key, "m.", "n.")));
  }
  return StrCat("CREATE OR REPLACE VIEW ", set.alias.Sql(),
                options.empty() ? "" : StrCat(" WITH (", options, ")"), " AS SELECT ",
                absl::StrJoin(shown, ", "), " FROM ", structure.table.Sql(), " n ORDER BY ",
                absl::StrJoin(order, ", "));
}

std::string AliasFunctionName(const SetDefinition& set) {
  return StrCat("\"restructure\".\"alias_", set.set_id, "\"");
}

// The member's row is locked first: a concurrent DELETE or UPDATE of it then runs before or after,
// never beside, and its own trigger sees what was done here.
std::string AliasFunction(const SetDefinition& set, const Structure& live) {
  const std::string lock = absl::StrCat("PERFORM FROM ", live.SourceView().Sql(), " s WHERE ");
  const std::vector<std::string> columns = ColumnNames(live);
  const std::string body = absl::Substitute(
      "\nBEGIN\n"
      "IF TG_OP = 'INSERT' AND $0 THEN\n"
      "$1$2 FOR SHARE OF s;\n"
      "INSERT INTO $3 ($4) SELECT $5 FROM $6 s WHERE $2 ON CONFLICT ($7) DO NOTHING;\n"
      "IF FOUND THEN RETURN NEW; END IF;\nRETURN NULL;\n"
      "ELSIF TG_OP = 'DELETE' AND $8 THEN\n"
      "$1$9 FOR SHARE OF s;\n",
      set.MembershipIsChosen() ? "true" : "false", lock, KeysEqual(set.key, "s.", "NEW."),
      live.table.Sql(), QuoteNames(columns), QuoteNames(columns, "s."), live.SourceView().Sql(),
      QuoteNames(set.key), set.retention_mandatory ? "false" : "true",
      KeysEqual(set.key, "s.", "OLD."));
  const std::string rest = absl::Substitute(
      "DELETE FROM $0 n WHERE $1;\nIF FOUND THEN RETURN OLD; END IF;\nRETURN NULL;\nEND IF;\n"
      "RAISE EXCEPTION '% through set % is not possible: insertion is $2, retention is $3', TG_OP,"
      " TG_RELID::pg_catalog.regclass USING ERRCODE = 'object_not_in_prerequisite_state',"
      " HINT = 'Change the member table; the set follows.';\nEND\n",
      live.table.Sql(), KeysEqual(set.key, "n.", "OLD."),
      set.insertion_automatic ? "automatic" : "manual",
      set.retention_mandatory ? "mandatory" : "optional");
  return StrCat("CREATE OR REPLACE FUNCTION ", AliasFunctionName(set),
                "() RETURNS pg_catalog.trigger LANGUAGE plpgsql SECURITY DEFINER"
                " SET search_path = pg_catalog, pg_temp SET row_security = off AS ",
                QuoteLiteral(StrCat(body, rest)));
}

std::string CreateAliasTrigger(const SetDefinition& set) {
  return StrCat("CREATE TRIGGER \"pg_restructure_set\" INSTEAD OF INSERT OR UPDATE OR DELETE ON ",
                set.alias.Sql(), " FOR EACH ROW EXECUTE FUNCTION ", AliasFunctionName(set), "()");
}

std::vector<std::string> DropTriggers(const SetDefinition& set, const Structure& structure,
                                      bool log_only) {
  std::vector<std::string> sql;
  const auto drop = [&](absl::Span<const char* const> triggers) {
    for (const char* what : triggers) {
      sql.push_back(StrCat("DROP TRIGGER IF EXISTS ", QuoteName(structure.Trigger(what)), " ON ",
                           set.member.Sql()));
    }
  };
  drop(kLogTriggers);
  if (!log_only) drop(kSyncTriggers);
  return sql;
}

}  // namespace catalog
