// The member table that most tests use, and the comparison of a set with its member table.
//
//   owners(id int primary key)
//   members(id bigint primary key, owner_id int references owners on update/delete cascade,
//           rank numeric, label text, payload text, hits int not null)
//
// Keys are dealt out in residue classes: id % kResidues == 0 are the quiet rows, which no writer
// touches and whose owners (1 to kQuietOwners) nobody else's row has; the other classes belong to
// one writer each.

#ifndef TESTS_SERVER_MEMBERS_H_
#define TESTS_SERVER_MEMBERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/server/client.h"

namespace server {

constexpr int kResidues = 8;
constexpr int kQuietOwners = 4;
constexpr int kSharedOwners = 24;  // Writers choose among kQuietOwners + 1 to kSharedOwners.

// Creates both tables and fills them with `rows` rows.
void CreateMembers(Client& client, std::int64_t rows);

// A set as the member table defines it.
struct SetImage {
  std::string alias;                 // As in SQL: public.members_of_owner
  std::string member;                // public.members
  std::vector<std::string> key;      // Quoted names of the member table's key columns.
  std::vector<std::string> columns;  // Quoted names of the alias's columns.
  std::string membership;            // SQL over the member table: which rows are members.
};

// The set public.members_of_owner over members, as CreateSet in fixture.h makes it.
SetImage MembersOfOwner();

// Compares, in one snapshot and as images (record_image semantics: 1.0 and 1.00 differ), the
// relation with the member table, both ways. Returns a line for each of the first differences;
// empty: equal.
std::vector<std::string> CompareImages(Client& client, const SetImage& set,
                                       const std::string& relation);

// The same for the alias.
std::vector<std::string> CompareImages(Client& client, const SetImage& set);

// The side tables of a set that exist, oldest generation first, as in SQL.
std::vector<std::string> SideTables(Client& client, const std::string& schema,
                                    const std::string& alias);

}  // namespace server

#endif  // TESTS_SERVER_MEMBERS_H_
