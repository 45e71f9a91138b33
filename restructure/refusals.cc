#include "restructure/refusals.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/schema.h"
#include "catalog/table_ledger.h"

namespace restructure {

using absl::StrCat;

absl::Status RefuseServer(const catalog::ServerFacts& server) {
  if (server.version < 140000) {
    return absl::FailedPreconditionError(
        StrCat("the server is PostgreSQL ", server.version_text, ", 14 or later is needed\n",
               "HINT: upgrade the server; its block ranges cannot be read in order before 14."));
  }
  if (server.in_recovery) {
    return absl::FailedPreconditionError(
        "the server is a standby: nothing can be written\nHINT: connect to the primary.");
  }
  if (server.read_only) {
    return absl::FailedPreconditionError(
        StrCat("database ", server.database, " is read-only for role ", server.user,
               " (default_transaction_read_only)\n",
               "HINT: connect to a writable server, or set it off for this role."));
  }
  return absl::OkStatus();
}

absl::Status RefuseConnections(const catalog::ServerFacts& server, int workers) {
  const int needed = workers + 3;  // The coordinator, the keeper, the sampler.
  if (server.connections_left >= needed + 3) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat("the server has ", server.connections_left, " connections left, ", needed,
             " are needed and 3 are kept for others\nHINT: use fewer --workers."));
}

absl::Status RefuseBlanketPublications(const std::string& name,
                                       const std::vector<std::string>& publications) {
  if (publications.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat(name, " is published by ", absl::StrJoin(publications, ", "),
             ", which would publish the tables that the tool creates beside it\n",
             "HINT: publish tables by name for the time of the job."));
}

absl::Status RefuseTableJob(catalog::Session& session, std::int64_t table_oid,
                            const std::string& table) {
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  if (*version < catalog::kSchemaVersion) return absl::OkStatus();
  absl::StatusOr<std::int64_t> open = catalog::FindOpenTableJob(session, table_oid);
  if (!open.ok() || *open == 0) return open.status();
  return absl::FailedPreconditionError(
      StrCat("job ", *open, " is rebuilding table ", table,
             "\nHINT: finish or abort it first; `pg_restructure status ", *open, "` shows it."));
}

absl::Status RefuseOtherJob(const catalog::JobRecord& open, const std::string& request) {
  if (open.request == request) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat("job ", open.job_id, " works on ", open.kind, " ", open.name, " (phase ", open.phase,
             ") with another request\nHINT: finish it, or `pg_restructure ",
             open.swapped ? "finish " : "abort ", open.job_id, "`, first."));
}

absl::Status CheckLedgerPrivileges(catalog::Session& session, const catalog::ServerFacts& server) {
  const std::string user = catalog::DisplayName(server.user);
  absl::StatusOr<int> version = catalog::InstalledSchemaVersion(session);
  if (!version.ok()) return version.status();
  if (*version == 0) {
    absl::StatusOr<bool> create = catalog::MayCreateSchema(session);
    if (!create.ok()) return create.status();
    if (*create) return absl::OkStatus();
    const std::string database = catalog::DisplayName(server.database);
    return absl::PermissionDeniedError(
        absl::StrCat("role ", user, " may not create the schema restructure in database ", database,
                     "\nHINT: GRANT CREATE ON DATABASE ", database, " TO ", user, "."));
  }
  absl::StatusOr<bool> ledger = catalog::MayUseLedger(session);
  if (!ledger.ok()) return ledger.status();
  if (*ledger) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "role ", user, " may not write the ledger in schema restructure\n",
      "HINT: GRANT CREATE ON SCHEMA restructure TO ", user,
      "; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA restructure TO ", user, "."));
}

}  // namespace restructure
