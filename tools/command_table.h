// The commands as data, and which options belong to each.

#ifndef TOOLS_COMMAND_TABLE_H_
#define TOOLS_COMMAND_TABLE_H_

#include <string>
#include <vector>

#include "tools/option_table.h"

namespace tools {

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

#endif  // TOOLS_COMMAND_TABLE_H_
