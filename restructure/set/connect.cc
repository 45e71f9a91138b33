#include <vector>

#include "catalog/set_objects.h"
#include "restructure/rows/rows.h"
#include "restructure/set/phases.h"

namespace restructure {
namespace {

absl::Status Copy(Job& job) {
  // A set whose members a program chooses starts empty.
  if (job.creates() && !job.set.insertion_automatic) return absl::OkStatus();
  return CopyByBlocks(job);
}

absl::Status Index(Job& job) {
  const catalog::Target target = job.target();
  std::vector<IndexBuild> missing;
  for (const bool key_index : {false, true}) {
    const std::string name =
        key_index ? target.structure.KeyIndex() : target.structure.OrderIndex();
    absl::StatusOr<bool> there = catalog::HasIndex(*job.session, target.structure, name);
    if (!there.ok()) return there.status();
    if (*there) continue;
    missing.push_back(
        [&target, key_index](catalog::Session& session, const catalog::BuildLimits& limits) {
          return catalog::BuildIndex(session, target, key_index, limits);
        });
  }
  if (absl::Status built = BuildIndexes(job, missing); !built.ok()) return built;
  return EnterStage(job, "indexed",
                    [&] { return catalog::AttachKey(*job.session, target.structure); });
}

}  // namespace

absl::StatusOr<Next> Connect(Job& job) {
  if (job.drops()) return Next::kGoOn;
  return ConnectRows(
      job, [&job] { return Copy(job); }, [&job] { return Index(job); });
}

}  // namespace restructure
