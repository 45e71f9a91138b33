#include "restructure/table/refusals.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "restructure/planned_step.h"

namespace restructure {
namespace {

using absl::StrCat;

absl::Status Refuse(const catalog::TableFacts& table, const std::string& what,
                    const std::string& hint) {
  return absl::FailedPreconditionError(StrCat(table.name.Display(), " ", what, "\nHINT: ", hint));
}

std::string Names(const std::vector<std::string>& names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const std::string& name) {
    absl::StrAppend(out, catalog::DisplayName(name));
  });
}

}  // namespace

absl::Status RefuseTableKind(const catalog::TableFacts& table, const catalog::TableShape& shape) {
  const auto refuse = [&](const std::string& what, const std::string& hint) {
    return Refuse(table, what, hint);
  };
  if (table.is_system) return refuse("is a system table", "name a table of your own.");
  switch (table.kind) {
    case 'r':
      break;
    case 'p':
      return refuse("is a partitioned table, which has no rows of its own",
                    "name the table: its partitions are rebuilt one after another.");
    case 'v':
      return refuse("is a view", "name the table that it reads.");
    case 'm':
      return refuse("is a materialised view", "REFRESH MATERIALIZED VIEW CONCURRENTLY renews it.");
    case 'f':
      return refuse("is a foreign table", "run this where the table lives.");
    default:
      return refuse("is not a table", "name an ordinary table.");
  }
  if (table.persistence == 'u') {
    return refuse("is an unlogged table: a crash empties it, and would not empty its replacement",
                  "make it logged first: ALTER TABLE ... SET LOGGED.");
  }
  if (table.persistence == 't') {
    return refuse("is a temporary table: no other session sees it", "use VACUUM FULL on it.");
  }
  if (table.has_children || (shape.has_parents && !shape.is_partition)) {
    return refuse("is part of an inheritance tree",
                  "end the inheritance: ALTER TABLE ... NO INHERIT.");
  }
  if (shape.is_typed) {
    return refuse("is a table of a type", "make it an ordinary one: ALTER TABLE ... NOT OF.");
  }
  if (!shape.extension.empty()) {
    return refuse(StrCat("belongs to extension ", catalog::DisplayName(shape.extension)),
                  "leave it to the extension.");
  }
  if (!shape.labels.empty()) {
    return refuse(StrCat("has security labels of ", Names(shape.labels),
                         ", which only that provider may give to another table"),
                  "take them off for the time of the job.");
  }
  if (table.is_subscription_target) {
    return refuse(
        "is filled by a logical-replication subscription, which fires no statement "
        "triggers",
        "end the subscription for this table, or rebuild it on the publisher.");
  }
  return absl::OkStatus();
}

absl::Status RefuseHiddenFromOwner(const catalog::TableFacts& table,
                                   const catalog::TableShape& shape) {
  if (!shape.hides_from_owner) return absl::OkStatus();
  return Refuse(table,
                StrCat("forces row-level security on its owner ", catalog::DisplayName(table.owner),
                       ", as whom the triggers run"),
                StrCat("for the time of the job, ALTER TABLE ", table.name.Display(),
                       " NO FORCE ROW LEVEL SECURITY."));
}

absl::Status RefuseSets(const catalog::TableFacts& table, const catalog::TableShape& shape) {
  if (shape.sets.empty()) return absl::OkStatus();
  return Refuse(table, StrCat("is the member table of ", absl::StrJoin(shape.sets, ", ")),
                "drop those sets, rebuild the table, and create them again.");
}

absl::Status RefuseInvalidIndexes(const catalog::TableFacts& table,
                                  const catalog::TableShape& shape) {
  if (!shape.indexes_under_jobs.empty()) {
    return Refuse(
        table,
        StrCat("has indexes under other jobs: ", absl::StrJoin(shape.indexes_under_jobs, ", ")),
        "finish or abort those first; `pg_restructure status` lists them.");
  }
  if (shape.invalid_indexes.empty()) return absl::OkStatus();
  return Refuse(table, StrCat("has invalid indexes: ", Names(shape.invalid_indexes)),
                "drop them, or REINDEX INDEX CONCURRENTLY.");
}

absl::Status RefuseDependants(const catalog::TableFacts& table, const catalog::TableShape& shape,
                              const catalog::ServerFacts& server) {
  if (!shape.immovable.empty()) {
    return Refuse(table,
                  StrCat("is needed by what cannot be pointed at another table: ",
                         absl::StrJoin(shape.immovable, ", ")),
                  "drop it for the time of the job.");
  }
  if (!shape.partitioned_referrers.empty()) {
    return Refuse(table,
                  StrCat("is referred to by foreign keys of partitioned tables, which cannot come "
                         "back NOT VALID: ",
                         absl::StrJoin(shape.partitioned_referrers, ", ")),
                  "drop them for the time of the job.");
  }
  if (!shape.not_ours.empty() && !server.is_superuser) {
    return absl::PermissionDeniedError(
        StrCat("role ", catalog::DisplayName(server.user), " does not own what goes over with ",
               table.name.Display(), ": ", absl::StrJoin(shape.not_ours, ", "),
               "\nHINT: run as a role that is a member of their owners."));
  }
  if (!shape.lacking.empty()) {
    return absl::PermissionDeniedError(StrCat(
        "role ", catalog::DisplayName(server.user), " lacks what foreign keys and triggers of ",
        table.name.Display(), " need to go over: ", absl::StrJoin(shape.lacking, ", "),
        "\nHINT: GRANT it for the time of the job, or run as a role that has it."));
  }
  return absl::OkStatus();
}

absl::Status RefusePrimaryKey(const catalog::TableFacts& table,
                              const std::vector<catalog::Column>& columns,
                              const std::vector<std::string>& primary_key) {
  if (primary_key.empty()) return absl::OkStatus();
  const auto present = std::find_if(table.unique_indexes.begin(), table.unique_indexes.end(),
                                    [](const catalog::UniqueIndex& i) { return i.primary; });
  if (present == table.unique_indexes.end()) {
    return Refuse(
        table, "has no primary key that could be changed",
        "make one: CREATE UNIQUE INDEX CONCURRENTLY, then ALTER TABLE ... ADD PRIMARY KEY USING "
        "INDEX.");
  }
  if (present->columns == primary_key) {
    return absl::AlreadyExistsError(StrCat(table.name.Display(), " has the primary key (",
                                           Names(primary_key),
                                           ") already\nHINT: leave --primary-key out."));
  }
  for (const std::string& name : primary_key) {
    const auto column = std::find_if(columns.begin(), columns.end(),
                                     [&](const catalog::Column& c) { return c.name == name; });
    if (column == columns.end()) {
      return absl::NotFoundError(StrCat("table ", table.name.Display(), " has no column ",
                                        catalog::DisplayName(name),
                                        " (--primary-key)\nHINT: name columns that are stored."));
    }
    if (!column->not_null) {
      return Refuse(table,
                    StrCat("may have NULLs in ", catalog::DisplayName(name),
                           ", which a primary key must not have"),
                    StrCat("--alter 'ALTER COLUMN ", catalog::DisplayName(name),
                           " SET NOT NULL' makes the new table refuse them."));
    }
  }
  return absl::OkStatus();
}

absl::Status RefuseDuplicateKeys(const catalog::TableFacts& table,
                                 const std::vector<std::string>& primary_key,
                                 const std::vector<std::string>& duplicates) {
  if (duplicates.empty()) return absl::OkStatus();
  return Refuse(table,
                StrCat("has rows that are equal in (", Names(primary_key),
                       "): ", absl::StrJoin(duplicates, "; ")),
                "choose columns that tell rows apart, or change those rows.");
}

absl::Status RefuseSpace(const catalog::TableFacts& table, std::int64_t needed_bytes,
                         std::int64_t space_max_bytes) {
  if (space_max_bytes == 0 || needed_bytes <= space_max_bytes) return absl::OkStatus();
  return Refuse(table,
                StrCat("needs about ", Megabytes(needed_bytes), " beside itself, --space-max is ",
                       Megabytes(space_max_bytes)),
                "free space and raise --space-max.");
}

}  // namespace restructure
