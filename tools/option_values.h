// Readers of one value of the command line. Each names the value and what was expected; the caller
// names the option. kInvalidArgument with a HINT.

#ifndef TOOLS_OPTION_VALUES_H_
#define TOOLS_OPTION_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace tools {

absl::Status UsageError(const std::string& message, const std::string& hint);

// Plain digits, within the bounds.
absl::Status ReadNumber(const std::string& text, std::int64_t low, std::int64_t high,
                        std::int64_t& value);

// A number and a unit. The bounds are texts, so that messages show them as a user would write them.
absl::Status ReadDuration(const std::string& text, const char* low, const char* high,
                          absl::Duration& value);
absl::Status ReadSize(const std::string& text, const char* low, const char* high,
                      std::int64_t& bytes);

// Anything but nothing.
absl::Status ReadText(const std::string& text, std::optional<std::string>& value);

// Picks `first` or `second` by name.
template <typename Enum>
absl::Status ReadChoice(const std::string& text, const char* first_name, Enum first,
                        const char* second_name, Enum second, Enum& value) {
  if (text != first_name && text != second_name) {
    return UsageError(absl::StrCat("\"", text, "\" is neither ", first_name, " nor ", second_name),
                      absl::StrCat("write ", first_name, " or ", second_name));
  }
  value = text == first_name ? first : second;
  return absl::OkStatus();
}

}  // namespace tools

#endif  // TOOLS_OPTION_VALUES_H_
