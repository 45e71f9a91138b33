// What a set is, and what one of its structures is. Plain values, as the ledger keeps them.

#ifndef CATALOG_SET_DEFINITION_H_
#define CATALOG_SET_DEFINITION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/names.h"
#include "catalog/sort_key.h"

namespace catalog {

// A column of a structure; it has the name, type and collation of the member table's column.
struct Column {
  std::string name;
  std::string type;       // as format_type writes it, modifiers included
  std::string collation;  // qualified and quoted; empty: the type's default
  bool not_null = false;
  bool fixed_width = false;  // may be included in an index without a risk for its row size
  bool plain = false;        // values that are equal (=) have the same image, too
  std::string expression{};  // over the source's row; empty: its column of the same name
};

struct SetDefinition {
  std::int64_t set_id = 0;
  QualifiedName alias;
  std::int64_t member_oid = 0;
  QualifiedName member;            // its present name
  std::vector<std::string> key;    // columns that identify a row of the member table
  std::vector<std::string> owner;  // a row with a NULL here is in no set
  std::vector<std::string> shown;  // the alias's columns, in order
  bool insertion_automatic = true;
  bool retention_mandatory = true;
  std::optional<std::int64_t> live_structure;  // empty until the set has been created
  bool by_row = false;  // the member table is a partition or a child: see partition_statements.h
  bool deferrable = false;  // a unique constraint of the member table is: of a job on a table only

  // Of a job on a table: what cannot be done to the other one at once is tried again when the
  // writer commits, with all that he changed.
  bool TriesAgainAtCommit() const { return by_row || deferrable; }

  // True where a program may connect or disconnect members: then a structure, not the member
  // table, says who is a member.
  bool MembershipIsChosen() const { return !(insertion_automatic && retention_mandatory); }
};

// One side table of a set, in one order, or one side of a job on a table. Built next to the live
// one, swapped in, retired.
struct Structure {
  std::int64_t structure_id = 0;
  std::int64_t set_id = 0;  // 0: a side of a job on a table
  int generation = 0;       // 1, 2, … within the set
  QualifiedName table;      // <alias>__<generation>, in the alias's schema
  std::vector<SortColumn> sort_key;
  std::vector<Column> columns;  // owner, sort key, key, carried: each once
  std::string stage;            // building, copying, copied, settled, indexed, ready
  std::string capture;          // off, log, sync

  QualifiedName SourceView() const { return Helper("source_"); }
  QualifiedName KeyLog() const { return Helper("keys_"); }
  QualifiedName TakenKeys() const { return Helper("taken_"); }
  QualifiedName RangeTables() const { return Helper("scatter_"); }
  QualifiedName LogFunction() const { return Helper("log_"); }
  QualifiedName SyncFunction() const { return Helper("sync_"); }
  QualifiedName ApplyFunction() const { return Helper("apply_"); }
  QualifiedName MirrorFunction() const { return Helper("mirror_"); }
  std::string KeyIndex() const { return table.name + "_key"; }
  std::string OrderIndex() const { return table.name + "_order"; }
  bool is_table() const { return set_id == 0; }
  // pg_restructure_<id>_<what>
  std::string Trigger(const std::string& what) const;

 private:
  QualifiedName Helper(const std::string& prefix) const {
    return {"restructure", prefix + std::to_string(structure_id)};
  }
};

// The longest alias name for which every derived name still fits.
constexpr std::size_t kAliasBytesMax = kNameBytesMax - 13;  // "__" + 5 digits + "_order"

}  // namespace catalog

#endif  // CATALOG_SET_DEFINITION_H_
