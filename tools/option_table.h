// The options as data: the parser, the checks, profiles and the help texts read this table.

#ifndef TOOLS_OPTION_TABLE_H_
#define TOOLS_OPTION_TABLE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/options.h"

namespace tools {

struct OptionSpec {
  const char* name;
  char letter;           // 0: none.
  const char* argument;  // nullptr: a flag.
  const char* help;      // With the default, unless `otherwise` has it.
  absl::Status (*apply)(const std::string& value, Arguments& arguments);
  // The default as a user would write it. What has one is a key of a profile, too.
  const char* otherwise = nullptr;
  bool repeatable = false;
};

absl::Span<const OptionSpec> ConnectOptions();
absl::Span<const OptionSpec> RunOptionSpecs();
absl::Span<const OptionSpec> OtherOptions();
const OptionSpec* FindOption(const std::string& name);

// "parallel workers, 1 to 64 (4)"
std::string HelpOf(const OptionSpec& option);

}  // namespace tools

#endif  // TOOLS_OPTION_TABLE_H_
