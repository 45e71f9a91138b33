// The durable record of a job on a table: its name, its two sides, and the names that go to and fro
// between them. As in ledger.h, what writes runs inside the caller's transaction.

#ifndef CATALOG_TABLE_LEDGER_H_
#define CATALOG_TABLE_LEDGER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/index_ledger.h"
#include "catalog/ledger.h"
#include "catalog/names.h"
#include "catalog/session.h"
#include "catalog/set_definition.h"

namespace catalog {

struct TableChange {
  QualifiedName name;             // what programs call it
  std::int64_t live = 0;          // the structure that bears the name
  std::vector<std::string> lost;  // columns of the old table that nothing brings back
  // With another primary key: an index of the new table on the old key, by which rows are followed
  // until the job ends. Empty: none is needed.
  std::string key_index;
  bool is_partition = false;
};

// One side: a table that is kept from another one.
struct TableSide {
  Structure structure;
  std::int64_t oid = 0;         // of its table; 0: not created yet, or gone
  std::int64_t source_oid = 0;  // of the table from which it is kept
  std::vector<std::string> key;
};

// `side` without its number; gets stage "building". The table's name is the structure's.
absl::StatusOr<std::int64_t> InsertTableSide(Session& session, const TableSide& side);
absl::StatusOr<TableSide> GetTableSide(Session& session, std::int64_t structure_id);
// Notes the tables of the two sides: each is the other one's source.
absl::Status RecordSides(Session& session, const TableSide& old_side, const TableSide& new_side);

absl::Status InsertTableChange(Session& session, std::int64_t job_id, const TableChange& change,
                               std::int64_t table);
absl::StatusOr<TableChange> GetTableChange(Session& session, std::int64_t job_id);
// The open job that works on the table, or 0.
absl::StatusOr<std::int64_t> FindOpenTableJob(Session& session, std::int64_t table);

// A name for a table next to `table`, in its schema, that nobody has.
absl::StatusOr<std::string> FreeTableName(Session& session, const QualifiedName& table,
                                          const std::string& suffix);

struct TablePart {
  int part = 0;
  std::string kind;      // table, index, sequence, statistics
  QualifiedName name;    // of the live side
  std::string new_name;  // of the new side while it is not the live one
  std::string old_name;  // of the old side while it is not the live one

  const std::string& spare(Side side) const { return side == Side::kOld ? old_name : new_name; }
};

// The table itself, its indexes, and its extended statistics. Sequences of identity columns are
// recorded with their new names once the new table has them.
absl::Status RecordTableParts(Session& session, std::int64_t job_id, std::int64_t table,
                              const std::string& new_name);
absl::Status RecordSequenceParts(Session& session, std::int64_t job_id, std::int64_t old_table,
                                 std::int64_t new_table);
absl::StatusOr<std::vector<TablePart>> ReadTableParts(Session& session, std::int64_t job_id);

// After an exchange: `live` bears the name, and its structure is remembered as it is now.
absl::Status SetLiveTable(Session& session, std::int64_t job_id, const TableSide& live);
// What a table is and has, rows and storage apart, as one value that changes with it.
absl::StatusOr<std::string> TableVersion(Session& session, std::int64_t table);
// Whether the job's fingerprint was taken of this version of its source.
absl::StatusOr<bool> FingerprintIsOf(Session& session, std::int64_t job_id,
                                     const std::string& version);
// Whether the table that bears the name is still as the last exchange left it.
absl::StatusOr<bool> IsLiveTableUnchanged(Session& session, std::int64_t job_id);

// Batches do not look at the fingerprint any more.
absl::Status ForgetFingerprint(Session& session, std::int64_t job_id);

}  // namespace catalog

#endif  // CATALOG_TABLE_LEDGER_H_
