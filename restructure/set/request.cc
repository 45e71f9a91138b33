#include "restructure/set/request.h"

#include <nlohmann/json.hpp>

#include "absl/status/status.h"

namespace restructure {
namespace {

using nlohmann::json;

const char* ActionName(SetRequest::Action action) {
  switch (action) {
    case SetRequest::Action::kCreate:
      return "create";
    case SetRequest::Action::kRestructure:
      return "restructure";
    case SetRequest::Action::kDrop:
      return "drop";
  }
  return "";
}

}  // namespace

std::string ToJson(const SetRequest& request) {
  return json({{"action", ActionName(request.action)},
               {"name", request.name},
               {"member", request.member},
               {"owner", request.owner},
               {"key", request.key},
               {"insertion", request.insertion_automatic ? "automatic" : "manual"},
               {"retention", request.retention_mandatory ? "mandatory" : "optional"},
               {"carry", request.carry},
               {"show", request.show}})
      .dump();
}

absl::StatusOr<SetRequest> SetRequestFromJson(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return absl::InvalidArgumentError("the job's request cannot be read");
  SetRequest request;
  const std::string action = object.value("action", "");
  request.action = action == "create" ? SetRequest::Action::kCreate
                   : action == "drop" ? SetRequest::Action::kDrop
                                      : SetRequest::Action::kRestructure;
  request.name = object.value("name", "");
  request.member = object.value("member", "");
  request.owner = object.value("owner", "");
  request.key = object.value("key", "");
  request.insertion_automatic = object.value("insertion", "") != "manual";
  request.retention_mandatory = object.value("retention", "") != "optional";
  request.carry = object.value("carry", std::vector<std::string>());
  request.show = object.value("show", std::vector<std::string>());
  return request;
}

}  // namespace restructure
