// What the plan needs to know of an index and of what hangs on it. Reads only; TryDefinition leaves
// nothing behind.

#ifndef CATALOG_INDEX_FACTS_H_
#define CATALOG_INDEX_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/index_definition.h"
#include "catalog/names.h"
#include "catalog/session.h"

namespace catalog {

// A constraint of another table (or of the table itself) that refers to an index.
struct ForeignKey {
  QualifiedName table;
  std::string name;
  std::string definition;  // pg_get_constraintdef, without NOT VALID
  bool valid = true;
  std::string comment;
  std::vector<std::string> columns;  // the referenced ones
  bool we_own_table = false;
  bool partitioned = false;  // on a partitioned table, or inherited from one
};

struct IndexFacts {
  std::int64_t oid = 0;
  QualifiedName name;
  std::int64_t table_oid = 0;
  QualifiedName table;
  bool partitioned = false;   // an index of a partitioned table
  bool is_partition = false;  // attached to the index of a partitioned table
  bool valid = false;
  bool is_system = false;
  bool we_own_table = false;
  bool has_foreign_leaf = false;  // some partition is a foreign table
  char persistence = 'p';         // pg_class.relpersistence
  IndexDefinition definition;
  std::vector<std::string> key_columns;       // empty if a key element is an expression
  std::vector<std::string> nullable_columns;  // those of key_columns that are not NOT NULL

  // The constraint behind which it stands.
  std::string constraint;      // its name; empty: none
  char constraint_type = ' ';  // p, u, x
  bool deferrable = false;
  bool deferred = false;

  bool clustered = false;
  bool replica_identity = false;
  std::vector<ForeignKey> foreign_keys;
  std::vector<std::string> dependants;  // views and others that need the constraint, in words

  std::int64_t bytes = 0;
  std::int64_t table_bytes = 0;
  std::int64_t rows_estimate = 0;
  int leaves = 1;  // partitions that hold rows
};

// The oid of an index; kNotFound with what else the name is, if it is something else.
absl::StatusOr<std::int64_t> FindIndex(Session& session, const QualifiedName& name);
absl::StatusOr<IndexFacts> ReadIndex(Session& session, std::int64_t oid);
absl::StatusOr<std::vector<ForeignKey>> ReadForeignKeys(Session& session, std::int64_t index_oid);

// The definition of an index in the server's words.
absl::StatusOr<IndexDefinition> ReadDefinition(Session& session, std::int64_t oid);

// What the operator wants of a definition; empty members leave it as it is.
struct IndexWishes {
  std::optional<std::string> keys;
  std::optional<std::vector<std::string>> include;
  std::optional<std::string> predicate;  // an empty text: none
  std::optional<std::string> method;
  std::optional<std::string> tablespace;
  std::vector<std::string> options;  // name=value, each replacing its namesake
  bool unique = false;
};

// `old` with the wishes, in the server's words: the server is asked, by creating it on an empty
// table of the same columns in a transaction that is rolled back. kInvalidArgument: the server's
// own objection.
struct TriedDefinition {
  IndexDefinition definition;
  std::vector<std::string> key_columns;  // empty if a key element is an expression
  bool has_expressions = false;
  bool default_order = false;  // ascending, default operator classes and collations
};
absl::StatusOr<TriedDefinition> TryDefinition(Session& session, const IndexFacts& index,
                                              const IndexWishes& wishes);

// Up to three groups of rows that are equal in all of these key elements, in words; nothing if
// there is none. kDeadlineExceeded when `limit` is over first.
absl::StatusOr<std::vector<std::string>> FindDuplicates(Session& session,
                                                        const QualifiedName& table,
                                                        const IndexDefinition& definition,
                                                        absl::Duration limit);

}  // namespace catalog

#endif  // CATALOG_INDEX_FACTS_H_
