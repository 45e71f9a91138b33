// What the plan of a partition asks and refuses, besides that of any table.

#ifndef RESTRUCTURE_TABLE_LEAF_H_
#define RESTRUCTURE_TABLE_LEAF_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "catalog/facts.h"
#include "catalog/partition_facts.h"
#include "restructure/table/request.h"

namespace restructure {

absl::Status RefusePartition(const catalog::TableFacts& table,
                             const catalog::PartitionShape& partition,
                             const catalog::ServerFacts& server);
// Partitions have the columns and keys of their tree.
absl::Status RefuseChangeOfOnePart(const catalog::QualifiedName& table,
                                   const TableRequest& request);

std::vector<std::string> PartitionWarnings(const catalog::TableFacts& table,
                                           const catalog::PartitionShape& partition);
// Which tables the exchange locks besides the partition, in words.
std::string PartitionLocks(const catalog::PartitionShape& partition);

}  // namespace restructure

#endif  // RESTRUCTURE_TABLE_LEAF_H_
