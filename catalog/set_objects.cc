#include "catalog/set_objects.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/ledger.h"
#include "catalog/set_statements.h"
#include "catalog/table_statements.h"

namespace catalog {
namespace {

using absl::StrCat;

QualifiedName IndexName(const Structure& structure, const std::string& index) {
  return {structure.table.schema, index};
}

}  // namespace

absl::Status ExecuteAll(Session& session, const std::vector<std::string>& statements) {
  return session.Execute(absl::StrJoin(statements, ";\n"));  // One round trip: locks may be held.
}

absl::StatusOr<std::string> OwnerOf(Session& session, std::int64_t oid) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = $1::oid",
      {StrCat(oid)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError("the table is gone");
  return ToText(rows->front()[0]);
}

absl::Status LockTables(Session& session, const std::vector<QualifiedName>& tables,
                        const std::string& mode, std::vector<std::string> before) {
  absl::StatusOr<Rows> hurried = session.Query(
      "SELECT CASE WHEN rolsuper THEN pg_catalog.set_config('deadlock_timeout', '10ms', true) END"
      " FROM pg_catalog.pg_roles WHERE rolname = current_user");
  if (!hurried.ok()) return hurried.status();
  std::vector<std::string> names;
  for (const QualifiedName& table : tables) names.push_back(table.Sql());
  before.push_back(
      StrCat("LOCK TABLE ONLY ", absl::StrJoin(names, ", ONLY "), " IN ", mode, " MODE"));
  return session.Lock(absl::StrJoin(before, ";"));
}

absl::Status LockAlias(Session& session, const SetDefinition& set) {
  absl::StatusOr<Rows> owner = session.Query(
      "SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class"
      " WHERE oid = pg_catalog.to_regclass($1)::oid AND relkind = 'v'",
      {set.alias.Sql()});
  if (!owner.ok()) return owner.status();
  if (owner->empty()) {
    return absl::FailedPreconditionError(
        StrCat("the alias ", set.alias.Display(),
               " is gone\nHINT: it was dropped by someone else; "
               "`pg_restructure doctor` shows what is left of the set."));
  }
  // Giving a view to its owner changes nothing but takes the lock.
  return session.Lock(
      StrCat("ALTER VIEW ", set.alias.Sql(), " OWNER TO ", QuoteName(ToText(owner->front()[0]))));
}

absl::Status BuildStructure(Session& session, const Target& target) {
  absl::StatusOr<std::string> owner = OwnerOf(session, target.set.member_oid);
  if (!owner.ok()) return owner.status();
  absl::Status done = ExecuteAll(session, CreateStructure(target.set, target.structure, *owner));
  if (done.ok()) {
    done = ExecuteAll(session, CreateKeyLog(target.set, target.structure, *owner));
  }
  if (done.ok() && target.set.MembershipIsChosen()) {
    done = ExecuteAll(session, CreateMirrorTriggers(target.structure));
  }
  return done.ok() ? RecordTable(session, target.structure) : done;
}

absl::Status StartCapture(Session& session, const Target& target) {
  absl::StatusOr<std::string> owner = OwnerOf(session, target.set.member_oid);
  if (!owner.ok()) return owner.status();
  std::vector<std::string> sql = CreateSourceView(target.set, target.structure, *owner);
  if (target.members) {
    sql.push_back(MirrorToLog(target.set, *target.members, target.structure));
  }
  for (const std::vector<std::string>& triggers :
       {CreateLogTriggers(target.set, target.structure),
        target.structure.is_table() ? CreateTableSyncTriggers(target.set, target.structure)
                                    : CreateSyncTriggers(target.set, target.structure)}) {
    sql.insert(sql.end(), triggers.begin(), triggers.end());
  }
  return ExecuteAll(session, sql);
}

absl::Status MakeSynchronous(Session& session, const Target& target) {
  if (target.members) {
    absl::Status mirrored =
        session.Execute(MirrorToStructure(target.set, *target.members, target.structure));
    if (!mirrored.ok()) return mirrored;
  }
  return session.Execute(SwitchToSync(target.set, target.structure));
}

absl::Status PrepareExchange(Session& session, const SetDefinition& set, const Structure& live,
                             const Structure& retired) {
  if (absl::Status status = CommitWithoutFlush(session); !status.ok()) return status;
  std::vector<std::string> statements = {AliasFunction(set, live)};
  if (set.MembershipIsChosen()) {
    statements.push_back(MirrorToNothing(retired));
    statements.push_back(MirrorToStructure(set, live, retired));
  }
  return ExecuteAll(session, statements);
}

absl::Status PointAlias(Session& session, const SetDefinition& set, const Structure& live) {
  // What it is not given anew, it loses: security_barrier and the like.
  absl::StatusOr<Rows> options = session.Query(
      "SELECT pg_catalog.array_to_string(reloptions, ', ') FROM pg_catalog.pg_class"
      " WHERE oid = pg_catalog.to_regclass($1)",
      {set.alias.Sql()});
  if (!options.ok()) return options.status();
  const std::string kept = options->empty() ? "" : options->front()[0].value_or("");
  return session.Execute(PointAliasAt(set, live, kept));
}

absl::Status CreateAlias(Session& session, const SetDefinition& set, const Structure& live) {
  absl::StatusOr<std::string> owner = OwnerOf(session, set.member_oid);
  if (!owner.ok()) return owner.status();
  absl::StatusOr<Rows> taken =
      session.Query("SELECT pg_catalog.to_regclass($1) IS NOT NULL", {set.alias.Sql()});
  if (!taken.ok()) return taken.status();
  if (ToBool(taken->front()[0])) {
    return absl::AlreadyExistsError(
        StrCat("the name ", set.alias.Display(),
               " is taken by now\nHINT: drop or rename that "
               "relation and run the same command again, or abort the job."));
  }
  return ExecuteAll(
      session,
      {AliasFunction(set, live),
       StrCat("REVOKE ALL ON FUNCTION ", AliasFunctionName(set), "() FROM PUBLIC"),
       StrCat("ALTER FUNCTION ", AliasFunctionName(set), "() OWNER TO ", QuoteName(*owner)),
       PointAliasAt(set, live), CreateAliasTrigger(set),
       StrCat("ALTER VIEW ", set.alias.Sql(), " OWNER TO ", QuoteName(*owner)),
       StrCat("COMMENT ON VIEW ", set.alias.Sql(), " IS ",
              QuoteLiteral(StrCat("set of ", set.member.Display(), " by ",
                                  absl::StrJoin(set.owner, ", "),
                                  ", in sort-key order; kept by pg_restructure")))});
}

absl::Status DropAlias(Session& session, const SetDefinition& set) {
  return ExecuteAll(session, {StrCat("DROP VIEW IF EXISTS ", set.alias.Sql()),
                              StrCat("DROP FUNCTION IF EXISTS ", AliasFunctionName(set), "()")});
}

absl::StatusOr<bool> HasIndex(Session& session, const Structure& structure,
                              const std::string& index) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_index WHERE indisvalid"
      " AND indexrelid = pg_catalog.to_regclass($1)::oid"
      " AND indrelid = pg_catalog.to_regclass($2)::oid)",
      {IndexName(structure, index).Sql(), structure.table.Sql()});
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

absl::Status BuildIndex(Session& session, const Target& target, bool key_index,
                        const BuildLimits& limits) {
  absl::Status set = SetBuildLimits(session, target.structure.table, "btree", limits);
  if (!set.ok()) return set;
  return session.Execute(key_index ? CreateKeyIndex(target.set, target.structure)
                                   : CreateOrderIndex(target.set, target.structure));
}

absl::Status AttachKey(Session& session, const Structure& structure) {
  return session.Execute(AttachKeyConstraint(structure));
}

absl::Status DropIndexes(Session& session, const Structure& structure) {
  if (absl::Status done = DropOrderIndex(session, structure); !done.ok()) return done;
  if (absl::Status done = DropKeyIndex(session, structure); !done.ok()) return done;
  return session.Execute(
      StrCat("DROP INDEX IF EXISTS ", IndexName(structure, structure.KeyIndex()).Sql()));
}

absl::Status DropOrderIndex(Session& session, const Structure& structure) {
  return session.Execute(
      StrCat("DROP INDEX IF EXISTS ", IndexName(structure, structure.OrderIndex()).Sql()));
}

absl::Status DropKeyIndex(Session& session, const Structure& structure) {
  return session.Execute(StrCat("ALTER TABLE IF EXISTS ", structure.table.Sql(),
                                " DROP CONSTRAINT IF EXISTS ", QuoteName(structure.KeyIndex())));
}

absl::StatusOr<std::vector<std::string>> DependantsOfAlias(Session& session,
                                                           const SetDefinition& set) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT DISTINCT coalesce('view ' || r.ev_class::pg_catalog.regclass::text,"
      " pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid))"
      " FROM pg_catalog.pg_depend d LEFT JOIN pg_catalog.pg_rewrite r"
      " ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid"
      " WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'n'"
      " AND d.refobjid = pg_catalog.to_regclass($1)::oid"
      " AND r.ev_class IS DISTINCT FROM d.refobjid ORDER BY 1",
      {set.alias.Sql()});
  if (!rows.ok()) return rows.status();
  std::vector<std::string> dependants;
  for (const Row& row : *rows) dependants.push_back(ToText(row[0]));
  return dependants;
}

absl::Status VacuumStructure(Session& session, const Structure& structure) {
  return session.Execute(StrCat("VACUUM (ANALYZE) ", structure.table.Sql()));
}

absl::Status VacuumKeyLog(Session& session, const Structure& structure) {
  if (absl::Status done = session.Execute(StrCat("VACUUM ", structure.KeyLog().Sql()));
      !done.ok()) {
    return done;
  }
  return session.Execute(StrCat("VACUUM ", structure.TakenKeys().Sql()));
}

absl::StatusOr<bool> IsKept(Session& session, const SetDefinition& set,
                            const Structure& structure) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.to_regclass($1) IS NOT NULL AND 4 = (SELECT pg_catalog.count(*)"
      " FROM pg_catalog.pg_trigger WHERE tgrelid = $2::oid AND tgenabled = 'A'"
      " AND pg_catalog.starts_with(tgname::text, $3))",
      {structure.table.Sql(), StrCat(set.member_oid), structure.Trigger("sync_")});
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

absl::Status StopCapture(Session& session, const SetDefinition& set, const Structure& retired,
                         const std::optional<Structure>& live) {
  if (set.MembershipIsChosen()) {
    if (absl::Status done = session.Execute(MirrorToNothing(retired)); !done.ok()) return done;
    if (live) {
      if (absl::Status done = session.Execute(MirrorToNothing(*live)); !done.ok()) return done;
    }
  }
  return session.Execute(SwitchOff(retired));
}

absl::Status StopMirror(Session& session, const Structure& live) {
  return session.Execute(MirrorToNothing(live));
}

absl::Status DropCaptureTriggers(Session& session, const SetDefinition& set,
                                 const Structure& structure, bool log_only) {
  return ExecuteAll(session, DropTriggers(set, structure, log_only));
}

absl::Status DropStructure(Session& session, const Structure& structure) {
  absl::Status done = DropKeyLog(session, structure);
  if (!done.ok()) return done;
  return ExecuteAll(session,
                    {StrCat("DROP TABLE IF EXISTS ", structure.table.Sql()),
                     StrCat("DROP VIEW IF EXISTS ", structure.SourceView().Sql()),
                     StrCat("DROP FUNCTION IF EXISTS ", structure.SyncFunction().Sql(), "()"),
                     StrCat("DROP FUNCTION IF EXISTS ", structure.MirrorFunction().Sql(), "()")});
}

absl::Status DropKeyLog(Session& session, const Structure& structure) {
  return ExecuteAll(session,
                    {StrCat("DROP TABLE IF EXISTS ", structure.KeyLog().Sql()),
                     StrCat("DROP TABLE IF EXISTS ", structure.TakenKeys().Sql()),
                     StrCat("DROP FUNCTION IF EXISTS ", structure.LogFunction().Sql(), "()")});
}

}  // namespace catalog
