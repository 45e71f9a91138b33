// Reads typed fields out of a JSON object that came from the ledger or a file.
//
// A missing key leaves the value alone: texts of an older version stay readable. A value of
// another type is an error. No exception of the JSON library leaves these functions.

#ifndef RESTRUCTURE_JSON_FIELDS_H_
#define RESTRUCTURE_JSON_FIELDS_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace restructure {

// `value` rounded to `digits` decimals, so that 0.1 s does not read 0.09999999.
inline double Rounded(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

// One line; bytes that are not UTF-8 are replaced, never thrown over.
inline std::string OneLine(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// Parses `text`, which is called `what` in messages. kInvalidArgument if it is not an object.
inline absl::StatusOr<nlohmann::json> ParseObject(const std::string& text, const char* what) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError(absl::StrCat(what, " is not JSON"));
  if (!json.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(what, " is not a JSON object"));
  }
  return json;
}

// Reads fields of one object. After the first error the rest is skipped and status() tells it.
class JsonFields {
 public:
  // `object` must outlive this. `what` names it in messages.
  JsonFields(const nlohmann::json& object, std::string what)
      : object_(object), what_(std::move(what)) {}

  void Read(const char* key, std::string& value) {
    const nlohmann::json* field = Find(key);
    if (field == nullptr) return;
    if (!field->is_string()) return Fail(key, "a text");
    value = field->get<std::string>();
  }

  void Read(const char* key, std::int64_t& value) {
    const nlohmann::json* field = Find(key);
    if (field == nullptr) return;
    if (!IsInt64(*field)) return Fail(key, "a whole number");
    value = field->get<std::int64_t>();
  }

  void Read(const char* key, int& value) {
    std::int64_t wide = value;
    Read(key, wide);
    if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) {
      return Fail(key, "a small whole number");
    }
    value = static_cast<int>(wide);
  }

  void Read(const char* key, double& value) {
    const nlohmann::json* field = Find(key);
    if (field == nullptr) return;
    if (!field->is_number()) return Fail(key, "a number");
    value = field->get<double>();
  }

  // `unit` is what the number 1 stands for.
  void Read(const char* key, absl::Duration unit, absl::Duration& value) {
    if (Find(key) == nullptr) return;
    double number = 0;
    Read(key, number);
    value = number * unit;
  }

  // The field, or null if it is missing or an error was found before.
  const nlohmann::json* Find(const char* key) const {
    if (!status_.ok()) return nullptr;
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  void Fail(const char* key, const char* expected) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(absl::StrCat(what_, ": ", key, " is not ", expected));
  }

  const absl::Status& status() const { return status_; }

 private:
  static bool IsInt64(const nlohmann::json& field) {
    if (!field.is_number_integer()) return false;
    if (!field.is_number_unsigned()) return true;
    return field.get<std::uint64_t>() <=
           static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  }

  const nlohmann::json& object_;
  const std::string what_;
  absl::Status status_;
};

}  // namespace restructure

#endif  // RESTRUCTURE_JSON_FIELDS_H_
