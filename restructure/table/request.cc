#include "restructure/table/request.h"

#include <nlohmann/json.hpp>

namespace restructure {

using nlohmann::json;

std::string ToJson(const TableRequest& request) {
  const catalog::TableWishes& wishes = request.wishes;
  return json{{"name", request.name},
              {"order_by", request.order_by},
              {"primary_key", request.primary_key},
              {"fillfactor", wishes.fillfactor ? json(*wishes.fillfactor) : json(nullptr)},
              {"tablespace", wishes.tablespace ? json(*wishes.tablespace) : json(nullptr)},
              {"alters", request.alteration.alters},
              {"columns", request.alteration.columns},
              {"reverse", request.alteration.reverse}}
      .dump();
}

absl::StatusOr<TableRequest> TableRequestFromJson(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return absl::InvalidArgumentError("the job's request cannot be read");
  TableRequest request;
  request.name = object.value("name", "");
  request.order_by = object.value("order_by", "");
  request.primary_key = object.value("primary_key", std::vector<std::string>());
  if (object["fillfactor"].is_number()) request.wishes.fillfactor = object["fillfactor"].get<int>();
  if (object["tablespace"].is_string()) {
    request.wishes.tablespace = object["tablespace"].get<std::string>();
  }
  request.alteration.alters = object.value("alters", std::vector<std::string>());
  request.alteration.columns = object.value("columns", catalog::TableAlteration::Expressions());
  request.alteration.reverse = object.value("reverse", catalog::TableAlteration::Expressions());
  request.wishes.alters = request.alteration.alters;
  return request;
}

}  // namespace restructure
