#include "catalog/decisions.h"

#include "absl/strings/str_cat.h"
#include "catalog/parameters.h"

namespace catalog {

absl::Status AddDecision(Session& session, std::int64_t job_id, const DecisionRecord& decision) {
  return session
      .Query(
          "INSERT INTO restructure.decision (job_id, made_at, pressure, reason, effective_workers,"
          " workers, rows_per_batch, batch_seconds, commit_seconds, busy)"
          " VALUES ($1, pg_catalog.clock_timestamp(), $2, $3, $4, $5, $6, $7, $8, $9)",
          {absl::StrCat(job_id), absl::StrCat(decision.pressure), decision.reason,
           absl::StrCat(decision.effective_workers), absl::StrCat(decision.workers),
           absl::StrCat(decision.rows_per_batch), Seconds(decision.batch),
           decision.commit ? Value(Seconds(*decision.commit)) : Value(),
           decision.busy ? Value(absl::StrCat(*decision.busy)) : Value()})
      .status();
}

absl::Status ThinDecisions(Session& session, std::int64_t job_id, int keep) {
  return session
      .Query(
          "DELETE FROM restructure.decision WHERE job_id = $1 AND made_at <= (SELECT made_at"
          " FROM restructure.decision WHERE job_id = $1 ORDER BY made_at DESC OFFSET $2 LIMIT 1)",
          {absl::StrCat(job_id), absl::StrCat(keep)})
      .status();
}

absl::StatusOr<std::optional<DecisionRecord>> LastDecision(Session& session, std::int64_t job_id) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - made_at), pressure,"
      " reason, effective_workers, workers, rows_per_batch, batch_seconds, commit_seconds, busy"
      " FROM restructure.decision WHERE job_id = $1 ORDER BY made_at DESC LIMIT 1",
      {absl::StrCat(job_id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::optional<DecisionRecord>();
  const Row& row = rows->front();
  DecisionRecord decision;
  decision.age = absl::Seconds(ToDouble(row[0]));
  decision.pressure = ToDouble(row[1]);
  decision.reason = ToText(row[2]);
  decision.effective_workers = ToDouble(row[3]);
  decision.workers = static_cast<int>(ToInt(row[4]));
  decision.rows_per_batch = ToInt(row[5]);
  decision.batch = absl::Seconds(ToDouble(row[6]));
  if (row[7]) decision.commit = absl::Seconds(ToDouble(row[7]));
  if (row[8]) decision.busy = static_cast<int>(ToInt(row[8]));
  return std::optional<DecisionRecord>(decision);
}

}  // namespace catalog
