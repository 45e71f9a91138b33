// What the plan needs to know of the server and of a table. Reads only.

#ifndef CATALOG_FACTS_H_
#define CATALOG_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/names.h"
#include "catalog/session.h"
#include "catalog/set_definition.h"

namespace catalog {

struct ServerFacts {
  int version = 0;  // server_version_num: 150004
  std::string version_text;
  bool in_recovery = false;
  bool read_only = false;
  std::string system_identifier;
  std::int64_t database_oid = 0;
  std::string database;
  std::string user;
  bool is_superuser = false;
  std::int64_t block_bytes = 8192;
  std::int64_t cache_bytes = 0;  // what the server may be taken to hold in memory
  int connections_left = 0;
};

struct UniqueIndex {
  std::string name;
  std::vector<std::string> columns;
  bool primary = false;
  bool all_not_null = false;
  // Every column's equality is the one that = means with nothing but pg_catalog on the search path:
  // not so for citext and other types of extensions.
  bool plain_equality = true;
};

struct TableFacts {
  std::int64_t oid = 0;
  QualifiedName name;
  char kind = 'r';         // pg_class.relkind
  char persistence = 'p';  // pg_class.relpersistence
  std::string owner;
  bool we_own_it = false;  // as its owner, a member of that role, or a superuser
  bool may_select = false;
  bool row_security_hides = false;  // row-level security would filter what we read
  bool row_security = false;
  bool has_children = false;
  bool is_subscription_target = false;
  bool is_system = false;
  std::vector<Column> columns;               // in attribute order
  std::vector<std::string> virtual_columns;  // virtual generated columns (18+)
  std::vector<UniqueIndex> unique_indexes;   // valid, whole-table, immediate, plain columns
  std::int64_t rows_estimate = 0;
  std::int64_t blocks = 0;
  std::int64_t bytes = 0;

  const Column* Find(const std::string& column) const;
};

absl::StatusOr<ServerFacts> ReadServer(Session& session);

// The oid that `name` has now: through the session's original search path if it has no schema.
absl::StatusOr<std::optional<std::int64_t>> FindRelation(Session& session,
                                                         const QualifiedName& name);

absl::StatusOr<TableFacts> ReadTable(Session& session, std::int64_t oid);

// The schema in which an unqualified new name belongs; empty if the search path has none.
std::string CreationSchema(const Session& session);

// True if the role may create objects in `schema`; kNotFound if there is no such schema.
absl::StatusOr<bool> MayCreateIn(Session& session, const std::string& schema);

// True if the role may create a schema in the database.
absl::StatusOr<bool> MayCreateSchema(Session& session);

// True if the role can write the ledger and create helpers beside it.
absl::StatusOr<bool> MayUseLedger(Session& session);

// kNotFound or kPermissionDenied, with a HINT, if the role cannot create in the tablespace.
absl::Status MayUseTablespace(Session& session, const std::string& name);

// Bytes of a row of these columns as pg_statistic estimates them.
absl::StatusOr<double> RowBytesEstimate(Session& session, std::int64_t oid,
                                        const std::vector<std::string>& columns);

// Whether rows can be told apart and compared by these columns with the operators of pg_catalog:
// what the column's type compares with has to be one of them.
absl::StatusOr<bool> ComparesPlainly(Session& session, std::int64_t table,
                                     const std::string& column);

// True if sorting by `column COLLATE collation` is possible.
absl::Status CheckSortable(Session& session, const QualifiedName& table, const SortColumn& column);

// True if two transactions of the session can land on two backends: a pooler in transaction mode.
// Opens a second session.
absl::StatusOr<bool> IsPooledByTransaction(Session& session, const std::string& conninfo);

}  // namespace catalog

#endif  // CATALOG_FACTS_H_
