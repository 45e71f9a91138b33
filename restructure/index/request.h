// What an operator asks for an index, as the ledger keeps it (JSON) and as a rerun is compared with
// it. What is not given stays as it is.

#ifndef RESTRUCTURE_INDEX_REQUEST_H_
#define RESTRUCTURE_INDEX_REQUEST_H_

#include <string>
#include <vector>

#include "catalog/index_facts.h"

namespace restructure {

struct IndexRequest {
  std::string name;             // the index, as written
  catalog::IndexWishes wishes;  // as written
  std::vector<std::string> tries;
};

std::string ToJson(const IndexRequest& request);

}  // namespace restructure

#endif  // RESTRUCTURE_INDEX_REQUEST_H_
