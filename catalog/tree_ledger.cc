#include "catalog/tree_ledger.h"

#include "absl/strings/str_cat.h"

namespace catalog {

absl::StatusOr<std::optional<TreeRecord>> FindOpenTree(Session& session, std::int64_t root) {
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT t.tree_id, t.request, (SELECT pg_catalog.min(j.job_id) FROM restructure.job j"
      " WHERE j.tree_id = t.tree_id AND j.open AND j.swapped_at IS NULL)"
      " FROM restructure.tree t WHERE t.open AND t.root::oid = $1::oid",
      {absl::StrCat(root)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::optional<TreeRecord>();
  const Row& row = rows->front();
  return std::optional<TreeRecord>({ToInt(row[0]), ToText(row[1]), ToInt(row[2])});
}

absl::StatusOr<std::int64_t> InsertTree(Session& session, std::int64_t root,
                                        const std::string& name, const std::string& request) {
  absl::StatusOr<Rows> rows = session.Query(
      "INSERT INTO restructure.tree (root, name, request) VALUES ($1::oid::regclass, $2, $3)"
      " RETURNING tree_id",
      {absl::StrCat(root), name, request});
  if (!rows.ok()) return rows.status();
  return ToInt(rows->front()[0]);
}

absl::Status CloseTree(Session& session, std::int64_t tree_id) {
  return session
      .Query("UPDATE restructure.tree SET open = false WHERE tree_id = $1", {absl::StrCat(tree_id)})
      .status();
}

absl::StatusOr<TreeJob> FindTreeJob(Session& session, std::int64_t tree_id,
                                    const std::string& partition) {
  // Who waits for his soak time is not done before that is over.
  absl::StatusOr<Rows> rows = session.Query(
      "SELECT job_id, CASE WHEN open THEN phase = 'soak' AND goal = 'soak' AND soak_until IS NULL"
      " ELSE outcome = 'done' END FROM restructure.job WHERE tree_id = $1 AND name = $2"
      " ORDER BY job_id DESC LIMIT 1",
      {absl::StrCat(tree_id), partition});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return TreeJob();
  return TreeJob{ToInt(rows->front()[0]), ToBool(rows->front()[1])};
}

absl::Status SetTreeOfJob(Session& session, std::int64_t job_id, std::int64_t tree_id) {
  return session
      .Query("UPDATE restructure.job SET tree_id = $2 WHERE job_id = $1",
             {absl::StrCat(job_id), absl::StrCat(tree_id)})
      .status();
}

}  // namespace catalog
