// Lists of texts on their way to and from the server, as JSON: no value needs quoting that way.

#ifndef CATALOG_JSON_LIST_H_
#define CATALOG_JSON_LIST_H_

#include <string>
#include <vector>

#include "catalog/session.h"

namespace catalog {

// What to_json of a text[] gives. NULL, and what is no array, has no items.
std::vector<std::string> TextList(const Value& json_array);

// The reverse; NULL if there are no items. To be a parameter of TextArraySql.
Value JsonList(const std::vector<std::string>& items);

// The text[] that JsonList was made of, as an expression over a parameter ("$3").
std::string TextArraySql(const std::string& parameter);

}  // namespace catalog

#endif  // CATALOG_JSON_LIST_H_
