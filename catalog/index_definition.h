// What an index is, in the words of CREATE INDEX. Plain values, as the ledger keeps them.

#ifndef CATALOG_INDEX_DEFINITION_H_
#define CATALOG_INDEX_DEFINITION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/names.h"

namespace catalog {

// Every text is the server's own (pg_get_indexdef with nothing but pg_catalog on the search path):
// what it names is qualified, and two definitions are the same if their texts are.
struct IndexDefinition {
  bool unique = false;
  bool nulls_not_distinct = false;  // 15+
  std::string method;               // btree
  std::string keys;                 // customer_id, placed_at DESC
  std::vector<std::string> include;
  std::vector<std::string> options;  // fillfactor=90
  std::string tablespace;            // empty: the database's
  std::string predicate;             // empty: every row
};

bool operator==(const IndexDefinition& a, const IndexDefinition& b);

// For people: UNIQUE btree (customer_id, placed_at DESC) INCLUDE (amount) WHERE …
std::string DisplayIndex(const IndexDefinition& definition);

// What follows the table's name in CREATE INDEX.
std::string IndexSql(const IndexDefinition& definition);

std::string ToJson(const IndexDefinition& definition);
IndexDefinition IndexDefinitionFromJson(const std::string& text);

}  // namespace catalog

#endif  // CATALOG_INDEX_DEFINITION_H_
