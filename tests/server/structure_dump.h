// Everything that a table is and has, as text: the independent oracle for what a restructured table
// must look like. It shares nothing with the tool.
//
// Names only, never OIDs or attribute numbers: two tables that a client cannot tell apart have
// equal dumps, whichever relation holds the name. What depends on the table (views on views,
// functions, foreign keys, policies, rules and defaults of other tables) is found through pg_depend
// as DROP … CASCADE would find it and is a part of the dump, whatever kind of object it is.
//
// Left out: data, statistics, sequences' positions; attndims, which PostgreSQL does not enforce and
// pg_dump does not preserve; the columns' names inside an index, which a RENAME COLUMN leaves
// behind.

#ifndef TESTS_SERVER_STRUCTURE_DUMP_H_
#define TESTS_SERVER_STRUCTURE_DUMP_H_

#include <string>
#include <vector>

#include "tests/server/client.h"

namespace server {

// While it lives, the client's session writes the same text whatever its user and database have
// set: names outside pg_catalog are qualified, dates are ISO in UTC, floats are exact. The former
// settings come back with its end, as settings of the session: no SET LOCAL of them may be open.
class PinnedText {
 public:
  explicit PinnedText(Client& sql);
  ~PinnedText();
  PinnedText(const PinnedText&) = delete;
  PinnedText& operator=(const PinnedText&) = delete;

 private:
  Client& sql_;
  std::vector<Value> former_;  // In the order of the settings.
};

// `table` as in SQL, with its schema: zoo.everything, "Odd".table. One property a line, sorted;
// line feeds and backslashes in values are escaped. Works on PostgreSQL 14 to 18, inside and
// outside transactions; PostgreSQL's own functions look at the newest catalog, so that nobody may
// change the structure meanwhile. Wants a superuser.
//
// Ignores what the tool needs while it works: triggers called pg_restructure…, and everything in
// schema restructure. Throws ServerError, also when there is no such table.
std::string StructureDump(Client& sql, const std::string& table);

}  // namespace server

#endif  // TESTS_SERVER_STRUCTURE_DUMP_H_
