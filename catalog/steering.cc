#include "catalog/steering.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "catalog/ledger.h"
#include "catalog/parameters.h"

namespace catalog {
namespace {

using nlohmann::json;

// Of a row `a` of restructure.adjustment.
constexpr char kAdjustmentsJson[] =
    "SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.key, a.value, a.amount,"
    " pg_catalog.date_part('epoch', a.until)) ORDER BY a.key) FROM restructure.adjustment a"
    " WHERE coalesce(a.until > pg_catalog.clock_timestamp(), true) AND a.job_id = ";

std::vector<Adjustment> AdjustmentsFrom(const Value& text) {
  std::vector<Adjustment> adjustments;
  if (!text) return adjustments;
  for (const json& item : json::parse(*text, nullptr, false)) {
    Adjustment adjustment{item.at(0), item.at(1), item.at(2), std::nullopt};
    if (item.at(3).is_number()) {
      adjustment.until = absl::UnixEpoch() + absl::Seconds(item.at(3).get<double>());
    }
    adjustments.push_back(std::move(adjustment));
  }
  return adjustments;
}

Hold HoldFrom(const Value& pause, const Value& panic) {
  if (ToBool(panic)) return Hold::kPanic;
  return ToBool(pause) ? Hold::kPause : Hold::kNone;
}

}  // namespace

absl::StatusOr<Wishes> RenewLease(Session& session, std::int64_t job_id, std::int64_t token,
                                  absl::Duration lease) {
  absl::StatusOr<Rows> rows = session.Query(
      absl::StrCat("UPDATE restructure.job j SET lease_until = pg_catalog.clock_timestamp()"
                   " + pg_catalog.make_interval(secs => $3) WHERE job_id = $1 AND token = $2"
                   " RETURNING goal, pause_requested, panic_requested, (",
                   kAdjustmentsJson, "j.job_id)"),
      {Id(job_id), Id(token), Seconds(lease)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return Wishes();
  const Row& row = rows->front();
  return Wishes{true, ToText(row[0]), HoldFrom(row[1], row[2]), AdjustmentsFrom(row[3])};
}

absl::StatusOr<Wishes> GlanceAtWishes(Session& session, std::int64_t job_id, std::int64_t token) {
  absl::StatusOr<Rows> rows = session.QueryPrepared(
      "SELECT goal, pause_requested, panic_requested FROM restructure.job"
      " WHERE job_id = $1 AND token = $2",
      {Id(job_id), Id(token)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return Wishes();
  const Row& row = rows->front();
  return Wishes{true, ToText(row[0]), HoldFrom(row[1], row[2]), {}};
}

absl::StatusOr<Wishes> ReadWishes(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      absl::StrCat("SELECT goal, pause_requested, panic_requested, (", kAdjustmentsJson,
                   "j.job_id) FROM restructure.job j WHERE job_id = $1"),
      {Id(job_id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return Wishes();
  const Row& row = rows->front();
  return Wishes{false, ToText(row[0]), HoldFrom(row[1], row[2]), AdjustmentsFrom(row[3])};
}

absl::Status SetHold(Session& session, std::int64_t job_id, Hold hold) {
  return session
      .Query(
          "UPDATE restructure.job SET pause_requested = $2, panic_requested = $3 WHERE job_id = $1",
          {Id(job_id), std::string(hold == Hold::kNone ? "f" : "t"),
           std::string(hold == Hold::kPanic ? "t" : "f")})
      .status();
}

absl::Status SetBegunWith(Session& session, std::int64_t job_id,
                          const std::vector<std::pair<std::string, std::string>>& values) {
  json object = json::object();
  for (const auto& [key, value] : values) object[key] = value;
  return session
      .Query("UPDATE restructure.job SET begun_with = $2::jsonb WHERE job_id = $1",
             {Id(job_id), object.dump()})
      .status();
}

absl::Status Adjust(Session& session, std::int64_t job_id,
                    const std::vector<std::pair<std::string, Value>>& values,
                    std::optional<absl::Duration> lasting) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& [key, value] : values) {
    object[key] = value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  }
  return session
      .Query(
          "SELECT restructure.adjust($1, w.key, w.value, pg_catalog.make_interval(secs => $3))"
          " FROM pg_catalog.json_each_text($2::json) w",
          {Id(job_id), object.dump(), lasting ? Value(Seconds(*lasting)) : Value()})
      .status();
}

absl::Status ResetAdjustments(Session& session, std::int64_t job_id) {
  return session.Query("DELETE FROM restructure.adjustment WHERE job_id = $1", {Id(job_id)})
      .status();
}

absl::Status ForgetEnded(Session& session, std::int64_t job_id) {
  return session
      .QueryPrepared(
          "DELETE FROM restructure.adjustment WHERE job_id = $1"
          " AND until <= pg_catalog.clock_timestamp()",
          {Id(job_id)})
      .status();
}

absl::Status CancelStatements(Session& session, std::int64_t job_id, absl::Duration age) {
  return session
      .Query(
          "SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity"
          " WHERE datname = pg_catalog.current_database() AND state = 'active'"
          " AND pid <> pg_catalog.pg_backend_pid()"
          " AND pg_catalog.starts_with(application_name, $1) AND application_name <> $3"
          " AND query_start <= pg_catalog.clock_timestamp()"
          "   - pg_catalog.make_interval(secs => $2)",
          {ApplicationName(job_id, ""), Seconds(age), ApplicationName(job_id, "sampler")})
      .status();
}

absl::StatusOr<int> CancelBatches(Session& session, std::int64_t job_id, absl::Duration age) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.pg_cancel_backend(a.pid) FROM pg_catalog.pg_stat_activity a"
      " WHERE a.datname = pg_catalog.current_database() AND a.state = 'active'"
      " AND pg_catalog.starts_with(a.application_name, $1)"
      " AND a.xact_start <= pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2)"
      " AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p"
      "                 WHERE p.pid = a.pid)",
      {ApplicationName(job_id, "worker "), Seconds(age)});
  if (!rows.ok()) return rows.status();
  return static_cast<int>(rows->size());
}

}  // namespace catalog
