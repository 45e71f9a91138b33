// The durable record of sets, structures and jobs: every read and write of the ledger's tables.
// Functions that write are meant to run inside the caller's transaction, together with the effect
// that they record; they commit nothing themselves unless they say so.

#ifndef CATALOG_LEDGER_H_
#define CATALOG_LEDGER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/session.h"
#include "catalog/set_definition.h"

namespace catalog {

// What the operator wants of a job; where its run stops.
//   hold    before the exchange, with capture synchronous
//   soak    after the exchange, revertible
//   finish  at the end
//   revert  after the exchange back, revertible
//   abort   undone, as if it had never been
inline constexpr char kGoalHold[] = "hold";
inline constexpr char kGoalSoak[] = "soak";
inline constexpr char kGoalFinish[] = "finish";
inline constexpr char kGoalRevert[] = "revert";
inline constexpr char kGoalAbort[] = "abort";

struct JobRecord {
  std::int64_t job_id = 0;
  std::string kind;  // set, index
  std::string name;
  std::int64_t set_id = 0;  // 0: not a set
  std::string request;      // JSON: what was asked for
  std::optional<std::int64_t> old_structure;
  std::optional<std::int64_t> new_structure;
  std::string phase;
  bool open = true;
  std::string outcome;  // done, aborted
  std::string goal;
  bool pause_requested = false;
  std::int64_t token = 0;
  std::string holder;
  std::optional<absl::Time> lease_until;  // server time
  bool swapped = false;                   // there was an exchange
  std::optional<absl::Time> soak_until;   // server time
  std::string error;
  std::string progress;  // JSON
  std::string summary;   // JSON
  std::string system_identifier;
  std::int64_t database_oid = 0;
  absl::Time created_at;
  absl::Time read_at;  // server time at which this was read
};

// Sets and structures.
absl::StatusOr<std::optional<SetDefinition>> FindSet(Session& session, const QualifiedName& name);
absl::StatusOr<SetDefinition> GetSet(Session& session, std::int64_t set_id);
absl::StatusOr<std::vector<SetDefinition>> ListSets(Session& session);
absl::StatusOr<Structure> GetStructure(Session& session, std::int64_t structure_id);
absl::StatusOr<std::int64_t> InsertSet(Session& session, const SetDefinition& set);
// Numbers the structure, chooses its generation and its side table's name.
absl::StatusOr<Structure> InsertStructure(Session& session, const SetDefinition& set,
                                          Structure structure);
absl::Status RecordTable(Session& session, const Structure& structure);  // its oid, once created
absl::Status SetStage(Session& session, std::int64_t structure_id, const std::string& stage);
absl::Status SetCapture(Session& session, std::int64_t structure_id, const std::string& capture);
// The alias shows `live` from now on; also records the alias's oid and shown columns.
absl::Status SetLive(Session& session, const SetDefinition& set, std::int64_t live);
absl::Status DeleteStructure(Session& session, std::int64_t structure_id);
absl::Status DeleteSet(Session& session, std::int64_t set_id);

// Jobs.
absl::StatusOr<std::int64_t> InsertJob(Session& session, const JobRecord& job);
absl::StatusOr<JobRecord> GetJob(Session& session, std::int64_t job_id);
absl::StatusOr<std::optional<JobRecord>> FindOpenJob(Session& session, std::int64_t set_id);
// Newest first; all open ones and the newest `closed` others.
absl::StatusOr<std::vector<JobRecord>> ListJobs(Session& session, int closed);
absl::Status SetPhase(Session& session, std::int64_t job_id, const std::string& phase);
absl::Status SetGoal(Session& session, std::int64_t job_id, const std::string& goal);
absl::Status SetSwapped(Session& session, std::int64_t job_id);
absl::Status SetSoak(Session& session, std::int64_t job_id, absl::Duration soak);
absl::Status ClearSoak(Session& session, std::int64_t job_id);
absl::Status SetError(Session& session, std::int64_t job_id, const std::string& error);
absl::Status SaveProgress(Session& session, std::int64_t job_id, const std::string& progress,
                          const std::string& summary);
absl::Status CloseJob(Session& session, std::int64_t job_id, const std::string& outcome);
absl::Status AddEvent(Session& session, std::int64_t job_id, const std::string& what);

// Leases; steering.h renews them. The advisory lock belongs to the session and goes with its
// backend.
absl::StatusOr<bool> TryLockJob(Session& session, std::int64_t job_id);
// Takes the job over: a new token, which fences every batch of the former holder (it waits for
// those that are committing). Commits by itself.
absl::StatusOr<std::int64_t> TakeLease(Session& session, std::int64_t job_id,
                                       const std::string& holder, absl::Duration lease);
absl::Status ReleaseLease(Session& session, std::int64_t job_id, std::int64_t token);
// Ends backends that a former holder of the job left behind; returns how many.
absl::StatusOr<int> EndOrphans(Session& session, std::int64_t job_id);
absl::Status NameSession(Session& session, const std::string& application_name);
absl::Status LimitStatements(Session& session, absl::Duration limit);
// pid and state of the backend that holds the job's advisory lock; empty if nobody does.
absl::StatusOr<std::string> LockHolder(Session& session, std::int64_t job_id);

// The fingerprint of what the job rests on, stored to be compared.
absl::Status StoreFingerprint(Session& session, std::int64_t job_id, const Structure& structure,
                              const std::optional<Structure>& members);
// Locks the job's row against a take-over until the transaction ends, and checks the token and
// the fingerprint. Returns the parts that have changed: columns, key, storage, table, capture,
// objects. kFailedPrecondition if somebody else has taken the job.
absl::StatusOr<std::vector<std::string>> Guard(Session& session, std::int64_t job_id,
                                               std::int64_t token);
// The same of the storage of `source` alone: the whole fingerprint takes milliseconds.
absl::StatusOr<std::vector<std::string>> GuardStorage(Session& session, std::int64_t job_id,
                                                      std::int64_t token, std::int64_t source);

// For the ledgers of the kinds: a text[] literal, and columns as JSON.
std::string ArrayLiteral(const std::vector<std::string>& items);
std::string ColumnsJson(const std::vector<Column>& columns);

std::string ApplicationName(std::int64_t job_id, const std::string& what);

}  // namespace catalog

#endif  // CATALOG_LEDGER_H_
