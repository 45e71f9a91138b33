#include "catalog/ledger.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "catalog/json_list.h"
#include "catalog/parameters.h"

namespace catalog {
namespace {

using nlohmann::json;

}  // namespace

std::string ArrayLiteral(const std::vector<std::string>& items) {
  return absl::StrCat("{",
                      absl::StrJoin(items, ",",
                                    [](std::string* out, const std::string& item) {
                                      absl::StrAppend(out, "\"");
                                      for (char c : item) {
                                        if (c == '"' || c == '\\') out->push_back('\\');
                                        out->push_back(c);
                                      }
                                      absl::StrAppend(out, "\"");
                                    }),
                      "}");
}

std::string ColumnsJson(const std::vector<Column>& columns) {
  json array = json::array();
  for (const Column& column : columns) {
    array.push_back({{"name", column.name},
                     {"type", column.type},
                     {"collation", column.collation},
                     {"not_null", column.not_null},
                     {"fixed_width", column.fixed_width},
                     {"plain", column.plain},
                     {"expression", column.expression}});
  }
  return array.dump();
}

namespace {

std::vector<Column> ColumnsFromJson(const std::string& text) {
  std::vector<Column> columns;
  for (const json& item : json::parse(text, nullptr, false)) {
    columns.push_back({item.value("name", ""), item.value("type", ""), item.value("collation", ""),
                       item.value("not_null", false), item.value("fixed_width", false),
                       item.value("plain", false), item.value("expression", "")});
  }
  return columns;
}

std::optional<std::int64_t> OptionalInt(const Value& value) {
  return value ? std::optional<std::int64_t>(ToInt(value)) : std::nullopt;
}

std::optional<absl::Time> OptionalTime(const Value& epoch) {
  if (!epoch) return std::nullopt;
  const double seconds = ToDouble(epoch);
  return std::isfinite(seconds) ? absl::UnixEpoch() + absl::Seconds(seconds)
                                : absl::InfiniteFuture();
}

absl::Status Update(Session& session, const std::string& sql, const std::vector<Value>& values) {
  return session.Query(sql, values).status();
}

constexpr char kSelectSet[] =
    "SELECT s.set_id, s.schema_name, s.set_name, s.member::oid, n.nspname, c.relname,"
    " pg_catalog.to_json(s.key_columns), pg_catalog.to_json(s.owner_columns),"
    " pg_catalog.to_json(s.shown_columns), s.insertion = 'automatic',"
    " s.retention = 'mandatory', s.live_structure, an.nspname, ac.relname,"
    " EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = s.member)"
    " FROM restructure.set s"
    " LEFT JOIN pg_catalog.pg_class c ON c.oid = s.member"
    " LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_catalog.pg_class ac ON ac.oid = s.alias"
    " LEFT JOIN pg_catalog.pg_namespace an ON an.oid = ac.relnamespace ";

SetDefinition SetFrom(const Row& row) {
  SetDefinition set;
  set.set_id = ToInt(row[0]);
  // The alias by its present name, where it exists: it may have been renamed.
  set.alias = {ToText(row[12] ? row[12] : row[1]), ToText(row[13] ? row[13] : row[2])};
  set.member_oid = ToInt(row[3]);
  set.member = {ToText(row[4]), ToText(row[5])};
  set.key = TextList(row[6]);
  set.owner = TextList(row[7]);
  set.shown = TextList(row[8]);
  set.insertion_automatic = ToBool(row[9]);
  set.retention_mandatory = ToBool(row[10]);
  set.live_structure = OptionalInt(row[11]);
  set.by_row = ToBool(row[14]);
  return set;
}

constexpr char kSelectJob[] =
    "SELECT job_id, kind, name, set_id, request, old_structure, new_structure, phase, open,"
    " outcome, goal, pause_requested, token, holder,"
    " pg_catalog.date_part('epoch', lease_until), swapped_at IS NOT NULL,"
    " pg_catalog.date_part('epoch', soak_until), error, progress, summary, system_identifier,"
    " database_oid, pg_catalog.date_part('epoch', created_at),"
    " pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) FROM restructure.job ";

JobRecord JobFrom(const Row& row) {
  JobRecord job;
  job.job_id = ToInt(row[0]);
  job.kind = ToText(row[1]);
  job.name = ToText(row[2]);
  job.set_id = ToInt(row[3]);
  job.request = ToText(row[4]);
  job.old_structure = OptionalInt(row[5]);
  job.new_structure = OptionalInt(row[6]);
  job.phase = ToText(row[7]);
  job.open = ToBool(row[8]);
  job.outcome = ToText(row[9]);
  job.goal = ToText(row[10]);
  job.pause_requested = ToBool(row[11]);
  job.token = ToInt(row[12]);
  job.holder = ToText(row[13]);
  job.lease_until = OptionalTime(row[14]);
  job.swapped = ToBool(row[15]);
  job.soak_until = OptionalTime(row[16]);
  job.error = ToText(row[17]);
  job.progress = ToText(row[18]);
  job.summary = ToText(row[19]);
  job.system_identifier = ToText(row[20]);
  job.database_oid = ToInt(row[21]);
  job.created_at = OptionalTime(row[22]).value_or(absl::InfinitePast());
  job.read_at = OptionalTime(row[23]).value_or(absl::InfinitePast());
  return job;
}

}  // namespace

absl::StatusOr<std::optional<SetDefinition>> FindSet(Session& session, const QualifiedName& name) {
  std::vector<std::string> schemas = session.search_path();
  if (!name.schema.empty()) schemas = {name.schema};
  for (const std::string& schema : schemas) {
    absl::StatusOr<Rows> rows =
        session.Query(absl::StrCat(kSelectSet,
                                   "WHERE coalesce(an.nspname, s.schema_name) = $1"
                                   " AND coalesce(ac.relname, s.set_name) = $2"),
                      {schema, name.name});
    if (!rows.ok()) return rows.status();
    if (!rows->empty()) return std::optional<SetDefinition>(SetFrom(rows->front()));
  }
  return std::optional<SetDefinition>();
}

absl::StatusOr<SetDefinition> GetSet(Session& session, std::int64_t set_id) {
  absl::StatusOr<Rows> rows =
      session.Query(absl::StrCat(kSelectSet, "WHERE s.set_id = $1"), {Id(set_id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError(absl::StrCat("no set with id ", set_id));
  return SetFrom(rows->front());
}

absl::StatusOr<std::vector<SetDefinition>> ListSets(Session& session) {
  absl::StatusOr<Rows> rows = session.Query(absl::StrCat(kSelectSet, "ORDER BY s.set_id"));
  if (!rows.ok()) return rows.status();
  std::vector<SetDefinition> sets;
  for (const Row& row : *rows) sets.push_back(SetFrom(row));
  return sets;
}

absl::StatusOr<Structure> GetStructure(Session& session, std::int64_t structure_id) {
  absl::StatusOr<Rows> rows = session.Query(
      // A side of a job on a table by its present name: exchanges rename it.
      "SELECT s.structure_id, s.set_id, s.generation, coalesce(n.nspname, s.schema_name),"
      " coalesce(c.relname, s.table_name), s.sort_key, s.columns, s.stage, s.capture"
      " FROM restructure.structure s"
      " LEFT JOIN pg_catalog.pg_class c ON c.oid = s.table_oid AND s.set_id IS NULL"
      " LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE structure_id = $1",
      {Id(structure_id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) {
    return absl::NotFoundError(absl::StrCat("no structure with id ", structure_id));
  }
  const Row& row = rows->front();
  Structure structure;
  structure.structure_id = ToInt(row[0]);
  structure.set_id = ToInt(row[1]);
  structure.generation = static_cast<int>(ToInt(row[2]));
  structure.table = {ToText(row[3]), ToText(row[4])};
  if (!ToText(row[5]).empty()) {
    absl::StatusOr<std::vector<SortColumn>> sort_key = ParseSortKey(ToText(row[5]));
    if (!sort_key.ok()) return sort_key.status();
    structure.sort_key = *std::move(sort_key);
  }
  structure.columns = ColumnsFromJson(ToText(row[6]));
  structure.stage = ToText(row[7]);
  structure.capture = ToText(row[8]);
  return structure;
}

absl::StatusOr<std::int64_t> InsertSet(Session& session, const SetDefinition& set) {
  absl::StatusOr<Rows> rows = session.Query(
      "INSERT INTO restructure.set (schema_name, set_name, member, key_columns, owner_columns,"
      " shown_columns, insertion, retention) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
      " RETURNING set_id",
      {set.alias.schema, set.alias.name, Id(set.member_oid), ArrayLiteral(set.key),
       ArrayLiteral(set.owner), ArrayLiteral(set.shown),
       std::string(set.insertion_automatic ? "automatic" : "manual"),
       std::string(set.retention_mandatory ? "mandatory" : "optional")});
  if (!rows.ok()) return rows.status();
  return ToInt(rows->front()[0]);
}

absl::StatusOr<Structure> InsertStructure(Session& session, const SetDefinition& set,
                                          Structure structure) {
  absl::StatusOr<Rows> rows = session.Query(
      "INSERT INTO restructure.structure (set_id, generation, schema_name, table_name, sort_key,"
      " columns) SELECT $1::bigint, g.n, $2::text, $3::text || '__' || g.n, $4::text, $5::jsonb"
      // The next generation whose names are free.
      " FROM (SELECT coalesce(pg_catalog.max(generation), 0) AS last FROM restructure.structure"
      "  WHERE set_id = $1) s, pg_catalog.generate_series(s.last + 1, s.last + 100) g(n)"
      " WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c"
      "  JOIN pg_catalog.pg_namespace k ON k.oid = c.relnamespace WHERE k.nspname::text = $2::text"
      "  AND c.relname::text IN ($3::text || '__' || g.n, $3::text || '__' || g.n || '_key',"
      "   $3::text || '__' || g.n || '_order')) ORDER BY g.n LIMIT 1"
      " RETURNING structure_id, generation, table_name",
      {Id(set.set_id), set.alias.schema, set.alias.name, DisplaySortKey(structure.sort_key),
       ColumnsJson(structure.columns)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) {
    return absl::AlreadyExistsError(
        absl::StrCat("a hundred names like ", set.alias.Display(), "__1 are taken\n",
                     "HINT: choose another name for the set, or rename those relations."));
  }
  structure.structure_id = ToInt(rows->front()[0]);
  structure.set_id = set.set_id;
  structure.generation = static_cast<int>(ToInt(rows->front()[1]));
  structure.table = {set.alias.schema, ToText(rows->front()[2])};
  structure.stage = "building";
  structure.capture = "off";
  return structure;
}

absl::Status RecordTable(Session& session, const Structure& structure) {
  return Update(session,
                "UPDATE restructure.structure SET table_oid = $2::pg_catalog.regclass::oid"
                " WHERE structure_id = $1",
                {Id(structure.structure_id), structure.table.Sql()});
}

absl::Status SetStage(Session& session, std::int64_t structure_id, const std::string& stage) {
  return Update(session, "UPDATE restructure.structure SET stage = $2 WHERE structure_id = $1",
                {Id(structure_id), stage});
}

absl::Status SetCapture(Session& session, std::int64_t structure_id, const std::string& capture) {
  return Update(session, "UPDATE restructure.structure SET capture = $2 WHERE structure_id = $1",
                {Id(structure_id), capture});
}

absl::Status SetLive(Session& session, const SetDefinition& set, std::int64_t live) {
  return Update(session,
                "UPDATE restructure.set SET live_structure = $2, shown_columns = $3,"
                " alias = $4::pg_catalog.regclass::oid WHERE set_id = $1",
                {Id(set.set_id), Id(live), ArrayLiteral(set.shown), set.alias.Sql()});
}

absl::Status DeleteStructure(Session& session, std::int64_t structure_id) {
  return Update(session, "DELETE FROM restructure.structure WHERE structure_id = $1",
                {Id(structure_id)});
}

absl::Status DeleteSet(Session& session, std::int64_t set_id) {
  return Update(session, "DELETE FROM restructure.set WHERE set_id = $1", {Id(set_id)});
}

absl::StatusOr<std::int64_t> InsertJob(Session& session, const JobRecord& job) {
  const auto optional = [](const std::optional<std::int64_t>& id) {
    return id ? Value(Id(*id)) : Value();
  };
  absl::StatusOr<Rows> rows = session.Query(
      "INSERT INTO restructure.job (kind, name, set_id, request, old_structure, new_structure,"
      " phase, goal, system_identifier, database_oid)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING job_id",
      {job.kind, job.name, job.set_id > 0 ? Value(Id(job.set_id)) : Value(), job.request,
       optional(job.old_structure), optional(job.new_structure), job.phase, job.goal,
       job.system_identifier, Id(job.database_oid)});
  if (!rows.ok()) return rows.status();
  return ToInt(rows->front()[0]);
}

absl::StatusOr<JobRecord> GetJob(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows =
      session.Query(absl::StrCat(kSelectJob, "WHERE job_id = $1"), {Id(job_id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no job ", job_id, "\nHINT: `pg_restructure status` lists the jobs of this database."));
  }
  return JobFrom(rows->front());
}

absl::StatusOr<std::optional<JobRecord>> FindOpenJob(Session& session, std::int64_t set_id) {
  absl::StatusOr<Rows> rows =
      session.Query(absl::StrCat(kSelectJob, "WHERE set_id = $1 AND open"), {Id(set_id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::optional<JobRecord>();
  return std::optional<JobRecord>(JobFrom(rows->front()));
}

absl::StatusOr<std::vector<JobRecord>> ListJobs(Session& session, int closed) {
  absl::StatusOr<Rows> rows = session.Query(
      absl::StrCat(kSelectJob,
                   "WHERE open OR job_id IN (SELECT job_id FROM restructure.job WHERE NOT open"
                   " ORDER BY job_id DESC LIMIT $1) ORDER BY job_id DESC"),
      {Id(closed)});
  if (!rows.ok()) return rows.status();
  std::vector<JobRecord> jobs;
  for (const Row& row : *rows) jobs.push_back(JobFrom(row));
  return jobs;
}

absl::Status SetPhase(Session& session, std::int64_t job_id, const std::string& phase) {
  return Update(session, "UPDATE restructure.job SET phase = $2 WHERE job_id = $1",
                {Id(job_id), phase});
}

absl::Status SetGoal(Session& session, std::int64_t job_id, const std::string& goal) {
  return Update(session, "UPDATE restructure.job SET goal = $2 WHERE job_id = $1",
                {Id(job_id), goal});
}

absl::Status SetSwapped(Session& session, std::int64_t job_id) {
  return Update(session,
                "UPDATE restructure.job SET swapped_at = coalesce(swapped_at,"
                " pg_catalog.clock_timestamp()) WHERE job_id = $1",
                {Id(job_id)});
}

absl::Status SetSoak(Session& session, std::int64_t job_id, absl::Duration soak) {
  return Update(session,
                "UPDATE restructure.job SET soak_until = pg_catalog.clock_timestamp()"
                " + pg_catalog.make_interval(secs => $2) WHERE job_id = $1",
                {Id(job_id), absl::StrCat(absl::ToDoubleSeconds(soak))});
}

absl::Status ClearSoak(Session& session, std::int64_t job_id) {
  return Update(session, "UPDATE restructure.job SET soak_until = NULL WHERE job_id = $1",
                {Id(job_id)});
}

absl::Status SetError(Session& session, std::int64_t job_id, const std::string& error) {
  return Update(session, "UPDATE restructure.job SET error = nullif($2, '') WHERE job_id = $1",
                {Id(job_id), error});
}

absl::Status SaveProgress(Session& session, std::int64_t job_id, const std::string& progress,
                          const std::string& summary) {
  return Update(session, "UPDATE restructure.job SET progress = $2, summary = $3 WHERE job_id = $1",
                {Id(job_id), progress, summary});
}

absl::Status CloseJob(Session& session, std::int64_t job_id, const std::string& outcome) {
  return Update(session,
                "WITH gone AS (DELETE FROM restructure.batch WHERE job_id = $1),"
                " wishes AS (DELETE FROM restructure.adjustment WHERE job_id = $1),"
                " old AS (DELETE FROM restructure.decision WHERE job_id IN (SELECT job_id"
                "  FROM restructure.job WHERE NOT open ORDER BY finished_at DESC OFFSET 20))"
                " UPDATE restructure.job SET open = false, outcome = $2, phase = 'done',"
                " error = NULL, finished_at = pg_catalog.clock_timestamp() WHERE job_id = $1",
                {Id(job_id), outcome});
}

absl::Status AddEvent(Session& session, std::int64_t job_id, const std::string& what) {
  return Update(session, "INSERT INTO restructure.event (job_id, what) VALUES ($1, $2)",
                {Id(job_id), what});
}

std::string ApplicationName(std::int64_t job_id, const std::string& what) {
  return absl::StrCat("pg_restructure job ", job_id, " ", what);
}

absl::StatusOr<bool> TryLockJob(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.pg_try_advisory_lock(x'70677273'::int, $1::int)", {Id(job_id)});
  if (!rows.ok()) return rows.status();
  return ToBool(rows->front()[0]);
}

absl::StatusOr<std::int64_t> TakeLease(Session& session, std::int64_t job_id,
                                       const std::string& holder, absl::Duration lease) {
  absl::StatusOr<Transaction> transaction = Transaction::Begin(session, "lease");
  if (!transaction.ok()) return transaction.status();
  absl::StatusOr<Rows> rows = session.Query(
      "UPDATE restructure.job SET token = token + 1, holder = $2, error = NULL,"
      " lease_until = pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $3)"
      " WHERE job_id = $1 RETURNING token",
      {Id(job_id), holder, absl::StrCat(absl::ToDoubleSeconds(lease))});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::NotFoundError(absl::StrCat("no job ", job_id));
  if (absl::Status committed = transaction->Commit(); !committed.ok()) return committed;
  return ToInt(rows->front()[0]);
}

absl::Status ReleaseLease(Session& session, std::int64_t job_id, std::int64_t token) {
  absl::Status released = Update(session,
                                 "UPDATE restructure.job SET lease_until = NULL, holder = NULL"
                                 " WHERE job_id = $1 AND token = $2",
                                 {Id(job_id), Id(token)});
  if (!released.ok()) return released;
  return Update(session, "SELECT pg_catalog.pg_advisory_unlock(x'70677273'::int, $1::int)",
                {Id(job_id)});
}

absl::StatusOr<int> EndOrphans(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity"
      " WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()"
      " AND pg_catalog.starts_with(application_name, $1)",
      {ApplicationName(job_id, "")});
  if (!rows.ok()) return rows.status();
  return static_cast<int>(rows->size());
}

absl::Status NameSession(Session& session, const std::string& application_name) {
  return session.Execute(absl::StrCat("SET application_name = ", QuoteLiteral(application_name)));
}

absl::Status LimitStatements(Session& session, absl::Duration limit) {
  return session.Execute(
      absl::StrCat("SET statement_timeout = ", absl::ToInt64Milliseconds(limit)));
}

absl::StatusOr<std::string> LockHolder(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT 'server process ' || l.pid || coalesce(' of ' || a.usename, '')"
      " || coalesce(' from ' || pg_catalog.host(a.client_addr), '')"
      " FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)"
      " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = x'70677273'::int"
      " AND l.objid = $1::oid AND l.database ="
      " (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())",
      {Id(job_id)});
  if (!rows.ok()) return rows.status();
  return rows->empty() ? std::string() : ToText(rows->front()[0]);
}

absl::Status StoreFingerprint(Session& session, std::int64_t job_id, const Structure& structure,
                              const std::optional<Structure>& members) {
  return Update(
      session,
      "UPDATE restructure.job SET fingerprint = restructure.fingerprint($2,"
      " pg_catalog.to_regclass($3)::oid) WHERE job_id = $1",
      {Id(job_id), Id(structure.structure_id), members ? Value(members->table.Sql()) : Value()});
}

namespace {

// `changed`: an expression over the job j, a JSON list of names.
absl::StatusOr<std::vector<std::string>> GuardBy(Session& session, const std::string& changed,
                                                 std::int64_t job_id,
                                                 const std::vector<Value>& parameters) {
  absl::StatusOr<Rows> rows = session.QueryPrepared(
      absl::StrCat("SELECT j.token = $2, CASE WHEN j.fingerprint IS NOT NULL THEN ", changed,
                   " END FROM restructure.job j WHERE j.job_id = $1 FOR KEY SHARE OF j"),
      parameters);
  if (!rows.ok()) return rows.status();
  if (rows->empty() || !ToBool(rows->front()[0])) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job_id, " was taken over by another process\n",
                     "HINT: `pg_restructure status ", job_id, "` shows who holds it now."));
  }
  return TextList(rows->front()[1]);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Guard(Session& session, std::int64_t job_id,
                                               std::int64_t token) {
  return GuardBy(session,
                 "(SELECT pg_catalog.json_agg(n.key) FROM pg_catalog.jsonb_each("
                 " restructure.fingerprint(j.new_structure, (j.fingerprint->'members'->>0)::oid))"
                 " n WHERE n.value IS DISTINCT FROM j.fingerprint->n.key)",
                 job_id, {Id(job_id), Id(token)});
}

absl::StatusOr<std::vector<std::string>> GuardStorage(Session& session, std::int64_t job_id,
                                                      std::int64_t token, std::int64_t source) {
  return GuardBy(session,
                 "CASE WHEN j.fingerprint->'storage' IS DISTINCT FROM"
                 " pg_catalog.jsonb_build_array(pg_catalog.pg_relation_filenode($3::oid),"
                 " pg_catalog.pg_relation_filenode((j.fingerprint->'members'->>0)::oid))"
                 " THEN '[\"storage\"]'::json END",
                 job_id, {Id(job_id), Id(token), Id(source)});
}

}  // namespace catalog
