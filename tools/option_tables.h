// The options and commands as data: the parser, the checks and the help texts read these tables.

#ifndef TOOLS_OPTION_TABLES_H_
#define TOOLS_OPTION_TABLES_H_

#include <string>
#include <vector>

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

enum class Words { kNone, kKindAndName, kVerb, kVerbAndName, kJob, kMaybeJob, kMaybeCommand };

// One for each command, or for each kind of structure that a command works on, or for each verb.
struct CommandSpec {
  const char* name;
  const char* kind;  // Or the verb. "": none.
  Words words;
  const char* purpose;
  std::vector<std::string> required;  // Names of OtherOptions.
  std::vector<std::string> optional;  // Names of OtherOptions and RunOptionSpecs.
  bool takes_run_options;
  bool connects;
};

const std::vector<CommandSpec>& Commands();

// The one for this kind, or else the command's first; nullptr: there is no such command.
const CommandSpec* FindCommand(const std::string& name, const std::string& kind = "");

// The options of a command but for those of the connection, in the order of its help text.
std::vector<const OptionSpec*> OptionsOf(const CommandSpec& command);
bool Belongs(const OptionSpec& option, const CommandSpec& command);

// "pg_restructure run set NAME --key SORTKEY"
std::string Usage(const CommandSpec& command);

// " set NAME", " JOB"
std::string WordsUsage(const CommandSpec& command);

}  // namespace tools

#endif  // TOOLS_OPTION_TABLES_H_
