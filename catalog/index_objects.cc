#include "catalog/index_objects.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "catalog/ledger.h"

namespace catalog {
namespace {

std::string Create(const IndexDefinition& definition) {
  return definition.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
}

// Runs the statements that a query wrote.
absl::Status ExecuteEach(Session& session, const absl::StatusOr<Rows>& statements) {
  if (!statements.ok()) return statements.status();
  for (const Row& row : *statements) {
    if (absl::Status done = session.Execute(ToText(row[0])); !done.ok()) return done;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> MayCallAmcheck(Session& session, std::string* function) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.format('%I.bt_index_check', n.nspname) FROM pg_catalog.pg_proc p"
      " JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
      " JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass"
      "  AND d.objid = p.oid AND d.deptype = 'e'"
      " JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'amcheck'"
      " WHERE p.proname = 'bt_index_check' AND p.pronargs >= 2"
      " AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') ORDER BY p.pronargs LIMIT 1");
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return false;
  *function = ToText(rows->front()[0]);
  return true;
}

// Counts through the index and through the table in one snapshot, if the planner can be brought to
// use just this index.
absl::Status CountBothWays(Session& session, std::int64_t index, IndexCheck* check) {
  absl::StatusOr<Rows> facts = session.Query(
      "SELECT pg_catalog.format('%I.%I', n.nspname, t.relname),"
      " pg_catalog.pg_get_expr(i.indpred, i.indrelid), pg_catalog.pg_indexam_has_property(am.oid, "
      "'can_order'), x.relname,"
      " (SELECT pg_catalog.string_agg('(' || pg_catalog.pg_get_indexdef(i.indexrelid, k, false)"
      "   || ') ' || CASE WHEN (i.indoption::int2[])[k - 1] & 1 = 1 THEN 'DESC' ELSE 'ASC' END"
      "   || CASE WHEN (i.indoption::int2[])[k - 1] & 2 = 2 THEN ' NULLS FIRST'"
      "      ELSE ' NULLS LAST' END, ', ' ORDER BY k)"
      "  FROM pg_catalog.generate_series(1, i.indnkeyatts) k)"
      " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
      " JOIN pg_catalog.pg_am am ON am.oid = x.relam JOIN pg_catalog.pg_class t ON t.oid ="
      " i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace"
      " WHERE i.indexrelid = $1::oid",
      {absl::StrCat(index)});
  if (!facts.ok()) return facts.status();
  if (facts->empty()) return absl::NotFoundError("the index is gone");
  const Row& fact = facts->front();
  const std::string source = absl::StrCat(
      ToText(fact[0]), fact[1] ? absl::StrCat(" WHERE ", ToText(fact[1])) : std::string());
  const std::string ordered = absl::StrCat("SELECT pg_catalog.count(*) FROM (SELECT 1 FROM ",
                                           source, " ORDER BY ", ToText(fact[4]), " OFFSET 0) o");
  absl::Status status = session.Execute(
      "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort ="
      " off; SET LOCAL max_parallel_workers_per_gather = 0");
  if (!status.ok()) return status;
  bool uses_it = false;
  if (ToBool(fact[2])) {
    absl::StatusOr<Rows> plan = session.Query(absl::StrCat("EXPLAIN (FORMAT JSON) ", ordered));
    if (!plan.ok()) return plan.status();
    // The server's JSON escapes what has to be escaped in names.
    absl::StatusOr<Rows> uses = session.Query(
        "SELECT $1::json #>> '{0,Plan,Plans,0,Index Name}' = $2 OR"
        " $1::json #>> '{0,Plan,Plans,0,Plans,0,Index Name}' = $2",
        {plan->front()[0], fact[3]});
    if (!uses.ok()) return uses.status();
    uses_it = ToBool(uses->front()[0]);
  }
  if (!uses_it) {
    check->how = "the server's own build; neither amcheck nor a count through it is possible";
    return absl::OkStatus();
  }
  absl::StatusOr<Rows> through = session.Query(ordered);
  if (!through.ok()) return through.status();
  status = session.Execute(
      "SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off;"
      "SET LOCAL enable_indexonlyscan = off");
  if (!status.ok()) return status;
  absl::StatusOr<Rows> heap =
      session.Query(absl::StrCat("SELECT pg_catalog.count(*) FROM ", source));
  if (!heap.ok()) return heap.status();
  check->rows = ToInt(through->front()[0]);
  check->differences = std::abs(check->rows - ToInt(heap->front()[0]));
  check->how = "a count through the index and one of the table in the same snapshot";
  if (check->differences > 0) {
    check->complaint =
        absl::StrCat("the index has ", check->rows, " rows, the table ", ToInt(heap->front()[0]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status BuildConcurrently(Session& session, const IndexDefinition& definition,
                               const QualifiedName& table, const std::string& name,
                               const BuildLimits& limits) {
  absl::Status set = SetBuildLimits(session, table, definition.method, limits);
  if (!set.ok()) return set;
  return session.Execute(absl::StrCat(Create(definition), "CONCURRENTLY ", QuoteName(name), " ON ",
                                      table.Sql(), IndexSql(definition)));
}

absl::Status DropConcurrently(Session& session, const QualifiedName& index) {
  return session.Execute(absl::StrCat("DROP INDEX CONCURRENTLY IF EXISTS ", index.Sql()));
}

absl::Status LockForIndex(Session& session, const QualifiedName& table) {
  return session.Lock(absl::StrCat("LOCK TABLE ONLY ", table.Sql(), " IN SHARE MODE"));
}

absl::Status CreateSkeleton(Session& session, const IndexDefinition& definition,
                            const QualifiedName& table, const std::string& name) {
  return session.Execute(absl::StrCat(Create(definition), QuoteName(name), " ON ONLY ", table.Sql(),
                                      IndexSql(definition)));
}

absl::Status AttachIndex(Session& session, const QualifiedName& parent,
                         const QualifiedName& index) {
  return session.Execute(
      absl::StrCat("ALTER INDEX ", parent.Sql(), " ATTACH PARTITION ", index.Sql()));
}

absl::Status DropIndex(Session& session, const QualifiedName& index) {
  return session.Execute(absl::StrCat("DROP INDEX IF EXISTS ", index.Sql()));
}

absl::Status DressIndex(Session& session, std::int64_t from, std::int64_t to) {
  return ExecuteEach(
      session,
      session.Query(
          "WITH target AS (SELECT x.oid, pg_catalog.format('%I.%I', n.nspname, x.relname) AS name"
          "  FROM pg_catalog.pg_class x JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace"
          "  WHERE x.oid = $2::oid)"
          " SELECT pg_catalog.format('COMMENT ON INDEX %s IS %L', t.name,"
          "  pg_catalog.obj_description($1::oid, 'pg_class')) FROM target t"
          " WHERE pg_catalog.obj_description($1::oid, 'pg_class') IS NOT NULL"
          " UNION ALL SELECT pg_catalog.format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s',"
          "  t.name, b.attnum, a.attstattarget) FROM target t"
          " JOIN pg_catalog.pg_attribute b ON b.attrelid = t.oid"
          " JOIN pg_catalog.pg_attribute a ON a.attrelid = $1::oid"
          "  AND pg_catalog.pg_get_indexdef(a.attrelid, a.attnum, false) ="
          "   pg_catalog.pg_get_indexdef(b.attrelid, b.attnum, false)"
          " WHERE a.attstattarget >= 0"
          " UNION ALL SELECT pg_catalog.format('ALTER INDEX %s DEPENDS ON EXTENSION %I', t.name,"
          "  e.extname) FROM target t, pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e"
          "  ON e.oid = d.refobjid WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
          "  AND d.objid = $1::oid AND d.deptype = 'x'",
          {absl::StrCat(from), absl::StrCat(to)}));
}

absl::Status Analyze(Session& session, const QualifiedName& table) {
  return session.Execute(absl::StrCat("ANALYZE ", table.Sql()));
}

absl::StatusOr<Marks> ReadMarks(Session& session, std::int64_t index) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT indisclustered, indisreplident FROM pg_catalog.pg_index WHERE indexrelid = $1::oid",
      {absl::StrCat(index)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError("the index is gone");
  return Marks{ToBool(rows->front()[0]), ToBool(rows->front()[1])};
}

absl::Status SetMarks(Session& session, const QualifiedName& table, const std::string& index,
                      const Marks& marks) {
  absl::Status status;
  if (marks.clustered) {
    status = session.Execute(
        absl::StrCat("ALTER TABLE ", table.Sql(), " CLUSTER ON ", QuoteName(index)));
  }
  if (status.ok() && marks.replica_identity) {
    status = session.Execute(absl::StrCat("ALTER TABLE ", table.Sql(),
                                          " REPLICA IDENTITY USING INDEX ", QuoteName(index)));
  }
  return status;
}

absl::Status RenameIndex(Session& session, const QualifiedName& index, const std::string& name) {
  return session.Lock(absl::StrCat("ALTER INDEX ", index.Sql(), " RENAME TO ", QuoteName(name)));
}

absl::Status ReplaceConstraint(Session& session, const QualifiedName& table,
                               const Constraint& constraint, const std::string& index,
                               const std::vector<ForeignKey>& foreign_keys) {
  absl::StatusOr<Rows> comment = session.Query(
      "SELECT pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', $2::text, $1::text,"
      " pg_catalog.obj_description(k.oid, 'pg_constraint')) FROM pg_catalog.pg_constraint k"
      " WHERE k.conrelid = pg_catalog.to_regclass($1::text)::oid AND k.conname = $2::text"
      " AND pg_catalog.obj_description(k.oid, 'pg_constraint') IS NOT NULL",
      {table.Sql(), constraint.name});
  if (!comment.ok()) return comment.status();
  std::string sql;
  for (const ForeignKey& key : foreign_keys) {
    absl::StrAppend(&sql, "ALTER TABLE ", key.table.Sql(), " DROP CONSTRAINT ", QuoteName(key.name),
                    ";");
  }
  absl::StrAppend(&sql, "ALTER TABLE ", table.Sql(), " DROP CONSTRAINT ",
                  QuoteName(constraint.name), ", ADD CONSTRAINT ", QuoteName(constraint.name),
                  constraint.primary ? " PRIMARY KEY" : " UNIQUE", " USING INDEX ",
                  QuoteName(index), constraint.deferrable ? " DEFERRABLE" : "",
                  constraint.deferred ? " INITIALLY DEFERRED" : "", ";");
  for (const ForeignKey& key : foreign_keys) {
    absl::StrAppend(&sql, "ALTER TABLE ", key.table.Sql(), " ADD CONSTRAINT ", QuoteName(key.name),
                    " ", key.definition, " NOT VALID;");
    if (!key.comment.empty()) {
      absl::StrAppend(&sql, "COMMENT ON CONSTRAINT ", QuoteName(key.name), " ON ", key.table.Sql(),
                      " IS ", QuoteLiteral(key.comment), ";");
    }
  }
  if (absl::Status done = session.Execute(sql); !done.ok()) return done;
  return ExecuteEach(session, comment);
}

absl::Status ValidateForeignKey(Session& session, const QualifiedName& table,
                                const std::string& name) {
  return session.Execute(
      absl::StrCat("ALTER TABLE ", table.Sql(), " VALIDATE CONSTRAINT ", QuoteName(name)));
}

absl::StatusOr<IndexCheck> CheckIndex(Session& session, std::int64_t index) {
  IndexCheck check;
  absl::StatusOr<Rows> facts = session.Query(
      "SELECT am.amname = 'btree', greatest(x.reltuples, 0)::bigint FROM pg_catalog.pg_class x"
      " JOIN pg_catalog.pg_am am ON am.oid = x.relam WHERE x.oid = $1::oid",
      {absl::StrCat(index)});
  if (!facts.ok()) return facts.status();
  if (facts->empty()) return absl::NotFoundError("the index is gone");
  std::string amcheck;
  absl::StatusOr<bool> may = MayCallAmcheck(session, &amcheck);
  if (!may.ok()) return may.status();
  absl::Status begun = session.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (!begun.ok()) return begun;
  absl::Status status;
  if (*may && ToBool(facts->front()[0])) {
    check.rows = ToInt(facts->front()[1]);
    check.how = "amcheck, every row of the table looked up in the index";
    status = session
                 .Query(absl::StrCat("SELECT ", amcheck, "($1::oid::pg_catalog.regclass, true)"),
                        {absl::StrCat(index)})
                 .status();
    if (status.code() == absl::StatusCode::kInternal) {  // Its verdict, not a failure to look.
      check.differences = 1;
      check.complaint = std::string(status.message());
      status = absl::OkStatus();
    }
  } else {
    status = CountBothWays(session, index, &check);
  }
  if (!absl::IsUnavailable(status)) (void)session.Execute("ROLLBACK");
  if (!status.ok()) return status;
  return check;
}

absl::StatusOr<std::vector<IndexLeaf>> LeavesOf(Session& session, std::int64_t index) {
  // pg_partition_tree knows nothing of an index that is no part of any.
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT x.oid, n.nspname, x.relname FROM pg_catalog.pg_class x"
      " JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace"
      " WHERE x.relkind = 'i' AND x.oid IN (SELECT $1::oid UNION ALL"
      "  SELECT relid FROM pg_catalog.pg_partition_tree($1::oid::pg_catalog.regclass))"
      " ORDER BY x.oid",
      {absl::StrCat(index)});
  if (!rows.ok()) return rows.status();
  std::vector<IndexLeaf> leaves;
  for (const Row& row : *rows) {
    leaves.push_back({ToInt(row[0]), {ToText(row[1]), ToText(row[2])}});
  }
  return leaves;
}

absl::StatusOr<TriedPlan> ExplainQuery(Session& session, const std::string& query,
                                       std::int64_t hidden) {
  TriedPlan tried;
  absl::Status status = session.Execute("BEGIN READ ONLY");
  if (!status.ok()) return status;
  const auto explain = [&]() -> absl::Status {
    if (hidden != 0) {
      absl::StatusOr<Rows> can = session.Query(
          "SELECT pg_catalog.format('SELECT %I.hypopg_hide_index(%s::oid)', n.nspname, $1::text)"
          " FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
          " WHERE p.proname = 'hypopg_hide_index' AND p.pronargs = 1",
          {absl::StrCat(hidden)});
      if (!can.ok()) return can.status();
      if (!can->empty()) {
        absl::StatusOr<Rows> hid = session.Query(ToText(can->front()[0]));
        if (!hid.ok()) return hid.status();
        tried.was_hidden = true;
      }
    }
    const std::vector<std::string>& path = session.search_path();
    absl::Status set = session.Execute(absl::StrCat(
        "SET LOCAL max_parallel_workers_per_gather TO DEFAULT; SET LOCAL search_path = ",
        path.empty() ? "''" : QuoteNames(path)));
    if (!set.ok()) return set;
    // One statement only: Query takes no more.
    absl::StatusOr<Rows> lines = session.Query(absl::StrCat("EXPLAIN ", query));
    if (!lines.ok()) return lines.status();
    for (const Row& line : *lines) tried.lines.push_back(ToText(line[0]));
    return absl::OkStatus();
  };
  status = explain();
  if (!absl::IsUnavailable(status)) (void)session.Execute("ROLLBACK");
  if (status.ok()) return tried;
  return absl::InvalidArgumentError(absl::StrCat("the query \"", query,
                                                 "\" cannot be tried: ", status.message(),
                                                 "\nHINT: --try takes one SELECT."));
}

absl::StatusOr<std::vector<RunningBuild>> ReadBuilds(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.QueryPrepared(
      "SELECT c.relname, p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total,"
      " p.lockers_done, p.lockers_total, p.command LIKE '%CONCURRENTLY',"
      " (SELECT pg_catalog.format('process %s of %s (%s, %s)', w.pid, w.usename,"
      "   nullif(w.application_name, ''), coalesce(w.state, w.backend_type))"
      "  FROM pg_catalog.pg_stat_activity w WHERE w.pid = p.current_locker_pid)"
      " FROM pg_catalog.pg_stat_progress_create_index p"
      " JOIN pg_catalog.pg_stat_activity a ON a.pid = p.pid"
      " LEFT JOIN pg_catalog.pg_class c ON c.oid = p.relid"
      " WHERE p.datid = (SELECT oid FROM pg_catalog.pg_database"
      "                  WHERE datname = pg_catalog.current_database())"
      " AND pg_catalog.starts_with(a.application_name, $1) ORDER BY a.query_start",
      {ApplicationName(job_id, "")});
  if (!rows.ok()) return rows.status();
  std::vector<RunningBuild> builds;
  for (const Row& row : *rows) {
    RunningBuild build;
    build.table = ToText(row[0]);
    build.phase = std::string(absl::StripPrefix(ToText(row[1]), "building index: "));
    build.concurrently = ToBool(row[8]);
    build.waiting_for = ToText(row[9]);
    const auto use = [&](std::size_t column, const char* unit) {
      if (build.total > 0 || ToInt(row[column + 1]) == 0) return;
      build.done = ToInt(row[column]);
      build.total = ToInt(row[column + 1]);
      build.unit = unit;
    };
    if (!build.waiting_for.empty()) use(6, "lockers");
    use(4, "tuples");
    use(2, "blocks");
    builds.push_back(std::move(build));
  }
  return builds;
}

absl::Status CancelBuilds(Session& session, std::int64_t job_id) {
  return session
      .Query(
          "SELECT pg_catalog.pg_cancel_backend(p.pid) FROM"
          " pg_catalog.pg_stat_progress_create_index p JOIN pg_catalog.pg_stat_activity a"
          " ON a.pid = p.pid WHERE p.command LIKE '%CONCURRENTLY'"
          " AND pg_catalog.starts_with(a.application_name, $1)",
          {ApplicationName(job_id, "")})
      .status();
}

}  // namespace catalog
