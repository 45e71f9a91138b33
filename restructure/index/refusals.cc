#include "restructure/index/refusals.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace restructure {
namespace {

using absl::StrCat;

absl::Status Refuse(const std::string& what, const std::string& hint) {
  return absl::FailedPreconditionError(StrCat(what, "\nHINT: ", hint));
}

bool SameColumns(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::set<std::string>(a.begin(), a.end()) == std::set<std::string>(b.begin(), b.end());
}

// Columns that are to be NOT NULL and are not.
absl::Status RefuseNullable(const catalog::IndexFacts& index, const std::string& what,
                            const std::vector<std::string>& nullable) {
  if (nullable.empty()) return absl::OkStatus();
  const std::string table = index.table.Display();
  const std::string column = catalog::DisplayName(nullable.front());
  return Refuse(StrCat(what, " needs columns that are NOT NULL; of ", table,
                       " these are not: ", absl::StrJoin(nullable, ", ")),
                StrCat("look for rows with SELECT * FROM ", table, " WHERE ", column,
                       " IS NULL, then without a long lock: ALTER TABLE ", table, " ADD CHECK (",
                       column, " IS NOT NULL) NOT VALID; VALIDATE that constraint; then ",
                       "and at last alter column ", column, ": SET NOT NULL."));
}

}  // namespace

absl::Status RefuseIndex(const catalog::IndexFacts& index, const catalog::ServerFacts& server) {
  const std::string name = index.name.Display();
  const std::string table = index.table.Display();
  if (index.is_system) {
    return Refuse(StrCat(name, " is an index of a system table"), "name an index of your own.");
  }
  if (!index.we_own_table) {
    return absl::PermissionDeniedError(
        StrCat("role ", catalog::DisplayName(server.user), " does not own ", table,
               "\nHINT: run as its owner, or be granted that role."));
  }
  if (index.persistence == 't') {
    return Refuse(StrCat(table, " is a temporary table: no other session sees it"),
                  "use CREATE INDEX; nobody waits for it.");
  }
  if (index.is_partition) {
    return Refuse(StrCat(name, " belongs to the index of the partitioned table above ", table),
                  "name the index of the partitioned table: all its parts change together.");
  }
  if (!index.valid) {
    return Refuse(StrCat(name, " is invalid: a build of it failed or is not finished"),
                  StrCat("REINDEX INDEX CONCURRENTLY ", name, ", or drop it."));
  }
  if (index.has_foreign_leaf) {
    return Refuse(StrCat("a partition of ", table, " is a foreign table, which has no indexes"),
                  "detach it, or make the index on the partitions one by one.");
  }
  if (index.constraint_type == 'x') {
    return Refuse(StrCat(name, " belongs to the exclusion constraint ",
                         catalog::DisplayName(index.constraint),
                         ", which PostgreSQL can build only under a lock that stops every writer"),
                  "add the new constraint in a maintenance window, then drop the old one.");
  }
  if (index.constraint_type != ' ' && index.partitioned) {
    return Refuse(
        StrCat(name, " belongs to a constraint of the partitioned table ", table,
               ": PostgreSQL cannot put another index under it (ADD CONSTRAINT ... USING INDEX)"),
        "make a new unique index beside it, and drop the constraint when nothing needs it.");
  }
  return absl::OkStatus();
}

absl::Status RefuseSameIndex(const catalog::IndexFacts& index,
                             const catalog::TriedDefinition& replacement) {
  if (!(index.definition == replacement.definition)) return absl::OkStatus();
  return Refuse(StrCat("index ", index.name.Display(), " is ",
                       catalog::DisplayIndex(index.definition), " already: there is nothing to do"),
                StrCat("ask for a change (--key, --include, --where, --using, --unique, ",
                       "--tablespace, --set); to rebuild it as it is: REINDEX INDEX CONCURRENTLY ",
                       index.name.Display(), "."));
}

absl::Status RefuseUnderConstraint(const catalog::IndexFacts& index,
                                   const catalog::TriedDefinition& replacement,
                                   const std::vector<std::string>& nullable_columns) {
  if (index.constraint.empty()) return absl::OkStatus();
  const std::string what =
      StrCat("constraint ", catalog::DisplayName(index.constraint), " of ", index.table.Display());
  const std::string hint =
      "a constraint takes plain columns in their default order, over all rows; a primary key or "
      "UNIQUE constraint can have INCLUDE columns.";
  const catalog::IndexDefinition& definition = replacement.definition;
  if (definition.method != "btree") return Refuse(StrCat(what, " needs a btree"), hint);
  if (!definition.predicate.empty()) return Refuse(StrCat(what, " takes no condition"), hint);
  if (replacement.has_expressions) return Refuse(StrCat(what, " takes no expressions"), hint);
  if (!replacement.default_order) {
    return Refuse(StrCat(what, " cannot stand on (", definition.keys,
                         "): it has an order, operator class or collation that is not the default"),
                  hint);
  }
  if (!index.dependants.empty()) {
    return Refuse(
        StrCat(what, " is needed by: ", absl::StrJoin(index.dependants, "; "),
               " (a GROUP BY that relies on the primary key)"),
        "change those views so that they group by all columns they show, then run this again.");
  }
  if (index.constraint_type == 'p') {
    return RefuseNullable(index, StrCat("primary key ", catalog::DisplayName(index.constraint)),
                          nullable_columns);
  }
  return absl::OkStatus();
}

absl::Status RefuseForeignKeys(const catalog::IndexFacts& index,
                               const catalog::TriedDefinition& replacement,
                               const catalog::ServerFacts& server) {
  for (const catalog::ForeignKey& key : index.foreign_keys) {
    const std::string what = StrCat("foreign key ", catalog::DisplayName(key.name), " of ",
                                    key.table.Display(), " refers to ", index.name.Display());
    if (index.constraint.empty()) {
      return Refuse(
          StrCat(what, ", which is no constraint: it could not be moved to another index"),
          "drop that foreign key and add it again when the index has changed.");
    }
    if (!SameColumns(key.columns, replacement.key_columns)) {
      return Refuse(StrCat(what, " by the columns (", absl::StrJoin(key.columns, ", "),
                           "); the new key (", replacement.definition.keys, ") has others"),
                    "keep the same columns in another order, or let the foreign key refer to "
                    "another unique constraint first.");
    }
    if (!key.we_own_table) {
      return absl::PermissionDeniedError(
          StrCat(what, ", and role ", catalog::DisplayName(server.user), " does not own ",
                 key.table.Display(), "\nHINT: run as a role that owns both tables."));
    }
    if (key.partitioned) {
      return Refuse(StrCat(what, " and is one of a partitioned table, which cannot be NOT VALID"),
                    "drop that foreign key and add it again when the index has changed.");
    }
  }
  return absl::OkStatus();
}

absl::Status RefuseClusterMark(const catalog::IndexFacts& index,
                               const catalog::TriedDefinition& replacement) {
  if (!index.clustered) return absl::OkStatus();
  const catalog::IndexDefinition& definition = replacement.definition;
  const bool can = definition.method == "btree" || definition.method == "gist";
  if (can && definition.predicate.empty()) return absl::OkStatus();
  return Refuse(StrCat(index.table.Display(), " is clustered on ", index.name.Display(),
                       ", and CLUSTER takes no index with a condition or of that access method"),
                StrCat("first: ALTER TABLE ", index.table.Display(), " SET WITHOUT CLUSTER."));
}

absl::Status RefuseReplicaIdentity(const catalog::IndexFacts& index,
                                   const catalog::TriedDefinition& replacement,
                                   const std::vector<std::string>& nullable_columns) {
  if (!index.replica_identity) return absl::OkStatus();
  const catalog::IndexDefinition& definition = replacement.definition;
  if (!definition.unique || !definition.predicate.empty() || replacement.has_expressions) {
    return Refuse(
        StrCat(index.name.Display(), " is the replica identity of ", index.table.Display(),
               ": the new one would have to be unique, on plain columns and without a "
               "condition"),
        StrCat("choose another first: ALTER TABLE ", index.table.Display(),
               " REPLICA IDENTITY ..."));
  }
  return RefuseNullable(index, "a replica identity", nullable_columns);
}

absl::Status RefuseDuplicates(const catalog::IndexFacts& index,
                              const catalog::TriedDefinition& replacement,
                              const std::vector<std::string>& duplicates) {
  if (duplicates.empty()) return absl::OkStatus();
  return Refuse(
      StrCat("rows of ", index.table.Display(), " are equal in (", replacement.definition.keys,
             "), which is to be unique: ", absl::StrJoin(duplicates, "; ")),
      "make those rows different, or leave out --unique.");
}

}  // namespace restructure
