// What the plan of a table needs to know besides TableFacts: what hangs on the table, and whether
// it can go over to another one. Reads only.

#ifndef CATALOG_TABLE_FACTS_H_
#define CATALOG_TABLE_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/facts.h"
#include "catalog/session.h"
#include "catalog/sort_key.h"

namespace catalog {

struct TableShape {
  bool is_partition = false;
  bool has_parents = false;         // inherits
  bool is_typed = false;            // CREATE TABLE … OF
  bool hides_from_owner = false;    // FORCE ROW LEVEL SECURITY and an owner that it binds
  std::string extension;            // it belongs to this one; empty: none
  std::vector<std::string> labels;  // providers of security labels
  std::vector<std::string> sets;    // sets of which it is the member table
  std::vector<std::string> invalid_indexes;
  std::vector<std::string> indexes_under_jobs;
  std::vector<std::string> blanket_publications;  // FOR ALL TABLES, or of its schema
  // In words: dependants that cannot be pointed at another table, and those that only somebody
  // else may point there.
  std::vector<std::string> immovable;
  std::vector<std::string> not_ours;
  std::vector<std::string> lacking;  // in words: privileges without which it cannot go over
  std::vector<std::string> partitioned_referrers;  // foreign keys of partitioned tables
  std::vector<std::string> generated;              // columns that the server computes itself
  std::vector<std::string> moved;  // in words: what the exchange points at the new table
  std::int64_t toast_bytes = 0;
  std::int64_t index_bytes = 0;
  int indexes = 0;
  int foreign_keys = 0;  // out and in
};

absl::StatusOr<TableShape> ReadTableShape(Session& session, std::int64_t oid);

// The foreign keys that rest on the table's primary key, in words.
absl::StatusOr<std::vector<std::string>> PrimaryKeyReferrers(Session& session, std::int64_t oid);

// Whether a foreign key rests on this index.
absl::StatusOr<bool> IsReferredTo(Session& session, const QualifiedName& index);

// Publications that take in whatever is created in one of the schemas.
absl::StatusOr<std::vector<std::string>> BlanketPublications(Session& session,
                                                             const std::string& schema);

}  // namespace catalog

#endif  // CATALOG_TABLE_FACTS_H_
