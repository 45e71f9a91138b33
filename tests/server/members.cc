#include "tests/server/members.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace server {

void CreateMembers(Client& client, std::int64_t rows) {
  client.Exec(
      absl::StrCat("CREATE TABLE public.owners (id int PRIMARY KEY);"
                   "INSERT INTO public.owners SELECT generate_series(1, ",
                   kSharedOwners,
                   ");"
                   "CREATE TABLE public.members (id bigint PRIMARY KEY,"
                   "  owner_id int REFERENCES public.owners ON UPDATE CASCADE ON DELETE CASCADE,"
                   "  rank numeric, label text, payload text, hits int NOT NULL DEFAULT 0);"
                   "CREATE INDEX ON public.members (owner_id);"));
  client.Exec(
      absl::StrCat("INSERT INTO public.members SELECT g,"
                   " CASE WHEN g % ",
                   kResidues, " = 0 THEN 1 + (g / ", kResidues, ") % ", kQuietOwners,
                   "      WHEN g % 11 = 0 THEN NULL"
                   "      ELSE ",
                   kQuietOwners, " + 1 + g % ", kSharedOwners - kQuietOwners,
                   " END,"
                   " CASE WHEN g % 13 = 0 THEN NULL WHEN g % 17 = 0 THEN 'NaN'"
                   "      ELSE (g * 7919 % 1000)::numeric / 10 END,"
                   " 'label ' || g % 100, repeat(md5(g::text), 1 + (g % 3)::int), 0"
                   " FROM generate_series(1::bigint, ",
                   rows, ") g; ANALYZE public.members"));
}

SetImage MembersOfOwner() {
  return {"public.members_of_owner",
          "public.members",
          {"id"},
          {"owner_id", "label", "id", "rank"},
          "owner_id IS NOT NULL"};
}

// The two sides have names that no column of a test has.
std::vector<std::string> CompareImages(Client& client, const SetImage& set,
                                       const std::string& relation) {
  const std::string columns = absl::StrJoin(set.columns, ", ");
  const auto joined = [](std::string* out, const std::string& column) {
    absl::StrAppend(out, "member_side.", column, " = set_side.", column);
  };
  const std::string sql = absl::StrCat(
      "WITH member_side AS MATERIALIZED (SELECT ", columns, " FROM ", set.member, " WHERE ",
      set.membership, "), set_side AS MATERIALIZED (SELECT ", columns, " FROM ", relation,
      ") (SELECT 'member table: ' || coalesce(left(member_side::text, 200), '-') ||"
      "   '  set: ' || coalesce(left(set_side::text, 200), '-')"
      "  FROM member_side FULL JOIN set_side ON ",
      absl::StrJoin(set.key, " AND ", joined),
      "  WHERE member_side::record *<> set_side::record OR member_side.", set.key[0],
      " IS NULL OR set_side.", set.key[0],
      " IS NULL LIMIT 5)"
      " UNION ALL SELECT 'rows: ' || a || ' in the member table, ' || b || ' in the set'"
      "  FROM (SELECT count(*) FROM member_side) x(a), (SELECT count(*) FROM set_side) y(b)"
      "  WHERE a <> b");
  std::vector<std::string> differences;
  for (const Row& row : client.Query(sql)) differences.push_back(relation + ": " + *row[0]);
  return differences;
}

std::vector<std::string> CompareImages(Client& client, const SetImage& set) {
  return CompareImages(client, set, set.alias);
}

std::vector<std::string> SideTables(Client& client, const std::string& schema,
                                    const std::string& alias) {
  std::vector<std::string> tables;
  for (const Row& row :
       client.Query("SELECT format('%I.%I', $1::text, relname) FROM pg_class"
                    " WHERE relnamespace = quote_ident($1)::regnamespace AND relkind = 'r'"
                    "  AND starts_with(relname, $2 || '__')"
                    "  AND substr(relname, length($2) + 3) ~ '^[0-9]+$'"
                    " ORDER BY substr(relname, length($2) + 3)::int",
                    {schema, alias})) {
    tables.push_back(*row[0]);
  }
  return tables;
}

}  // namespace server
