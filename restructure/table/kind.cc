// A table as a kind of structure.

#include "absl/strings/str_cat.h"
#include "catalog/schema.h"
#include "restructure/rows/rows.h"
#include "restructure/table/phases.h"
#include "restructure/table/plan.h"

namespace restructure {
namespace table {
namespace {

constexpr Phase kPhases[] = {
    {"build", &Build}, {"connect", &Connect},       {"verify", &Verify}, {"swap", &Swap},
    {"soak", &Soak},   {"disconnect", &Disconnect}, {"drop", &Drop},
};

std::string LiveTable(const Job& job) {
  const std::vector<catalog::SortColumn>& order = LiveSide(job).structure.sort_key;
  return absl::StrCat(
      job.record.name, " is now ",
      LiveSide(job).structure.structure_id == job.old->structure_id ? "the old table"
      : order.empty()
          ? "the new table"
          : absl::StrCat("the new table, in order of ", catalog::DisplaySortKey(order)));
}

}  // namespace

catalog::SetDefinition SourceOf(const Job& job, const catalog::TableSide& source) {
  catalog::SetDefinition set;
  set.alias = job.table->change.name;
  set.member_oid = source.oid;
  set.member = source.structure.table;
  set.key = source.key;
  set.live_structure = job.table->change.live;
  set.by_row = job.table->change.is_partition;
  return set;
}

const catalog::TableSide& LiveSide(const Job& job) {
  const TableSides& sides = *job.table;
  return sides.change.live == sides.old_side.structure.structure_id ? sides.old_side
                                                                    : sides.new_side;
}

const catalog::TableSide& RetiredSide(const Job& job) {
  const TableSides& sides = *job.table;
  return &LiveSide(job) == &sides.old_side ? sides.new_side : sides.old_side;
}

absl::Status Load(Job& job) {
  absl::StatusOr<catalog::TableChange> change = catalog::GetTableChange(*job.session, job.id());
  if (!change.ok()) return change.status();
  absl::StatusOr<catalog::TableSide> old_side =
      catalog::GetTableSide(*job.session, *job.record.old_structure);
  if (!old_side.ok()) return old_side.status();
  absl::StatusOr<catalog::TableSide> new_side =
      catalog::GetTableSide(*job.session, *job.record.new_structure);
  if (!new_side.ok()) return new_side.status();
  job.table = TableSides{*std::move(change), *std::move(old_side), *std::move(new_side)};
  job.old = job.table->old_side.structure;
  job.replacement = job.table->new_side.structure;
  job.set = SourceOf(job, job.table->old_side);
  return absl::OkStatus();
}

}  // namespace table

const Kind kTable = {kTableKind,          table::kPhases,  &table::Load,
                     &RestartCopyIfMoved, &table::Abandon, &table::LiveTable};

}  // namespace restructure
