// Build and connect: every part of the new index, made by CREATE INDEX CONCURRENTLY.

#include <algorithm>
#include <atomic>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "catalog/failpoint.h"
#include "restructure/index/phases.h"
#include "restructure/workers.h"

namespace restructure::index {
namespace {

using catalog::IndexChange;
using catalog::IndexPart;
using catalog::PartIndex;
using catalog::Side;

// Builds that are cancelled (by pressure, by an operator) are begun anew; a build that the server
// goes on refusing is not.
constexpr int kBuildTriesMax = 20;

const IndexPart* FindPart(const std::vector<IndexPart>& parts, int number) {
  for (const IndexPart& part : parts) {
    if (part.part == number) return &part;
  }
  return nullptr;
}

// The indexes of partitioned tables, parents first, each attached to its parent's: from here on
// PostgreSQL itself gives a new partition its part.
absl::Status CreateSkeletons(Job& job, Side side, const std::vector<IndexPart>& parts) {
  const IndexChange& change = *job.index;
  for (const IndexPart& part : parts) {
    const PartIndex& index = part.index(side);
    if (part.is_leaf || index.oid != 0) continue;
    absl::Status status =
        catalog::CreateSkeleton(*job.session, change.definition(side), part.table, index.name.name);
    const IndexPart* parent = FindPart(parts, part.parent);
    if (status.ok() && parent != nullptr) {
      status = catalog::AttachIndex(*job.session, parent->index(side).name, index.name);
    }
    const std::int64_t model = part.index(Other(side)).oid;
    if (status.ok() && model != 0) {
      absl::StatusOr<std::int64_t> made = catalog::FindIndex(*job.session, index.name);
      status = made.ok() ? catalog::DressIndex(*job.session, model, *made) : made.status();
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Waits until the window and the limits allow a build to begin.
absl::Status AwaitLeave(const Job& job) {
  while (true) {
    if (absl::Status open = AwaitWindow(job, throttle::Work::kStep); !open.ok()) return open;
    const throttle::Decision decision = job.pacer->Next(0, absl::Now());
    if (decision.may_run) break;
    job.progress->SetWaitingFor(decision.reason);
    if (absl::Status slept = job.control->Sleep(decision.pause); !slept.ok()) return slept;
  }
  job.progress->SetWaitingFor("");
  return absl::OkStatus();
}

// Only what is invalid: nobody else's index of that name.
absl::Status DropWreck(catalog::Session& session, const PartIndex& index) {
  if (index.oid == 0 || index.valid) return absl::OkStatus();
  const auto cut = [&session] { session.Cut(); };
  absl::Status hit = catalog::FailpointHit("index_drop_concurrently.before", cut);
  if (!hit.ok()) return hit;
  absl::Status dropped = catalog::DropConcurrently(session, index.name);
  if (!dropped.ok()) return dropped;
  return catalog::FailpointHit("index_drop_concurrently.after", cut);
}

// The part as it stands now; empty if the ledger has it no more.
absl::StatusOr<std::optional<IndexPart>> Reread(const Job& job, catalog::Session& session,
                                                int number) {
  absl::StatusOr<std::vector<IndexPart>> parts = catalog::ReadParts(session, job.id());
  if (!parts.ok()) return parts.status();
  const IndexPart* part = FindPart(*parts, number);
  return part == nullptr ? std::optional<IndexPart>() : std::optional<IndexPart>(*part);
}

// Its table has left the tree, and with it our concern.
absl::Status Forget(const Job& job, catalog::Session& session, const IndexPart& part, Side side) {
  if (absl::Status gone = DropWreck(session, part.index(side)); !gone.ok()) return gone;
  return RunFenced(job, session, "index_part", absl::ZeroDuration(),
                   [&] { return catalog::DeletePart(session, job.id(), part.part); });
}

absl::Status AttachPart(const Job& job, catalog::Session& session, const IndexPart& part,
                        const PartIndex& parent, Side side) {
  return RetryForLock(job, part.index(side).name, "ACCESS EXCLUSIVE", [&](int) {
    return RunFenced(job, session, "index_attach", job.settings.lock_timeout, [&] {
      return catalog::AttachIndex(session, parent.name, part.index(side).name);
    });
  });
}

// What a build that the server refused means to an operator.
absl::Status BuildError(const Job& job, const IndexPart& part, const absl::Status& status) {
  const bool duplicates = absl::IsAlreadyExists(status);
  return absl::FailedPreconditionError(absl::StrCat(
      "the index on ", part.table.Display(), " cannot be built: ", status.message(),
      "\nHINT: nothing is left of that build; ",
      duplicates ? "make those rows different and run the same command again, or "
                 : "put right what the message names and run the same command again, or ",
      "`pg_restructure abort ", job.id(), "`."));
}

absl::StatusOr<std::int64_t> BuildPart(Job& job, catalog::Session& session, int number,
                                       int parallel, Side side) {
  for (int tries = 1;; ++tries) {
    absl::StatusOr<std::optional<IndexPart>> found = Reread(job, session, number);
    if (!found.ok()) return found.status();
    if (!found->has_value()) return 0;
    const IndexPart part = **found;
    if (part.table.name.empty() || !part.in_tree) {
      if (absl::Status gone = Forget(job, session, part, side); !gone.ok()) return gone;
      return 0;
    }
    const PartIndex& index = part.index(side);
    if (index.oid != 0 && index.valid) return 0;
    if (index.oid != 0) {  // A build that died.
      if (absl::Status gone = DropWreck(session, index); !gone.ok()) return gone;
    }
    if (absl::Status leave = AwaitLeave(job); !leave.ok()) return leave;
    // The fence, as late as can be: CONCURRENTLY takes no transaction of ours.
    absl::Status fenced = RunFenced(job, session, "index_part", absl::ZeroDuration(), [&] {
      return catalog::SetPartVerified(session, job.id(), number, false);
    });
    if (!fenced.ok()) return fenced;
    const auto cut = [&session] { session.Cut(); };
    absl::Status built = catalog::FailpointHit("index_concurrently.before", cut);
    if (!built.ok()) return built;
    built = catalog::BuildConcurrently(session, job.index->definition(side), part.table,
                                       index.name.name,
                                       {job.settings.maintenance_work_mem_bytes, parallel});
    if (built.ok()) built = catalog::FailpointHit("index_concurrently.after", cut);
    if (built.ok()) {
      const std::int64_t model = part.index(Other(side)).oid;
      absl::StatusOr<std::int64_t> made = catalog::FindIndex(session, index.name);
      if (!made.ok()) return made.status();
      if (model == 0) return 0;
      absl::Status dressed = catalog::DressIndex(session, model, *made);
      if (!dressed.ok()) return dressed;
      return 0;
    }
    if (absl::IsUnavailable(built)) return built;
    found = Reread(job, session, number);
    if (!found.ok()) return found.status();
    if (found->has_value()) {
      if (absl::Status gone = DropWreck(session, (*found)->index(side)); !gone.ok()) return gone;
    }
    if (absl::Status check = job.control->Check(); !check.ok()) return check;
    const bool again = absl::IsDeadlineExceeded(built) || absl::IsAborted(built);
    if (!again || tries == kBuildTriesMax) return BuildError(job, part, built);
    job.tally->AddRetry();
    job.progress->AddRetry();
    absl::Status slept = job.control->Sleep(std::min(absl::Seconds(1) * tries, absl::Minutes(1)));
    if (!slept.ok()) return slept;
  }
}

// Parts that hold rows and are not there yet.
std::vector<int> MissingLeaves(const std::vector<IndexPart>& parts, Side side) {
  std::vector<int> missing;
  for (const IndexPart& part : parts) {
    if (part.is_leaf && !(part.index(side).oid != 0 && part.index(side).valid)) {
      missing.push_back(part.part);
    }
  }
  return missing;
}

absl::Status BuildLeaves(Job& job, Side side, const std::vector<int>& missing) {
  std::atomic<std::size_t> next{0};
  const int side_by_side = std::clamp(static_cast<int>(missing.size()), 1, job.settings.workers);
  const int parallel = std::max(0, job.settings.workers / side_by_side - 1);
  return RunPass(job, [&](std::int64_t) -> std::optional<Batch> {
    const std::size_t mine = next++;
    if (mine >= missing.size()) return std::nullopt;
    return Batch([&, mine](catalog::Session& session) {
      return BuildPart(job, session, missing[mine], parallel, side);
    });
  });
}

absl::Status AttachLeaves(Job& job, Side side) {
  absl::StatusOr<std::vector<IndexPart>> parts = catalog::ReadParts(*job.session, job.id());
  if (!parts.ok()) return parts.status();
  for (const IndexPart& part : *parts) {
    const IndexPart* parent = FindPart(*parts, part.parent);
    if (parent == nullptr || part.index(side).attached || !part.in_tree) continue;
    absl::Status attached = AttachPart(job, *job.session, part, parent->index(side), side);
    if (!attached.ok()) return attached;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status BuildSide(Job& job, Side side) {
  const Step step(job, "index", 0);
  absl::StatusOr<std::vector<IndexPart>> parts = catalog::ReadParts(*job.session, job.id());
  if (!parts.ok()) return parts.status();
  const std::vector<int> missing = MissingLeaves(*parts, side);
  if (!missing.empty()) {
    if (absl::Status built = BuildLeaves(job, side, missing); !built.ok()) return built;
  }
  if (job.index->partitioned) {
    if (absl::Status attached = AttachLeaves(job, side); !attached.ok()) return attached;
  }
  parts = catalog::ReadParts(*job.session, job.id());
  if (!parts.ok()) return parts.status();
  for (const IndexPart& part : *parts) {
    if (part.index(side).valid || !part.in_tree) continue;
    return absl::AbortedError(absl::StrCat(
        "index ", part.index(side).name.Display(),
        " is not valid yet: a partition was attached meanwhile",
        "\nHINT: run the same command again; if it is not ", "valid then, `pg_restructure abort ",
        job.id(), "` and begin anew: PostgreSQL looks again only when ", "a part is attached."));
  }
  if (missing.empty()) return absl::OkStatus();
  // Expressions have statistics of their own, which a new index does not have yet.
  const std::string& keys = job.index->definition(side).keys;
  if (keys.find('(') == std::string::npos) return absl::OkStatus();
  const Step analyze(job, "analyze", 0);
  return catalog::Analyze(*job.session, job.index->table);
}

// Before: the job is in the ledger.
// After:  the ledger knows all parts; a partitioned table has the new index, still without parts.
// Lock:   SHARE on the partitioned tables for one short transaction; none otherwise.
// Undo:   Abandon.
absl::StatusOr<Next> Build(Job& job) {
  absl::StatusOr<std::vector<IndexPart>> parts = catalog::ReadParts(*job.session, job.id());
  if (!parts.ok()) return parts.status();
  if (!parts->empty()) return Next::kGoOn;
  LockHold hold{job.index->table.Display(), "SHARE", {}, 0};
  absl::Status built = RetryForLock(job, job.index->table, "SHARE", [&](int attempt) {
    hold.attempts = attempt;
    absl::Status done = RunFenced(
        job, *job.session, "index_skeleton", job.settings.lock_timeout, [&]() -> absl::Status {
          if (job.index->partitioned) {
            // No partition comes or goes between the list of parts and the indexes over them.
            absl::Status status = catalog::LockForIndex(*job.session, job.index->table);
            if (!status.ok()) return status;
          }
          absl::StatusOr<std::int64_t> index = catalog::LiveIndex(*job.session, job.id());
          if (!index.ok()) return index.status();
          absl::StatusOr<int> recorded = catalog::RecordParts(*job.session, job.id(), *index);
          if (!recorded.ok()) return recorded.status();
          parts = catalog::ReadParts(*job.session, job.id());
          if (!parts.ok()) return parts.status();
          return CreateSkeletons(job, Side::kNew, *parts);
        });
    hold.times = job.session->lock_times();
    return done;
  });
  if (!built.ok()) return built;
  if (job.index->partitioned) job.tally->AddLock(hold);
  return Next::kGoOn;
}

// Before: the parts are known.
// After:  the new index is there, valid, beside the old one.
// Lock:   SHARE UPDATE EXCLUSIVE on a table while its part is built (PostgreSQL's own).
// Undo:   Abandon.
absl::StatusOr<Next> Connect(Job& job) {
  if (job.record.swapped) return Next::kGoOn;
  if (absl::Status built = BuildSide(job, Side::kNew); !built.ok()) return built;
  return Next::kGoOn;
}

}  // namespace restructure::index
