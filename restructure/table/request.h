// What an operator asks for a table, as the ledger keeps it (JSON) and as a rerun is compared with
// it. What is not given stays as it is; with nothing given the table is compacted.

#ifndef RESTRUCTURE_TABLE_REQUEST_H_
#define RESTRUCTURE_TABLE_REQUEST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/table_alteration.h"
#include "catalog/table_objects.h"

namespace restructure {

struct TableRequest {
  std::string name;                      // the table, as written
  std::string order_by;                  // as a sort key; empty: in the order in which the rows lie
  std::vector<std::string> primary_key;  // columns; empty: as it is
  catalog::TableWishes wishes;
  catalog::TableAlteration alteration;
};

std::string ToJson(const TableRequest& request);
absl::StatusOr<TableRequest> TableRequestFromJson(const std::string& text);

}  // namespace restructure

#endif  // RESTRUCTURE_TABLE_REQUEST_H_
