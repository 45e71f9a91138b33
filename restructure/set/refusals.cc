#include "restructure/set/refusals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/set_statements.h"

namespace restructure {
namespace {

using absl::StrCat;

std::string Columns(const std::vector<std::string>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const std::string& column) {
    absl::StrAppend(out, catalog::DisplayName(column));
  });
}

// The order as SQL text with collations written out: two keys that mean the same compare equal.
std::string OrderText(const catalog::SetDefinition& set, const catalog::Structure& structure) {
  return absl::StrJoin(catalog::FullOrder(set, structure), ", ",
                       [](std::string* out, const catalog::SortColumn& column) {
                         absl::StrAppend(out, catalog::SortColumnSql(column, ""));
                       });
}

}  // namespace

absl::Status RefuseMemberKind(const catalog::TableFacts& member) {
  const std::string name = member.name.Display();
  if (member.is_system) {
    return absl::FailedPreconditionError(
        StrCat(name, " is a system table\nHINT: name a table of your own."));
  }
  const auto refuse = [&](const char* what, const char* hint) {
    return absl::FailedPreconditionError(StrCat(name, " is ", what, "\nHINT: ", hint));
  };
  switch (member.kind) {
    case 'r':
      break;
    case 'p':
      return refuse("a partitioned table", "make a set of each partition.");
    case 'v':
      return refuse("a view", "name the table that it reads.");
    case 'm':
      return refuse("a materialised view", "name the table that it reads.");
    case 'f':
      return refuse("a foreign table", "make the set where the table lives.");
    default:
      return refuse("not a table", "name an ordinary table.");
  }
  if (member.persistence == 'u') {
    return refuse("an unlogged table: a crash empties it, and would not empty the set",
                  "make it logged first: ALTER TABLE ... SET LOGGED.");
  }
  if (member.persistence == 't') {
    return refuse("a temporary table: no other session sees it", "use an ordinary table.");
  }
  if (member.has_children) {
    return refuse("the parent of other tables: rows of its children would be missed",
                  "make a set of each child.");
  }
  if (member.is_subscription_target) {
    return refuse("filled by a logical-replication subscription, which fires no statement triggers",
                  "make the set on the publisher, or end the subscription for this table.");
  }
  return absl::OkStatus();
}

absl::Status RefuseForeignMember(const catalog::TableFacts& member,
                                 const catalog::ServerFacts& server) {
  if (member.we_own_it) return absl::OkStatus();
  return absl::PermissionDeniedError(
      StrCat("role ", catalog::DisplayName(server.user), " does not own ", member.name.Display(),
             "\nHINT: run as its owner ", catalog::DisplayName(member.owner), ", or GRANT ",
             catalog::DisplayName(member.owner), " TO ", catalog::DisplayName(server.user), "."));
}

absl::Status RefuseHiddenRows(const catalog::TableFacts& member) {
  if (!member.row_security_hides) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat("row-level security of ", member.name.Display(), " hides rows from this role\n",
             "HINT: run as a role with BYPASSRLS, or ALTER TABLE ", member.name.Display(),
             " NO FORCE ROW LEVEL SECURITY."));
}

std::vector<std::string> KeyOf(const catalog::TableFacts& member) {
  for (const catalog::UniqueIndex& index : member.unique_indexes) {
    if (index.all_not_null && index.plain_equality) return index.columns;
  }
  return {};
}

absl::Status RefuseNoKey(const catalog::TableFacts& member) {
  if (!KeyOf(member).empty()) return absl::OkStatus();
  const std::string name = member.name.Display();
  for (const catalog::UniqueIndex& index : member.unique_indexes) {
    if (index.plain_equality) continue;
    return absl::FailedPreconditionError(
        StrCat(name, " has no key that can be followed: the columns (", Columns(index.columns),
               ") of ", catalog::DisplayName(index.name),
               " are compared by operators of an extension\nHINT: a unique index over columns of ",
               "the server's own types would do, such as an identity column."));
  }
  for (const catalog::UniqueIndex& index : member.unique_indexes) {
    return absl::FailedPreconditionError(
        StrCat(name, " has no key: the unique index ", catalog::DisplayName(index.name),
               " is over nullable columns (", Columns(index.columns),
               ")\nHINT: the index would do if they were NOT NULL: ALTER TABLE ", name,
               ", then ALTER COLUMN ... SET NOT NULL for each."));
  }
  return absl::FailedPreconditionError(
      StrCat(name, " has no key: neither a primary key nor a unique index over NOT NULL columns\n",
             "HINT: CREATE UNIQUE INDEX CONCURRENTLY over columns that identify a row and are NOT "
             "NULL; partial, deferrable and expression indexes do not count."));
}

absl::Status RefuseUnknownColumns(const catalog::TableFacts& member,
                                  const std::vector<std::string>& columns,
                                  const std::string& option) {
  for (const std::string& column : columns) {
    if (member.Find(column) == nullptr) {
      std::vector<std::string> known;
      for (const catalog::Column& c : member.columns) known.push_back(c.name);
      return absl::NotFoundError(StrCat("table ", member.name.Display(), " has no column ",
                                        catalog::DisplayName(column), " (", option, ")\n",
                                        "HINT: its columns are ", Columns(known), "."));
    }
    if (std::find(member.virtual_columns.begin(), member.virtual_columns.end(), column) !=
        member.virtual_columns.end()) {
      return absl::FailedPreconditionError(
          StrCat("column ", catalog::DisplayName(column), " of ", member.name.Display(),
                 " is a virtual generated column (", option, ")\nHINT: make it STORED."));
    }
  }
  return absl::OkStatus();
}

absl::Status RefuseLongName(const catalog::QualifiedName& alias) {
  if (alias.name.size() <= catalog::kAliasBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("the name ", alias.Display(), " is too long: ", alias.name.size(), " bytes, at most ",
             catalog::kAliasBytesMax, " leave room for the names of its side tables\n",
             "HINT: choose a shorter name."));
}

absl::Status RefuseSameOrder(const catalog::SetDefinition& set, const catalog::Structure& live,
                             const catalog::Structure& replacement,
                             const std::vector<std::string>& show) {
  if (OrderText(set, live) != OrderText(set, replacement)) return absl::OkStatus();
  const auto shown = [&](const std::string& column) {
    return std::find(set.shown.begin(), set.shown.end(), column) != set.shown.end();
  };
  if (!std::all_of(show.begin(), show.end(), shown)) return absl::OkStatus();
  return absl::AlreadyExistsError(StrCat("set ", set.alias.Display(), " has the sort key ",
                                         catalog::DisplaySortKey(live.sort_key),
                                         " already: there is nothing to do\n",
                                         "HINT: give another --key, or --show for more columns."));
}

absl::Status RefuseExistingSet(const catalog::SetDefinition& existing,
                               const catalog::Structure& live, const catalog::SetDefinition& asked,
                               const catalog::Structure& replacement) {
  const bool same = existing.member_oid == asked.member_oid && existing.owner == asked.owner &&
                    existing.insertion_automatic == asked.insertion_automatic &&
                    existing.retention_mandatory == asked.retention_mandatory &&
                    OrderText(existing, live) == OrderText(asked, replacement);
  if (same) {
    return absl::AlreadyExistsError(StrCat("set ", asked.alias.Display(),
                                           " is there already, as asked: there is nothing to do\n",
                                           "HINT: `run set` changes its sort key."));
  }
  return absl::AlreadyExistsError(
      StrCat("the name ", asked.alias.Display(), " is taken by another set, of ",
             existing.member.Display(), " with sort key ", catalog::DisplaySortKey(live.sort_key),
             "\nHINT: choose another name; `run set` changes the sort key of that one."));
}

}  // namespace restructure
