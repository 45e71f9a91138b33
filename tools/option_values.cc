#include "tools/option_values.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace tools {
namespace {

struct SizeUnit {
  const char* name;
  int shift;
};

constexpr SizeUnit kSizeUnits[] = {{"kB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}, {"B", 0}};

// The number of bytes, or -1 if `text` is no size or too large to be counted.
std::int64_t ParseSize(absl::string_view text) {
  int shift = 0;
  for (const SizeUnit& unit : kSizeUnits) {
    const absl::string_view name = unit.name;
    if (!absl::EndsWithIgnoreCase(text, name)) continue;
    text.remove_suffix(name.size());
    shift = unit.shift;
    break;
  }
  const std::string digits(text);
  std::int64_t number = 0;
  const std::int64_t number_max = std::numeric_limits<std::int64_t>::max() >> shift;
  if (!ReadNumber(digits, 0, number_max, number).ok()) return -1;
  return number << shift;
}

}  // namespace

absl::Status UsageError(const std::string& message, const std::string& hint) {
  return absl::InvalidArgumentError(absl::StrCat(message, "\nHINT: ", hint));
}

absl::Status ReadNumber(const std::string& text, std::int64_t low, std::int64_t high,
                        std::int64_t& value) {
  // SimpleAtoi forgives spaces and signs, a command line need not.
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (digits && absl::SimpleAtoi(text, &value) && value >= low && value <= high) {
    return absl::OkStatus();
  }
  return UsageError(absl::StrCat("\"", text, "\" is not a number from ", low, " to ", high),
                    "write plain digits, e.g. " + absl::StrCat(std::max<std::int64_t>(low, 4)));
}

absl::Status ReadDuration(const std::string& text, const char* low, const char* high,
                          absl::Duration& value) {
  constexpr char kHint[] = "write a number and a unit: 250ms, 2s, 1.5s, 10m, 2h";
  absl::Duration parsed;
  absl::Duration shortest;
  absl::Duration longest;
  absl::ParseDuration(low, &shortest);
  absl::ParseDuration(high, &longest);
  if (!absl::ParseDuration(text, &parsed) || parsed < absl::ZeroDuration() ||
      parsed == absl::InfiniteDuration()) {
    return UsageError(absl::StrCat("\"", text, "\" is not a duration"), kHint);
  }
  if (parsed < shortest || parsed > longest) {
    return UsageError(absl::StrCat("\"", text, "\" is not from ", low, " to ", high), kHint);
  }
  value = parsed;
  return absl::OkStatus();
}

absl::Status ReadSize(const std::string& text, const char* low, const char* high,
                      std::int64_t& bytes) {
  constexpr char kHint[] = "write a number and a unit, or plain bytes: 64MB, 1GB, 1048576";
  const std::int64_t parsed = ParseSize(text);
  if (parsed < 0) return UsageError(absl::StrCat("\"", text, "\" is not a size"), kHint);
  if (parsed < ParseSize(low) || parsed > ParseSize(high)) {
    return UsageError(absl::StrCat("\"", text, "\" is not from ", low, " to ", high), kHint);
  }
  bytes = parsed;
  return absl::OkStatus();
}

absl::Status ReadText(const std::string& text, std::optional<std::string>& value) {
  if (absl::StripAsciiWhitespace(text).empty()) {
    return UsageError("the value is empty", "leave the option out, or give it a value");
  }
  value = text;
  return absl::OkStatus();
}

}  // namespace tools
