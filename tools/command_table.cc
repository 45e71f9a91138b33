#include "tools/command_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tools {

const std::vector<CommandSpec>& Commands() {
  static const auto& commands = *new std::vector<CommandSpec>{
      {"create",
       "set",
       Words::kKindAndName,
       "create a set over a member table, online",
       {"member", "owner", "key"},
       {"carry", "insertion", "retention"},
       true,
       true},
      {"plan",
       "set",
       Words::kKindAndName,
       "show what run would do; change nothing",
       {"key"},
       {"carry", "show", "explain-limits", "json"},
       true,
       true},
      {"plan",
       "index",
       Words::kKindAndName,
       "show what run would do; change nothing",
       {},
       {"key", "include", "where", "using", "unique", "tablespace", "set", "try", "explain-limits",
        "json"},
       true,
       true},
      {"plan",
       "table",
       Words::kKindAndName,
       "show what run would do; change nothing",
       {},
       {"order-by", "primary-key", "alter", "column", "reverse", "fillfactor", "tablespace",
        "space-max", "explain-limits", "json"},
       true,
       true},
      {"run",
       "set",
       Words::kKindAndName,
       "give a set a new sort key, online; again: go on",
       {"key"},
       {"carry", "show"},
       true,
       true},
      {"run",
       "index",
       Words::kKindAndName,
       "give an index another definition, online; again: go on",
       {},
       {"key", "include", "where", "using", "unique", "tablespace", "set", "try"},
       true,
       true},
      {"run",
       "table",
       Words::kKindAndName,
       "rebuild a table, online; again: go on",
       {},
       {"order-by", "primary-key", "alter", "column", "reverse", "fillfactor", "tablespace",
        "space-max"},
       true,
       true},
      {"status",
       "",
       Words::kMaybeJob,
       "show the jobs, or one job, and what it waits for",
       {},
       {"json"},
       false,
       true},
      {"pause", "", Words::kJob, "ask a running job to pause", {}, {}, false, true},
      {"panic",
       "",
       Words::kJob,
       "stop a running job at once, until it is resumed",
       {},
       {},
       false,
       true},
      {"adjust",
       "",
       Words::kJob,
       "let a running job go faster or slower, for a while",
       {},
       {"workers", "batch-target", "replica-lag", "replica-lag-bytes", "active-sessions",
        "wait-for-us", "controller", "impact", "profile", "for", "reset"},
       false,
       true},
      {"resume",
       "",
       Words::kJob,
       "take a pause back, or go on with a stopped job",
       {},
       {},
       true,
       true},
      {"abort", "", Words::kJob, "undo a job that has not swapped yet", {}, {}, true, true},
      {"swap", "", Words::kJob, "swap a job that is held before the swap", {}, {}, true, true},
      {"revert",
       "",
       Words::kJob,
       "swap back to the old structure, losing no write",
       {},
       {},
       true,
       true},
      {"finish",
       "",
       Words::kJob,
       "end the soak: disconnect and drop the retired structure",
       {},
       {},
       true,
       true},
      {"verify",
       "set",
       Words::kKindAndName,
       "compare a set with its member table",
       {},
       {"json", "workers"},
       false,
       true},
      {"verify",
       "index",
       Words::kKindAndName,
       "compare an index with its table",
       {},
       {"json"},
       false,
       true},
      {"drop",
       "set",
       Words::kKindAndName,
       "drop a set and everything that maintains it",
       {},
       {"lock-timeout", "lock-patience", "disconnect", "workers", "summary", "quiet"},
       false,
       true},
      {"doctor",
       "",
       Words::kNone,
       "look for anything of ours that should not be there",
       {},
       {"json"},
       false,
       true},
      {"profile", "list", Words::kVerb, "list the built-in profiles", {}, {}, false, false},
      {"profile",
       "show",
       Words::kVerbAndName,
       "print a profile, built in or a file, with all keys",
       {},
       {},
       false,
       false},
      {"simulate",
       "",
       Words::kNone,
       "try a profile on a simulated server",
       {},
       {"profile", "trace", "scenario", "seeds", "weight", "grid", "html", "json", "workers",
        "batch-target", "replica-lag", "replica-lag-bytes", "sample-age", "controller",
        "no-throttle"},
       false,
       false},
      {"demo",
       "",
       Words::kNone,
       "show it all on a throw-away cluster under load",
       {},
       {"rows", "keep", "workers", "kind"},
       false,
       false},
      {"failpoints", "", Words::kNone, "list the names of the failpoints", {}, {}, false, false},
      {"help",
       "",
       Words::kMaybeCommand,
       "show this help, or that of a command",
       {},
       {},
       false,
       false},
      {"version", "", Words::kNone, "show the version", {}, {}, false, false},
  };
  return commands;
}

const CommandSpec* FindCommand(const std::string& name, const std::string& kind) {
  const CommandSpec* first = nullptr;
  for (const CommandSpec& command : Commands()) {
    if (command.name != name) continue;
    if (command.kind == kind) return &command;
    if (first == nullptr) first = &command;
  }
  return first;
}

std::vector<const OptionSpec*> OptionsOf(const CommandSpec& command) {
  std::vector<const OptionSpec*> options;
  for (const std::string& name : command.required) options.push_back(FindOption(name));
  for (const std::string& name : command.optional) options.push_back(FindOption(name));
  if (command.takes_run_options) {
    for (const OptionSpec& option : RunOptionSpecs()) options.push_back(&option);
  }
  return options;
}

bool Belongs(const OptionSpec& option, const CommandSpec& command) {
  for (const OptionSpec& connect : ConnectOptions()) {
    if (&connect == &option) return command.connects;
  }
  const std::vector<const OptionSpec*> options = OptionsOf(command);
  return std::find(options.begin(), options.end(), &option) != options.end();
}

std::string WordsUsage(const CommandSpec& command) {
  switch (command.words) {
    case Words::kNone:
      return "";
    case Words::kKindAndName:
    case Words::kVerbAndName:
      return absl::StrCat(" ", command.kind, " NAME");
    case Words::kVerb:
      return absl::StrCat(" ", command.kind);
    case Words::kJob:
      return " JOB";
    case Words::kMaybeJob:
      return " [JOB]";
    case Words::kMaybeCommand:
      return " [COMMAND]";
  }
  return "";
}

std::string Usage(const CommandSpec& command) {
  std::string usage = absl::StrCat("pg_restructure ", command.name, WordsUsage(command));
  for (const std::string& name : command.required) {
    absl::StrAppend(&usage, " --", name, " ", FindOption(name)->argument);
  }
  return usage;
}

}  // namespace tools
