// Tables with everything that PostgreSQL lets a table have, for the restructuring of tables. All is
// in schema zoo and belongs to the role zoo_owner, who is no superuser.
//
//   zoo.everything  one of each: see table_zoo.cc, in the order of its statements. Its primary key
//                   is id, identity ALWAYS. Row-level security is enabled. Two rows are there from
//                   the start; the one whose serial_no is kViolator violates the CHECK and the
//                   foreign key that are NOT VALID: nobody can update it, and no copy can pass
//                   through those constraints.
//   zoo.plain       id bigint primary key, name, amount, changed_at
//   zoo.composite   primary key (at timestamptz, tenant text), which are its last columns
//   zoo.no_toast    fixed widths only; its one key is a unique index over code, no constraint
//
// Around zoo.everything: colors, sizes and shops, which it references; items and notes, which
// reference it; inbox, whose rule writes into it; everything_view, flagged_view and the function
// count_flagged, which read it.
//
// The trigger functions count and do nothing else: each firing is a row of zoo.audit(trigger_name,
// relation, operation, timing, level). Before rows of zoo.everything can be deleted, the notes that
// name their id must be gone; what else refers to them cascades or is set to NULL.

#ifndef TESTS_SERVER_TABLE_ZOO_H_
#define TESTS_SERVER_TABLE_ZOO_H_

#include <string>

#include "tests/server/client.h"

namespace server {

constexpr int kViolator = -1;

// Wants a superuser, and a database without a schema zoo. Creates the roles zoo_owner, zoo_reader
// and zoo_writer if the cluster has none, and the publications zoo_all and zoo_some.
void CreateTableZoo(Client& sql);

// Inserts `rows` rows into each of the four tables, with values that bite, and a tenth of that into
// items, notes and inbox (and so through its rule). May be called again: the new rows continue.
void FillTableZoo(Client& sql, int rows);

// "count hash" over the rows of the table as a set, with values as images: 1.0 and 1.00 differ, and
// so do 0 and -0. Reads all columns in their order, so that no column may have come or gone.
std::string ZooImage(Client& sql, const std::string& table);

// Drops all of it, whatever is there. The roles stay if another database has a zoo.
void DropTableZoo(Client& sql);

}  // namespace server

#endif  // TESTS_SERVER_TABLE_ZOO_H_
