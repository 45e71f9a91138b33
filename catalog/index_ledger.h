// The durable record of a change of an index: its two definitions, and the parts in which it is
// made (one, or one for each table of a partition tree). As in ledger.h, what writes runs inside
// the caller's transaction.

#ifndef CATALOG_INDEX_LEDGER_H_
#define CATALOG_INDEX_LEDGER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/index_definition.h"
#include "catalog/index_facts.h"
#include "catalog/index_objects.h"
#include "catalog/names.h"
#include "catalog/session.h"

namespace catalog {

enum class Side { kOld, kNew };

inline Side Other(Side side) { return side == Side::kOld ? Side::kNew : Side::kOld; }

struct IndexChange {
  QualifiedName table;
  std::int64_t table_oid = 0;
  bool partitioned = false;
  IndexDefinition old_definition;
  IndexDefinition new_definition;
  Side live = Side::kOld;  // the one that bears the index's name
  // With a constraint, the exchange drops the one that was live: it is built anew for a revert.
  std::string constraint_name;
  bool primary = false;
  bool deferrable = false;
  bool deferred = false;
  std::vector<std::string> tries;  // queries whose plans are shown before the swap

  const IndexDefinition& definition(Side side) const {
    return side == Side::kOld ? old_definition : new_definition;
  }
  bool has_constraint() const { return !constraint_name.empty(); }
};

absl::Status InsertIndexChange(Session& session, std::int64_t job_id, std::int64_t index,
                               const IndexChange& change);
absl::StatusOr<IndexChange> GetIndexChange(Session& session, std::int64_t job_id);
// `index`, the one that bears the name now, is the one that other jobs must leave alone.
absl::Status SetLiveSide(Session& session, std::int64_t job_id, Side live, std::int64_t index);

// The oid of the index that bears the name now.
absl::StatusOr<std::int64_t> LiveIndex(Session& session, std::int64_t job_id);

// An index as it stands on the server.
struct PartIndex {
  QualifiedName name;    // what it is called, or is to be called
  std::int64_t oid = 0;  // 0: not there
  bool valid = false;
  bool attached = false;  // to the index of the parent
};

struct IndexPart {
  int part = 0;
  int parent = 0;  // 0: the root
  QualifiedName table;
  bool is_leaf = true;  // holds rows
  bool in_tree = true;  // its table is there and still belongs to the tree
  bool verified = false;
  PartIndex old_index;
  PartIndex new_index;

  const PartIndex& index(Side side) const { return side == Side::kOld ? old_index : new_index; }
};

// Records the parts: the whole tree below the index, parents before children. Returns how many.
absl::StatusOr<int> RecordParts(Session& session, std::int64_t job_id, std::int64_t index);
// The parts with the state of their indexes, parents before children.
absl::StatusOr<std::vector<IndexPart>> ReadParts(Session& session, std::int64_t job_id);
// What a side is called while it does not bear the index's name.
absl::StatusOr<std::string> RetiredName(Session& session, std::int64_t job_id, int part, Side side);
absl::Status DeletePart(Session& session, std::int64_t job_id, int part);
absl::Status SetPartVerified(Session& session, std::int64_t job_id, int part, bool verified);

// Foreign keys that an exchange left NOT VALID, to be validated after it.
absl::Status RememberForeignKeys(Session& session, std::int64_t job_id,
                                 const std::vector<ForeignKey>& keys);
struct PendingForeignKey {
  QualifiedName table;
  std::string name;
};
absl::StatusOr<std::vector<PendingForeignKey>> ForeignKeysToValidate(Session& session,
                                                                     std::int64_t job_id);
absl::Status ForgetForeignKey(Session& session, std::int64_t job_id, const PendingForeignKey& key);

// The open job that works on the index, or 0.
absl::StatusOr<std::int64_t> FindOpenIndexJob(Session& session, std::int64_t index);

}  // namespace catalog

#endif  // CATALOG_INDEX_LEDGER_H_
