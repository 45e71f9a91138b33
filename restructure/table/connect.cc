#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/misfits.h"
#include "catalog/table_alteration.h"
#include "catalog/table_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/table/phases.h"
#include "restructure/table/request.h"

namespace restructure::table {
namespace {

// Those of the old table, under the names that they have until the exchange, and with the primary
// key that was asked for.
absl::StatusOr<std::vector<catalog::TableIndex>> IndexesToBuild(Job& job) {
  const absl::StatusOr<TableRequest> request = TableRequestFromJson(job.record.request);
  if (!request.ok()) return request.status();
  absl::StatusOr<std::vector<catalog::TableIndex>> indexes =
      catalog::ReadTableIndexes(*job.session, job.id(), job.table->old_side.oid);
  if (!indexes.ok() || request->primary_key.empty()) return indexes;
  std::vector<catalog::TableIndex> more;
  for (catalog::TableIndex& index : *indexes) {
    if (!index.primary) continue;
    if (!job.table->change.key_index.empty()) {
      catalog::TableIndex by_key;
      by_key.new_name = job.table->change.key_index;
      by_key.definition = index.definition;
      more.push_back(by_key);
    }
    index.definition.keys = catalog::QuoteNames(request->primary_key);
    index.definition.include.clear();
  }
  indexes->insert(indexes->end(), more.begin(), more.end());
  return indexes;
}

absl::Status Index(Job& job) {
  const std::int64_t old_table = job.table->old_side.oid;
  const catalog::QualifiedName table = job.replacement->table;
  absl::StatusOr<std::vector<catalog::TableIndex>> indexes = IndexesToBuild(job);
  if (!indexes.ok()) return indexes.status();
  std::vector<IndexBuild> missing;
  for (const catalog::TableIndex& index : *indexes) {
    absl::StatusOr<bool> there = catalog::HasTableIndex(*job.session, table, index);
    if (!there.ok()) return there.status();
    if (*there) continue;
    missing.push_back(
        [&table, &index](catalog::Session& session, const catalog::BuildLimits& limits) {
          return catalog::BuildTableIndex(session, table, index, limits);
        });
  }
  if (absl::Status built = BuildIndexes(job, missing); !built.ok()) return built;
  return EnterStage(job, "indexed", [&] {
    return catalog::DressTableIndexes(*job.session, old_table, table, *indexes);
  });
}

// The plan looks for rows that do not fit the new columns, but not for ever, and others may come
// meanwhile. The server does not say of which row it could not compute a value.
absl::Status WithRows(Job& job, const absl::Status& failed) {
  constexpr absl::Duration kSearchMax = absl::Minutes(1);
  std::vector<catalog::Column> computed;
  for (const catalog::Column& column : job.replacement->columns) {
    if (!column.expression.empty()) computed.push_back(column);
  }
  const absl::StatusOr<std::vector<std::string>> found =
      catalog::FindMisfits(*job.session, job.table->old_side.structure.table,
                           job.table->old_side.key, computed, kSearchMax);
  if (!found.ok() || found->empty()) return failed;
  return absl::OutOfRangeError(
      absl::StrCat("rows of ", job.table->old_side.structure.table.Display(),
                   " do not fit the new columns: ", absl::StrJoin(*found, "; ")));
}

}  // namespace

absl::StatusOr<Next> Connect(Job& job) {
  const auto copy = [&job] {
    return job.replacement->sort_key.empty() ? CopyByBlocks(job) : CopyInOrder(job);
  };
  absl::StatusOr<Next> next = ConnectRows(job, copy, [&job] { return Index(job); });
  return absl::IsOutOfRange(next.status()) ? WithRows(job, next.status()) : next;
}

absl::StatusOr<Next> Verify(Job& job) { return VerifyRows(job); }

}  // namespace restructure::table
