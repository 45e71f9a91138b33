// What the plan of a partition needs to know about its place in the tree: what has to let it go and
// take its successor in. Reads only.

#ifndef CATALOG_PARTITION_FACTS_H_
#define CATALOG_PARTITION_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/names.h"
#include "catalog/session.h"

namespace catalog {

struct PartitionShape {
  QualifiedName parent;
  std::string bound;                // FOR VALUES …, or DEFAULT
  QualifiedName default_partition;  // of the parent; empty: none, or this one
  bool is_being_detached = false;   // DETACH … CONCURRENTLY has not been finished
  bool bound_is_known = true;       // its own part of the constraint can be told from its parents'
  // Relations above or beside it of whose owners the role is not a member.
  std::vector<std::string> not_ours;
  // Of the parent, without a valid counterpart here: attaching would build one, under the lock.
  std::vector<std::string> missing_indexes;
  // Two that are alike, one of which is the parent's: attaching might take the other one.
  std::vector<std::string> twin_indexes;
  // Foreign keys, in words: onto tables above it, and those that it has from above.
  std::vector<std::string> referrers;
  std::vector<std::string> inherited_keys;
};

// `oid`: of a table that is a partition.
absl::StatusOr<PartitionShape> ReadPartitionShape(Session& session, std::int64_t oid);

struct Leaf {
  QualifiedName name;
  std::int64_t oid = 0;
  char kind = 'r';  // pg_class.relkind
};

// The partitions of a partitioned table that hold rows, in the order of the tree.
absl::StatusOr<std::vector<Leaf>> ReadLeaves(Session& session, std::int64_t root);

}  // namespace catalog

#endif  // CATALOG_PARTITION_FACTS_H_
