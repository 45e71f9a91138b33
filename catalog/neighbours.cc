#include "catalog/neighbours.h"

#include "catalog/ledger.h"

namespace catalog {

std::string KeeperName(std::int64_t job_id, Activity activity) {
  switch (activity) {
    case Activity::kNone:
      return ApplicationName(job_id, "keeper");
    case Activity::kWorking:
      return ApplicationName(job_id, "keeper, working");
    case Activity::kListening:
      return ApplicationName(job_id, "keeper, listening");
  }
  return "";
}

absl::StatusOr<Neighbours> ReadNeighbours(Session& session) {
  absl::StatusOr<Rows> rows = session.QueryPrepared(
      "SELECT pg_catalog.count(*), coalesce(pg_catalog.bool_or(what = 'listening'), false)"
      " FROM (SELECT datname, (pg_catalog.regexp_match(application_name,"
      "         '^pg_restructure job ([0-9]+) keeper, (working|listening)$')) AS name"
      "       FROM pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid()) a,"
      " LATERAL (SELECT name[1] AS job_id, name[2] AS what) n"
      " WHERE name IS NOT NULL AND (datname <> pg_catalog.current_database() OR EXISTS ("
      "  SELECT FROM restructure.job j WHERE j.job_id::text = n.job_id"
      "  AND j.lease_until > pg_catalog.clock_timestamp()))");
  if (!rows.ok()) return rows.status();
  return Neighbours{static_cast<int>(ToInt(rows->front()[0])), ToBool(rows->front()[1])};
}

}  // namespace catalog
