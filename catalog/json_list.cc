#include "catalog/json_list.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace catalog {

using nlohmann::json;

std::vector<std::string> TextList(const Value& json_array) {
  std::vector<std::string> items;
  if (!json_array) return items;
  const json parsed = json::parse(*json_array, nullptr, false);
  if (!parsed.is_array()) return items;
  for (const json& item : parsed) items.push_back(item.get<std::string>());
  return items;
}

Value JsonList(const std::vector<std::string>& items) {
  return items.empty() ? Value() : Value(json(items).dump());
}

std::string TextArraySql(const std::string& parameter) {
  return absl::StrCat(
      "(SELECT pg_catalog.array_agg(v ORDER BY i) FROM"
      " pg_catalog.json_array_elements_text(",
      parameter, "::json) WITH ORDINALITY t(v, i))");
}

}  // namespace catalog
