// Building, checking, exchanging and dropping indexes: one function for each thing done.
//
// CONCURRENTLY cannot run in a transaction: those functions commit by themselves and can leave an
// invalid index when they fail or die. Whoever calls them looks first and cleans up.

#ifndef CATALOG_INDEX_OBJECTS_H_
#define CATALOG_INDEX_OBJECTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/index_build.h"
#include "catalog/index_definition.h"
#include "catalog/index_facts.h"
#include "catalog/names.h"
#include "catalog/session.h"

namespace catalog {

// Creates an index that waits for nobody but snapshots. Outside of a transaction. On a failure what
// it left is invalid. kAlreadyExists: duplicates under a unique key.
absl::Status BuildConcurrently(Session& session, const IndexDefinition& definition,
                               const QualifiedName& table, const std::string& name,
                               const BuildLimits& limits);

// Drops an index if it is there, valid or not. Outside of a transaction.
absl::Status DropConcurrently(Session& session, const QualifiedName& index);

// SHARE on a partitioned table alone: no partition comes or goes, and no index, until the end of
// the transaction.
absl::Status LockForIndex(Session& session, const QualifiedName& table);

// The index of a partitioned table without those of its partitions: invalid until all of them are
// attached. Takes SHARE on the table.
absl::Status CreateSkeleton(Session& session, const IndexDefinition& definition,
                            const QualifiedName& table, const std::string& name);
absl::Status AttachIndex(Session& session, const QualifiedName& parent, const QualifiedName& index);
absl::Status DropIndex(Session& session, const QualifiedName& index);

// Gives `to` what CREATE INDEX does not say: the comment, the statistics targets of expressions
// that both have, and the extensions on which `from` depends.
absl::Status DressIndex(Session& session, std::int64_t from, std::int64_t to);
absl::Status Analyze(Session& session, const QualifiedName& table);

// The exchange. Both take effect with the caller's transaction.
struct Marks {
  bool clustered = false;
  bool replica_identity = false;
};
absl::StatusOr<Marks> ReadMarks(Session& session, std::int64_t index);
absl::Status SetMarks(Session& session, const QualifiedName& table, const std::string& index,
                      const Marks& marks);
absl::Status RenameIndex(Session& session, const QualifiedName& index, const std::string& name);

struct Constraint {
  std::string name;
  bool primary = false;
  bool deferrable = false;
  bool deferred = false;
};
// Puts `index` in the place of the constraint's present one, which is dropped with it: foreign keys
// that refer to it are dropped and added again, NOT VALID until ValidateForeignKey. The index gets
// the constraint's name. Takes ACCESS EXCLUSIVE on the table and on those that refer to it.
absl::Status ReplaceConstraint(Session& session, const QualifiedName& table,
                               const Constraint& constraint, const std::string& index,
                               const std::vector<ForeignKey>& foreign_keys);
// Takes SHARE UPDATE EXCLUSIVE on the table that refers. kFailedPrecondition: rows violate it.
absl::Status ValidateForeignKey(Session& session, const QualifiedName& table,
                                const std::string& name);

// The check of a finished index against its table, in one snapshot.
struct IndexCheck {
  std::int64_t rows = 0;         // counted or estimated
  std::int64_t differences = 0;  // rows that the index has too few or too many
  std::string how;               // amcheck, a count through the index, …
  std::string complaint;         // not empty: the index is wrong
};
absl::StatusOr<IndexCheck> CheckIndex(Session& session, std::int64_t index);

// An index and, below the index of a partitioned table, those of its partitions: all that hold
// rows.
struct IndexLeaf {
  std::int64_t oid = 0;
  QualifiedName name;
};
absl::StatusOr<std::vector<IndexLeaf>> LeavesOf(Session& session, std::int64_t index);

// The plan of a query as the server shows it now, line by line. `hidden` is an index that the
// planner is to leave out, where hypopg can hide it; `was_hidden` tells whether it could.
struct TriedPlan {
  std::vector<std::string> lines;
  bool was_hidden = false;
};
absl::StatusOr<TriedPlan> ExplainQuery(Session& session, const std::string& query,
                                       std::int64_t hidden);

// Builds of a job that run at this moment, as pg_stat_progress_create_index shows them.
struct RunningBuild {
  std::string table;
  std::string phase;          // loading tuples in tree
  std::int64_t done = 0;      // of this phase
  std::int64_t total = 0;     // 0: not known
  std::string unit;           // tuples, blocks, lockers
  std::string waiting_for;    // the session that it waits for
  bool concurrently = false;  // it can be cancelled and begun anew
};
absl::StatusOr<std::vector<RunningBuild>> ReadBuilds(Session& session, std::int64_t job_id);
// Cancels the concurrent ones.
absl::Status CancelBuilds(Session& session, std::int64_t job_id);

}  // namespace catalog

#endif  // CATALOG_INDEX_OBJECTS_H_
