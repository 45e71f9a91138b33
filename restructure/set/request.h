// What an operator asks for, as the ledger keeps it (JSON) and as a rerun is compared with it.

#ifndef RESTRUCTURE_SET_REQUEST_H_
#define RESTRUCTURE_SET_REQUEST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace restructure {

struct SetRequest {
  enum class Action { kCreate, kRestructure, kDrop };
  Action action = Action::kRestructure;
  std::string name;    // the alias, as written
  std::string member;  // create: the member table
  std::string owner;   // create: owner columns
  std::string key;     // the sort key
  bool insertion_automatic = true;
  bool retention_mandatory = true;
  std::vector<std::string> carry;  // columns that the side table carries besides
  std::vector<std::string> show;   // columns that the alias shows besides
};

std::string ToJson(const SetRequest& request);
absl::StatusOr<SetRequest> SetRequestFromJson(const std::string& text);

}  // namespace restructure

#endif  // RESTRUCTURE_SET_REQUEST_H_
