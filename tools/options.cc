#include "tools/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "tools/exit_codes.h"

namespace tools {
namespace {

namespace po = boost::program_options;

absl::Status UsageError(const std::string& message, const std::string& hint) {
  return absl::InvalidArgumentError(absl::StrCat(message, "\nHINT: ", hint));
}

// Readers of one value. Each names the value and what was expected; the caller names the option.

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

// The bounds are texts, so that messages show them as a user would write them.
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

// The bounds are texts here too.
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

// Options and commands are data: the parser, the checks and the help texts read the same tables.

struct OptionSpec {
  const char* name;
  char letter;           // 0: none.
  const char* argument;  // nullptr: a flag.
  const char* help;      // With the default.
  absl::Status (*apply)(const std::string& value, Arguments& arguments);
};

// Sets a flag.
template <typename Owner>
absl::Status Raise(bool Owner::*flag, Owner& owner) {
  owner.*flag = true;
  return absl::OkStatus();
}

const OptionSpec kConnectOptions[] = {
    {"host", 'h', "HOST", "server's host or socket directory",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.connect.host); }},
    {"port", 'p', "PORT", "server's port",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.connect.port); }},
    {"username", 'U', "USER", "user name",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.connect.user); }},
    {"dbname", 'd', "DBNAME", "database name, URI or conninfo string",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.connect.dbname); }},
    {"no-password", 'w', nullptr, "never ask for a password",
     [](const std::string&, Arguments& a) {
       return Raise(&ConnectArguments::never_prompt, a.connect);
     }},
    {"password", 'W', nullptr, "ask for the password before connecting",
     [](const std::string&, Arguments& a) {
       return Raise(&ConnectArguments::force_prompt, a.connect);
     }},
};

const OptionSpec kRunOptions[] = {
    {"workers", 0, "N", "parallel workers, 1 to 64 (from the cores)",
     [](const std::string& v, Arguments& a) {
       std::int64_t workers = 0;
       absl::Status status = ReadNumber(v, 1, 64, workers);
       if (status.ok()) a.run.workers = static_cast<int>(workers);
       return status;
     }},
    {"batch-target", 0, "DURATION", "time that one batch should take (100ms)",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "1ms", "1m", a.run.batch_target);
     }},
    {"lock-timeout", 0, "DURATION", "longest wait for a lock in one attempt (50ms)",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "1ms", "1m", a.run.lock_timeout);
     }},
    {"swap-lock-budget", 0, "DURATION", "longest that writers may be held up by a swap (100ms)",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "1ms", "1m", a.run.swap_lock_budget);
     }},
    {"lock-patience", 0, "DURATION", "give up after trying for a lock this long (30m)",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "0", "168h", a.run.lock_patience);
     }},
    {"snapshot-wait", 0, "DURATION", "longest wait for old snapshots before the swap (10m)",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "0", "168h", a.run.snapshot_wait);
     }},
    {"soak", 0, "DURATION", "finish by itself this long after the swap (until finish)",
     [](const std::string& v, Arguments& a) {
       absl::Duration soak;
       absl::Status status = ReadDuration(v, "0", "720h", soak);
       if (status.ok()) a.run.soak = soak;
       return status;
     }},
    {"hold-before-swap", 0, nullptr, "stop before the exchange and wait for swap",
     [](const std::string&, Arguments& a) { return Raise(&RunOptions::hold_before_swap, a.run); }},
    {"disconnect", 0, "batches|steps", "how the retired structure is emptied (steps)",
     [](const std::string& v, Arguments& a) {
       return ReadChoice(v, "batches", Disconnect::kBatches, "steps", Disconnect::kSteps,
                         a.run.disconnect);
     }},
    {"replica-lag", 0, "DURATION", "pause at this lag of a replica, 0 for no limit (5s)",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "0", "24h", a.run.replica_lag);
     }},
    {"replica-lag-bytes", 0, "SIZE", "the same in WAL not replayed, 0 for no limit (64MB)",
     [](const std::string& v, Arguments& a) {
       return ReadSize(v, "0", "1024TB", a.run.replica_lag_bytes);
     }},
    {"active-sessions", 0, "N", "pause at this many active sessions of others, 0: no limit (0)",
     [](const std::string& v, Arguments& a) {
       std::int64_t sessions = 0;
       absl::Status status = ReadNumber(v, 0, 100000, sessions);
       if (status.ok()) a.run.active_sessions = static_cast<int>(sessions);
       return status;
     }},
    {"no-throttle", 0, nullptr, "no limit at all but the operator's pause",
     [](const std::string&, Arguments& a) { return Raise(&RunOptions::no_throttle, a.run); }},
    {"maintenance-work-mem", 0, "SIZE", "memory of one index build (256MB)",
     [](const std::string& v, Arguments& a) {
       return ReadSize(v, "1MB", "2047GB", a.run.maintenance_work_mem_bytes);
     }},
    {"summary", 0, "FILE", "write the summary as JSON to this file",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.run.summary); }},
    {"quiet", 0, nullptr, "print errors only",
     [](const std::string&, Arguments& a) { return Raise(&RunOptions::quiet, a.run); }},
};

const OptionSpec kOtherOptions[] = {
    {"member", 0, "TABLE", "the table whose rows are the members",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.member); }},
    {"owner", 0, "COLS", "columns that name the owner",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.owner); }},
    {"key", 0, "SORTKEY", "the order of the members: 'abalance desc, aid'",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.key); }},
    {"carry", 0, "COLS", "further columns that the set carries",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.carry); }},
    {"show", 0, "COLS", "columns to append to the set's view",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.show); }},
    {"insertion", 0, "automatic|manual", "who connects a new row (automatic)",
     [](const std::string& v, Arguments& a) {
       return ReadChoice(v, "automatic", Insertion::kAutomatic, "manual", Insertion::kManual,
                         a.insertion);
     }},
    {"retention", 0, "mandatory|optional", "whether a program may disconnect a row (mandatory)",
     [](const std::string& v, Arguments& a) {
       return ReadChoice(v, "mandatory", Retention::kMandatory, "optional", Retention::kOptional,
                         a.retention);
     }},
    {"json", 0, nullptr, "print JSON for machines",
     [](const std::string&, Arguments& a) { return Raise(&Arguments::json, a); }},
    {"rows", 0, "N", "accounts of the demo, 1000 to 1000000000 (2000000)",
     [](const std::string& v, Arguments& a) {
       return ReadNumber(v, 1000, 1000000000, a.demo_rows);
     }},
    {"keep", 0, nullptr, "keep the demo's cluster when it ends",
     [](const std::string&, Arguments& a) { return Raise(&Arguments::demo_keep, a); }},
    {"kind", 0, "set", "kind of structure of the demo (set)",
     [](const std::string& v, Arguments& a) {
       if (v != "set") return UsageError(absl::StrCat("\"", v, "\" is not a kind"), "write set");
       a.kind = v;
       return absl::OkStatus();
     }},
};

enum class Words { kNone, kKindAndName, kJob, kMaybeJob, kMaybeCommand };

struct CommandSpec {
  const char* name;
  Words words;
  const char* purpose;
  std::vector<std::string> required;  // Names in kOtherOptions.
  std::vector<std::string> optional;  // Names in kOtherOptions and kRunOptions.
  bool takes_run_options;
  bool connects;
};

const std::vector<CommandSpec>& Commands() {
  static const auto& commands = *new std::vector<CommandSpec>{
      {"create",
       Words::kKindAndName,
       "create a set over a member table, online",
       {"member", "owner", "key"},
       {"carry", "insertion", "retention"},
       true,
       true},
      {"plan",
       Words::kKindAndName,
       "show what run would do; change nothing",
       {"key"},
       {"carry", "show", "json"},
       true,
       true},
      {"run",
       Words::kKindAndName,
       "give a set a new sort key, online; again: go on",
       {"key"},
       {"carry", "show"},
       true,
       true},
      {"status",
       Words::kMaybeJob,
       "show the jobs, or one job, and what it waits for",
       {},
       {"json"},
       false,
       true},
      {"pause", Words::kJob, "ask a running job to pause", {}, {}, false, true},
      {"resume", Words::kJob, "take a pause back, or go on with a stopped job", {}, {}, true, true},
      {"abort", Words::kJob, "undo a job that has not swapped yet", {}, {}, true, true},
      {"swap", Words::kJob, "swap a job that is held before the swap", {}, {}, true, true},
      {"revert",
       Words::kJob,
       "swap back to the old structure, losing no write",
       {},
       {},
       true,
       true},
      {"finish",
       Words::kJob,
       "end the soak: disconnect and drop the retired structure",
       {},
       {},
       true,
       true},
      {"verify",
       Words::kKindAndName,
       "compare a structure with its member table",
       {},
       {"json", "workers"},
       false,
       true},
      {"drop",
       Words::kKindAndName,
       "drop a set and everything that maintains it",
       {},
       {"lock-timeout", "lock-patience", "disconnect", "workers", "summary", "quiet"},
       false,
       true},
      {"doctor",
       Words::kNone,
       "look for anything of ours that should not be there",
       {},
       {"json"},
       false,
       true},
      {"demo",
       Words::kNone,
       "show it all on a throw-away cluster under load",
       {},
       {"rows", "keep", "workers", "kind"},
       false,
       false},
      {"failpoints", Words::kNone, "list the names of the failpoints", {}, {}, false, false},
      {"help", Words::kMaybeCommand, "show this help, or that of a command", {}, {}, false, false},
      {"version", Words::kNone, "show the version", {}, {}, false, false},
  };
  return commands;
}

const CommandSpec* FindCommand(const std::string& name) {
  for (const CommandSpec& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

const OptionSpec* FindOption(const std::string& name) {
  for (const OptionSpec& option : kConnectOptions) {
    if (option.name == name) return &option;
  }
  for (const OptionSpec& option : kRunOptions) {
    if (option.name == name) return &option;
  }
  for (const OptionSpec& option : kOtherOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

// The options of a command but for those of the connection, in the order of its help text.
std::vector<const OptionSpec*> OptionsOf(const CommandSpec& command) {
  std::vector<const OptionSpec*> options;
  for (const std::string& name : command.required) options.push_back(FindOption(name));
  for (const std::string& name : command.optional) options.push_back(FindOption(name));
  if (command.takes_run_options) {
    for (const OptionSpec& option : kRunOptions) options.push_back(&option);
  }
  return options;
}

bool Belongs(const OptionSpec& option, const CommandSpec& command) {
  for (const OptionSpec& connect : kConnectOptions) {
    if (&connect == &option) return command.connects;
  }
  const std::vector<const OptionSpec*> options = OptionsOf(command);
  return std::find(options.begin(), options.end(), &option) != options.end();
}

std::string WordsUsage(Words words) {
  switch (words) {
    case Words::kNone:
      return "";
    case Words::kKindAndName:
      return " set NAME";
    case Words::kJob:
      return " JOB";
    case Words::kMaybeJob:
      return " [JOB]";
    case Words::kMaybeCommand:
      return " [COMMAND]";
  }
  return "";
}

// "pg_restructure run set NAME --key SORTKEY"
std::string Usage(const CommandSpec& command) {
  std::string usage = absl::StrCat("pg_restructure ", command.name, WordsUsage(command.words));
  for (const std::string& name : command.required) {
    absl::StrAppend(&usage, " --", name, " ", FindOption(name)->argument);
  }
  return usage;
}

absl::Status ForeignOption(const OptionSpec& option, const CommandSpec& command) {
  std::vector<std::string> names;
  for (const OptionSpec* own : OptionsOf(command)) names.push_back(absl::StrCat("--", own->name));
  if (command.connects) names.emplace_back("-h -p -U -d -w -W");
  return UsageError(
      absl::StrCat("option --", option.name, " does not belong to the command ", command.name),
      names.empty() ? absl::StrCat(command.name, " takes no options")
                    : absl::StrCat("these do: ", absl::StrJoin(names, " ")));
}

// Boost's own messages are for programmers; the same cases in our words.
absl::StatusOr<po::parsed_options> ParseTokens(const std::vector<std::string>& args) {
  po::options_description all;
  const auto add = [&all](const OptionSpec& option) {
    std::string name = option.name;
    if (option.letter != 0) absl::StrAppend(&name, ",", std::string(1, option.letter));
    if (option.argument == nullptr) {
      all.add_options()(name.c_str(), "");
    } else {
      all.add_options()(name.c_str(), po::value<std::string>(), "");
    }
  };
  for (const OptionSpec& option : kConnectOptions) add(option);
  for (const OptionSpec& option : kRunOptions) add(option);
  for (const OptionSpec& option : kOtherOptions) add(option);
  constexpr int kStyle =
      po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

  constexpr char kHint[] = "pg_restructure COMMAND --help lists the options of a command";
  try {
    return po::command_line_parser(args).options(all).style(kStyle).run();
  } catch (const po::unknown_option& error) {
    const std::string name = error.get_option_name();
    return UsageError(absl::StrCat("there is no option ", name.substr(0, name.find('='))), kHint);
  } catch (const po::invalid_command_line_syntax& error) {
    const bool extra = error.kind() == po::invalid_syntax::extra_parameter;
    return UsageError(absl::StrCat("option ", error.get_option_name(),
                                   extra ? " takes no value" : " needs a value"),
                      kHint);
  } catch (const po::error& error) {
    return UsageError(absl::StrCat("the command line is not understood: ", error.what()), kHint);
  }
}

absl::StatusOr<const CommandSpec*> ReadCommand(const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const CommandSpec& command : Commands()) names.emplace_back(command.name);
  const std::string hint = absl::StrCat("the commands are ", absl::StrJoin(names, ", "));
  if (words.empty()) return UsageError("no command is given", hint);
  const CommandSpec* command = FindCommand(words[0]);
  if (command == nullptr) {
    return UsageError(absl::StrCat("there is no command \"", words[0], "\""), hint);
  }
  return command;
}

absl::Status ReadJob(const CommandSpec& command, const std::string& word, Arguments& arguments) {
  std::int64_t job = 0;
  if (!ReadNumber(word, 1, std::numeric_limits<std::int64_t>::max(), job).ok()) {
    return UsageError(
        absl::StrCat("\"", word, "\" is not the number of a job, which ", command.name, " takes"),
        "pg_restructure status lists the jobs");
  }
  arguments.job = job;
  return absl::OkStatus();
}

absl::Status ReadKindAndName(const CommandSpec& command, Arguments& arguments) {
  if (arguments.words[0] != "set") {
    return UsageError(absl::StrCat("the command ", command.name, " works on a set, not on \"",
                                   arguments.words[0], "\""),
                      absl::StrCat("usage: ", Usage(command)));
  }
  if (absl::StripAsciiWhitespace(arguments.words[1]).empty()) {
    return UsageError("the name of the set is empty", absl::StrCat("usage: ", Usage(command)));
  }
  arguments.kind = arguments.words[0];
  arguments.name = arguments.words[1];
  return absl::OkStatus();
}

absl::Status ReadWords(const CommandSpec& command, Arguments& arguments) {
  const std::vector<std::string>& words = arguments.words;
  const std::size_t words_max = command.words == Words::kKindAndName ? 2
                                : command.words == Words::kNone      ? 0
                                                                     : 1;
  const bool may_be_fewer =
      command.words == Words::kMaybeJob || command.words == Words::kMaybeCommand;
  const std::string hint = absl::StrCat("usage: ", Usage(command));
  if (words.size() > words_max) {
    return UsageError(
        absl::StrCat("\"", words[words_max], "\" is too much for the command ", command.name),
        hint);
  }
  if (words.size() < words_max && !may_be_fewer) {
    return UsageError(absl::StrCat("the command ", command.name, " needs",
                                   command.words == Words::kKindAndName ? " \"set\" and a name"
                                                                        : " the number of a job"),
                      hint);
  }
  if (words.empty()) return absl::OkStatus();
  switch (command.words) {
    case Words::kKindAndName:
      return ReadKindAndName(command, arguments);
    case Words::kJob:
    case Words::kMaybeJob:
      return ReadJob(command, words[0], arguments);
    case Words::kMaybeCommand:
      return ReadCommand(words).status();
    case Words::kNone:
      break;
  }
  return absl::OkStatus();
}

absl::Status ReadOption(const CommandSpec& command, const po::option& given, Arguments& arguments) {
  const OptionSpec* option = FindOption(given.string_key);
  if (option == nullptr) {
    return absl::InternalError(absl::StrCat("option --", given.string_key, " is not in a table"));
  }
  if (!Belongs(*option, command)) return ForeignOption(*option, command);
  if (!arguments.given.insert(option->name).second) {
    return UsageError(absl::StrCat("option --", option->name, " is given twice"), "give it once");
  }
  const absl::Status status =
      option->apply(given.value.empty() ? std::string() : given.value[0], arguments);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("option --", option->name, ": ", status.message()));
}

absl::Status CheckTogether(const CommandSpec& command, const Arguments& arguments) {
  for (const std::string& name : command.required) {
    if (arguments.given.count(name) > 0) continue;
    return UsageError(absl::StrCat("the command ", command.name, " needs --", name),
                      absl::StrCat("usage: ", Usage(command)));
  }
  if (arguments.connect.never_prompt && arguments.connect.force_prompt) {
    return UsageError("options -w and -W contradict each other", "give one of them");
  }
  return absl::OkStatus();
}

// --help and --version win over whatever else is there, faults included.
bool AsksForHelpOrVersion(const std::vector<std::string>& args, Arguments& arguments) {
  std::string command;
  bool version = false;
  for (const std::string& arg : args) {
    if (arg == "--") break;
    if (arg == "--help" || arg == "-?") arguments.help = true;
    if (arg == "--version" || arg == "-V") version = true;
    if (command.empty() && FindCommand(arg) != nullptr) command = arg;
  }
  if (!arguments.help && !version) return false;
  arguments.command = arguments.help ? (command.empty() ? "help" : command) : "version";
  return true;
}

// "  -h, --host=HOST            server's host"
std::string OptionHelp(const OptionSpec& option) {
  std::string left = option.letter != 0 ? absl::StrCat("  -", std::string(1, option.letter), ", --")
                                        : std::string("      --");
  absl::StrAppend(&left, option.name);
  if (option.argument != nullptr) absl::StrAppend(&left, " ", option.argument);
  return absl::StrFormat("%-36s  %s\n", left, option.help);
}

std::string ConnectHelp() {
  std::string text = "\nConnection, as psql has it:\n";
  for (const OptionSpec& option : kConnectOptions) absl::StrAppend(&text, OptionHelp(option));
  return text;
}

std::string ExitCodesHelp() {
  std::string text = "\nExit codes:\n";
  for (const ExitCodeMeaning& code : kExitCodes) {
    absl::StrAppend(&text, "  ", static_cast<int>(code.code), "  ", code.meaning, "\n");
  }
  return text;
}

std::string ProgramHelp() {
  std::string text =
      "pg_restructure changes the sort key of a set in PostgreSQL while it is in use.\n\n"
      "Usage: pg_restructure COMMAND ... [OPTIONS]\n\nCommands:\n";
  for (const CommandSpec& command : Commands()) {
    const std::string usage = absl::StrCat(command.name, WordsUsage(command.words));
    absl::StrAppend(&text, absl::StrFormat("  %-16s  %s\n", usage, command.purpose));
  }
  absl::StrAppend(&text, "\npg_restructure COMMAND --help shows the options of a command.\n",
                  ConnectHelp(), ExitCodesHelp());
  return text;
}

}  // namespace

absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& args) {
  Arguments arguments;
  if (AsksForHelpOrVersion(args, arguments)) return arguments;

  const absl::StatusOr<po::parsed_options> parsed = ParseTokens(args);
  if (!parsed.ok()) return parsed.status();
  for (const po::option& option : parsed->options) {
    if (option.position_key < 0) continue;
    arguments.words.insert(arguments.words.end(), option.value.begin(), option.value.end());
  }
  const absl::StatusOr<const CommandSpec*> command = ReadCommand(arguments.words);
  if (!command.ok()) return command.status();
  arguments.command = arguments.words[0];
  arguments.words.erase(arguments.words.begin());
  if (arguments.command == "demo") arguments.kind = "set";

  // Options before words: "--key belongs to run" helps more than "a word is missing".
  for (const po::option& option : parsed->options) {
    if (option.position_key >= 0) continue;
    const absl::Status status = ReadOption(**command, option, arguments);
    if (!status.ok()) return status;
  }
  absl::Status status = ReadWords(**command, arguments);
  if (status.ok()) status = CheckTogether(**command, arguments);
  if (!status.ok()) return status;
  if (arguments.command == "help") {
    arguments.help = true;
    if (!arguments.words.empty()) arguments.command = arguments.words[0];
  }
  return arguments;
}

std::string HelpText(const std::string& name) {
  const CommandSpec* command = FindCommand(name);
  if (command == nullptr || command->words == Words::kMaybeCommand) return ProgramHelp();
  const std::vector<const OptionSpec*> options = OptionsOf(*command);
  std::string text =
      absl::StrCat("pg_restructure ", name, ": ", command->purpose, "\n\nUsage: ", Usage(*command));
  if (!options.empty() || command->connects) absl::StrAppend(&text, " [OPTIONS]");
  absl::StrAppend(&text, "\n");
  if (!options.empty()) absl::StrAppend(&text, "\nOptions, with their defaults:\n");
  for (const OptionSpec* option : options) absl::StrAppend(&text, OptionHelp(*option));
  if (command->connects) absl::StrAppend(&text, ConnectHelp());
  absl::StrAppend(&text, ExitCodesHelp());
  return text;
}

}  // namespace tools
