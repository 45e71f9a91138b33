// Verify: every row of the table is in the new index, and nothing else.

#include <atomic>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/ledger.h"
#include "restructure/index/phases.h"
#include "restructure/index/verify_index.h"
#include "restructure/workers.h"

namespace restructure {
namespace index {
namespace {

using catalog::IndexPart;

std::string Indented(const std::vector<std::string>& lines) {
  return absl::StrJoin(lines, "\n", [](std::string* out, const std::string& line) {
    absl::StrAppend(out, "  ", line);
  });
}

// What the planner makes of the operator's queries with both indexes, and without the old one.
absl::Status ShowTries(Job& job) {
  if (job.index->tries.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<IndexPart>> parts = catalog::ReadParts(*job.session, job.id());
  if (!parts.ok()) return parts.status();
  const std::int64_t old_index = parts->empty() ? 0 : parts->front().old_index.oid;
  for (const std::string& query : job.index->tries) {
    absl::StatusOr<catalog::TriedPlan> both = catalog::ExplainQuery(*job.session, query, 0);
    if (!both.ok()) return both.status();
    job.notes.push_back(
        absl::StrCat("plan of ", query, "\nwith both indexes:\n", Indented(both->lines)));
    absl::StatusOr<catalog::TriedPlan> alone =
        catalog::ExplainQuery(*job.session, query, old_index);
    if (!alone.ok()) return alone.status();
    job.notes.back() += alone->was_hidden
                            ? absl::StrCat("\nwithout the old index:\n", Indented(alone->lines))
                            : "\n(how it is without the old index: install hypopg 1.4 or newer)";
  }
  return absl::OkStatus();
}

}  // namespace

// Before: the new index is valid.
// After:  it was compared with its table, part by part.
// Lock:   ACCESS SHARE on a table while its part is compared, and a snapshot.
// Undo:   nothing to undo.
absl::StatusOr<Next> Verify(Job& job) {
  if (job.record.swapped) return Next::kGoOn;
  absl::StatusOr<std::vector<IndexPart>> parts = catalog::ReadParts(*job.session, job.id());
  if (!parts.ok()) return parts.status();
  std::vector<IndexPart> due;
  for (const IndexPart& part : *parts) {
    if (part.is_leaf && !part.verified) due.push_back(part);
  }
  const Step step(job, "compare", 0);
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  catalog::IndexCheck total;
  absl::Status passed = RunPass(job, [&](std::int64_t) -> std::optional<Batch> {
    const std::size_t mine = next++;
    if (mine >= due.size()) return std::nullopt;
    return Batch([&, mine](catalog::Session& session) -> absl::StatusOr<std::int64_t> {
      const catalog::PartIndex& index = due[mine].new_index;
      absl::StatusOr<catalog::IndexCheck> check = catalog::CheckIndex(session, index.oid);
      if (!check.ok()) return check.status();
      if (check->differences == 0) {
        absl::Status marked = RunFenced(job, session, "index_part", absl::ZeroDuration(), [&] {
          // Once more: the tool may have died between the build and this.
          const std::int64_t model = due[mine].old_index.oid;
          absl::Status dressed =
              model == 0 ? absl::OkStatus() : catalog::DressIndex(session, model, index.oid);
          if (!dressed.ok()) return dressed;
          return catalog::SetPartVerified(session, job.id(), due[mine].part, true);
        });
        if (!marked.ok()) return marked;
      }
      const std::lock_guard<std::mutex> lock(mutex);
      total.rows += check->rows;
      total.differences += check->differences;
      total.how = check->how;
      if (!check->complaint.empty()) {
        total.complaint = absl::StrCat(index.name.Display(), ": ", check->complaint);
      }
      return check->rows;
    });
  });
  if (!passed.ok()) return passed;
  if (!due.empty()) {
    job.tally->SetRows(total.rows);
    job.tally->SetVerified(total.rows, total.differences);
    job.notes.push_back(absl::StrCat("verified by ", total.how));
  }
  if (total.differences > 0) {
    return absl::DataLossError(absl::StrCat(
        total.complaint, "; nothing was swapped\nHINT: the table and its old index are unharmed; ",
        "`pg_restructure abort ", job.id(), "`, and look for what breaks this index."));
  }
  if (absl::Status shown = ShowTries(job); !shown.ok()) return shown;
  return Next::kGoOn;
}

}  // namespace index

absl::StatusOr<IndexVerdict> VerifyNamedIndex(catalog::Session& session, const std::string& text) {
  absl::StatusOr<catalog::QualifiedName> name = catalog::ParseQualifiedName(text);
  if (!name.ok()) return name.status();
  absl::StatusOr<std::int64_t> oid = catalog::FindIndex(session, *name);
  if (!oid.ok()) return oid.status();
  absl::StatusOr<std::vector<catalog::IndexLeaf>> leaves = catalog::LeavesOf(session, *oid);
  if (!leaves.ok()) return leaves.status();
  IndexVerdict verdict;
  verdict.name = name->Display();
  for (const catalog::IndexLeaf& leaf : *leaves) {
    absl::StatusOr<catalog::IndexCheck> check = catalog::CheckIndex(session, leaf.oid);
    if (!check.ok()) return check.status();
    verdict.check.rows += check->rows;
    verdict.check.differences += check->differences;
    verdict.check.how = check->how;
    if (!check->complaint.empty()) {
      verdict.check.complaint = absl::StrCat(leaf.name.Display(), ": ", check->complaint);
    }
  }
  return verdict;
}

}  // namespace restructure
