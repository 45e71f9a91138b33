#include "tools/signal_option.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "throttle/readable.h"
#include "tools/option_values.h"

namespace tools {
namespace {

constexpr char kHint[] =
    "write NAME limit NUMBER stop NUMBER every DURATION: SELECT ..., e.g. queue limit 80 stop 120 "
    "every 5s: SELECT count(*) FROM app.jobs";

bool IsName(const std::string& text) {
  return !text.empty() && text.size() <= 40 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
  });
}

absl::Status ReadValue(const std::string& text, double* value) {
  if (absl::SimpleAtod(text, value) && std::isfinite(*value) && *value >= 0) {
    return absl::OkStatus();
  }
  return UsageError(absl::StrCat("\"", text, "\" is not a number from 0 on"), kHint);
}

}  // namespace

absl::StatusOr<SignalOption> ParseSignal(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::vector<std::string> words =
      absl::StrSplit(text.substr(0, colon), absl::ByAnyChar(" \t"), absl::SkipEmpty());
  const bool every = words.size() == 7 && words[5] == "every";
  const bool is_signal = colon != std::string::npos && (words.size() == 5 || every) &&
                         IsName(words[0]) && words[1] == "limit" && words[3] == "stop";
  if (!is_signal) {
    return UsageError(absl::StrCat("\"", text.substr(0, 60), "\" is not a signal"), kHint);
  }
  SignalOption option;
  option.limit.name = option.query.name = words[0];
  if (absl::Status read = ReadValue(words[2], &option.limit.soft); !read.ok()) return read;
  if (absl::Status read = ReadValue(words[4], &option.limit.hard); !read.ok()) return read;
  option.query.every = absl::Seconds(5);
  if (every) {
    absl::Status read = ReadDuration(words[6], "500ms", "1h", option.query.every);
    if (!read.ok()) return read;
  }
  if (option.limit.soft >= option.limit.hard) {
    return UsageError(
        absl::StrCat("signal ", words[0], ": limit ", throttle::ReadableNumber(option.limit.soft),
                     " is not below stop ", throttle::ReadableNumber(option.limit.hard)),
        "the pace begins to fall at the limit, and nothing runs from stop on");
  }
  option.query.sql = std::string(absl::StripAsciiWhitespace(text.substr(colon + 1)));
  if (option.query.sql.empty()) {
    return UsageError(absl::StrCat("signal ", words[0], " has no query"), kHint);
  }
  return option;
}

}  // namespace tools
