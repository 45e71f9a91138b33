// Making a table that is and has all that another one is and has, and exchanging the two: one
// function for each thing done, in the caller's transaction. Where a definition has to be written,
// the server writes it, with every name qualified and quoted.

#ifndef CATALOG_TABLE_OBJECTS_H_
#define CATALOG_TABLE_OBJECTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/index_build.h"
#include "catalog/index_definition.h"
#include "catalog/names.h"
#include "catalog/session.h"
#include "catalog/set_definition.h"
#include "catalog/table_ledger.h"

namespace catalog {

// What is to be different.
struct TableWishes {
  std::optional<int> fillfactor;
  std::optional<std::string> tablespace;
  std::vector<std::string> alters;  // sub-commands of ALTER TABLE
};

// Creates `name` as an empty copy of the table `source`: its columns with their defaults,
// identities, generation expressions, storage, compression, statistics targets, comments and
// privileges, valid CHECK constraints, storage parameters, owner, extended statistics under the
// names of the job's parts. Not yet: indexes, and what the exchange moves. Returns its oid.
absl::StatusOr<std::int64_t> CreateLike(Session& session, std::int64_t job_id, std::int64_t source,
                                        const QualifiedName& name, const TableWishes& wishes);

// The helpers of both sides. Touches the old one with no lock.
absl::Status CreateTableHelpers(Session& session, SetDefinition old_source,
                                const Structure& new_side, SetDefinition new_source,
                                const Structure& old_side);

// The indexes of the old side, as they are to be built on the new one.
struct TableIndex {
  int part = 0;
  std::int64_t oid = 0;  // of the old one; 0: there is none
  bool primary = false;
  std::string new_name;
  IndexDefinition definition;
  std::string constraint;      // pg_get_constraintdef; empty: no constraint
  std::string constraint_sql;  // ADD CONSTRAINT … for a built index; empty: builds it itself
};
absl::StatusOr<std::vector<TableIndex>> ReadTableIndexes(Session& session, std::int64_t job_id,
                                                         std::int64_t old_table);
// Whether the new side has it, valid.
absl::StatusOr<bool> HasTableIndex(Session& session, const QualifiedName& table,
                                   const TableIndex& index);
// kAlreadyExists: duplicates under a unique key.
absl::Status BuildTableIndex(Session& session, const QualifiedName& table, const TableIndex& index,
                             const BuildLimits& limits);
// Constraints, comments, statistics targets, CLUSTER mark, replica identity.
absl::Status DressTableIndexes(Session& session, std::int64_t old_table, const QualifiedName& table,
                               const std::vector<TableIndex>& indexes);
// Drops the indexes of a table that are no constraint's, and the constraints: before the copy
// starts anew, and when a table is emptied. One statement each.
absl::StatusOr<std::vector<std::string>> DropTableIndexStatements(Session& session,
                                                                  std::int64_t table);
absl::Status ExecuteStatement(Session& session, const std::string& statement);

// The exchange. `from` bears the name, `to` takes it over; `retired` is what `from` is called then.
struct TableExchange {
  std::int64_t from = 0;
  std::int64_t to = 0;
  QualifiedName name;
  QualifiedName from_now;  // what it is called now
  QualifiedName to_now;
  std::string retired;
  std::vector<TablePart> parts;
  Side side = Side::kOld;  // of `from`
  bool is_partition = false;
};
// What is executed under the lock, written beforehand.
struct ExchangeText {
  std::vector<std::string> views;    // statements that lock them: first, as their readers do
  std::vector<std::string> related;  // tables that foreign keys connect with `from`, as SQL
  std::vector<std::string> above;    // of a partition: what has to let it go, from the root
  std::vector<std::string> beside;   // and its default partition
  std::string statements;
  std::vector<ForeignKey> to_validate;  // the foreign keys that were valid: table and name
};
absl::StatusOr<ExchangeText> WriteExchange(Session& session, const TableExchange& exchange);
// Takes the locks: the views, then both tables and the related ones, or those before; in a tree of
// partitions from above to below.
absl::Status LockForTableExchange(Session& session, const TableExchange& exchange,
                                  const ExchangeText& text, bool others_first);
absl::Status ExchangeTables(Session& session, const ExchangeText& text);

// Sequences that belong to a column of `from`: they go over to the same column of `to`. Not part of
// the exchange, since whoever drew a number from one holds its lock until his transaction ends.
absl::StatusOr<std::vector<std::string>> GiveSequencesStatements(Session& session,
                                                                 std::int64_t from,
                                                                 const QualifiedName& to);

// The statements that turn the capture round, as the last ones of the exchange: the writers of
// `live` keep `retired`, if that is to be `kept`. Both under their new names; `retired_source` is
// the retired table as the source of the live one. The triggers come only then: a table collects
// the rows that a statement changes for its triggers even while those are disabled.
absl::StatusOr<std::string> TurnCaptureText(Session& session, const SetDefinition& retired_source,
                                            const Structure& live, SetDefinition live_source,
                                            const Structure& retired, bool kept);

// Checks what the transaction has deferred.
absl::Status CheckConstraintsNow(Session& session);

// What is left of the retired side, in this order. Dropping the table takes ACCESS EXCLUSIVE on
// those to which it refers.
absl::Status DropSourceView(Session& session, const Structure& side);
absl::Status DropTable(Session& session, const QualifiedName& table);
absl::Status DropTableHelpers(Session& session, const Structure& side);

}  // namespace catalog

#endif  // CATALOG_TABLE_OBJECTS_H_
