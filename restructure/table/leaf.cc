#include "restructure/table/leaf.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace restructure {
namespace {

using absl::StrCat;

absl::Status Refuse(const catalog::QualifiedName& table, const std::string& what,
                    const std::string& hint) {
  return absl::FailedPreconditionError(StrCat(table.Display(), " ", what, "\nHINT: ", hint));
}

}  // namespace

absl::Status RefusePartition(const catalog::TableFacts& table,
                             const catalog::PartitionShape& partition,
                             const catalog::ServerFacts& server) {
  const std::string parent = partition.parent.Display();
  if (!partition.not_ours.empty() && !server.is_superuser) {
    return absl::PermissionDeniedError(StrCat(
        "role ", catalog::DisplayName(server.user), " does not own what lets the partition ",
        table.name.Display(), " go and takes it in: ", absl::StrJoin(partition.not_ours, ", "),
        "\nHINT: run as a role that is a member of their owners."));
  }
  if (partition.is_being_detached) {
    return Refuse(table.name, StrCat("is being detached from ", parent),
                  StrCat("end that first: ALTER TABLE ", parent, " DETACH PARTITION ",
                         table.name.Display(), " FINALIZE."));
  }
  if (!partition.bound_is_known) {
    return Refuse(table.name,
                  StrCat("has a bound that cannot be told from that of ", parent,
                         ", so that the default partition would be read under a lock"),
                  "detach the default partition for the time of the job.");
  }
  if (!partition.missing_indexes.empty()) {
    return Refuse(
        table.name,
        StrCat("lacks indexes of ", parent, ": ", absl::StrJoin(partition.missing_indexes, ", ")),
        "build them here and attach them: ALTER INDEX ... ATTACH PARTITION.");
  }
  if (!partition.twin_indexes.empty()) {
    return Refuse(table.name,
                  StrCat("has indexes that are alike, of which ", parent,
                         " needs one: ", absl::StrJoin(partition.twin_indexes, "; ")),
                  "drop the one that is not attached.");
  }
  return absl::OkStatus();
}

absl::Status RefuseChangeOfOnePart(const catalog::QualifiedName& table,
                                   const TableRequest& request) {
  const char* option = nullptr;
  if (!request.primary_key.empty()) option = "--primary-key";
  if (!request.alteration.empty()) option = "--alter, --column and --reverse";
  if (option == nullptr) return absl::OkStatus();
  return Refuse(
      table,
      StrCat("has the columns and keys of its partition tree, ", option, " would give it others"),
      "alter the partitioned table itself; --order-by, --fillfactor and --tablespace "
      "are possible for partitions.");
}

std::vector<std::string> PartitionWarnings(const catalog::TableFacts& table,
                                           const catalog::PartitionShape& partition) {
  std::vector<std::string> warnings = {
      "a partition is followed row by row, since its rows come through the partitioned table, too: "
      "statements that change many rows of it pay more for that"};
  if (!partition.inherited_keys.empty()) {
    warnings.push_back(StrCat(
        "just before the swap, and before a revert, the other table gets the foreign keys that ",
        table.name.Display(), " has from ", partition.parent.Display(),
        ", and they are validated without blocking: ",
        absl::StrJoin(partition.inherited_keys, ", ")));
  }
  if (!partition.default_partition.name.empty()) {
    warnings.push_back(StrCat(
        "until the job ends, ", partition.default_partition.Display(),
        " has a constraint that keeps the rows of this partition out, so that it is not read "
        "under a lock"));
  }
  return warnings;
}

std::string PartitionLocks(const catalog::PartitionShape& partition) {
  std::string locks = StrCat(" and on ", partition.parent.Display());
  if (!partition.default_partition.name.empty()) {
    absl::StrAppend(&locks, ", its default partition");
  }
  if (!partition.referrers.empty()) {
    absl::StrAppend(&locks, ", on all other tables of the tree, since foreign keys refer to it (",
                    absl::StrJoin(partition.referrers, ", "), ")");
  }
  return locks;
}

}  // namespace restructure
