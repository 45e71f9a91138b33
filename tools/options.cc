#include "tools/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/command_table.h"
#include "tools/option_table.h"
#include "tools/option_values.h"

namespace tools {
namespace {

namespace po = boost::program_options;

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
  for (const OptionSpec& option : ConnectOptions()) add(option);
  for (const OptionSpec& option : RunOptionSpecs()) add(option);
  for (const OptionSpec& option : OtherOptions()) add(option);
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
  for (const CommandSpec& command : Commands()) {
    if (names.empty() || names.back() != command.name) names.emplace_back(command.name);
  }
  const std::string hint = absl::StrCat("the commands are ", absl::StrJoin(names, ", "));
  if (words.empty()) return UsageError("no command is given", hint);
  const CommandSpec* command = FindCommand(words[0], words.size() > 1 ? words[1] : "");
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

// "a set", "an index"
std::vector<std::string> KindsOf(const CommandSpec& command) {
  std::vector<std::string> kinds;
  for (const CommandSpec& other : Commands()) {
    if (std::string(other.name) != command.name) continue;
    kinds.push_back(absl::StrCat(other.kind[0] == 'i' ? "an " : "a ", other.kind));
  }
  return kinds;
}

absl::Status ReadKindAndName(const CommandSpec& command, Arguments& arguments) {
  if (arguments.words[0] != command.kind) {
    return UsageError(absl::StrCat("the command ", command.name, " works on ",
                                   absl::StrJoin(KindsOf(command), " or "), ", not on \"",
                                   arguments.words[0], "\""),
                      absl::StrCat("usage: ", Usage(command)));
  }
  if (absl::StripAsciiWhitespace(arguments.words[1]).empty()) {
    return UsageError(absl::StrCat("the name of the ", command.kind, " is empty"),
                      absl::StrCat("usage: ", Usage(command)));
  }
  arguments.kind = arguments.words[0];
  arguments.name = arguments.words[1];
  return absl::OkStatus();
}

std::size_t WordsMax(const CommandSpec& command) {
  if (command.words == Words::kNone) return 0;
  return command.words == Words::kKindAndName || command.words == Words::kVerbAndName ? 2 : 1;
}

// profile list, profile show NAME
absl::Status ReadVerb(const CommandSpec& command, Arguments& arguments) {
  if (arguments.words.empty() || arguments.words[0] != command.kind) {
    std::vector<std::string> verbs;
    std::vector<std::string> usages;
    for (const CommandSpec& other : Commands()) {
      if (std::string(other.name) != command.name) continue;
      verbs.emplace_back(other.kind);
      usages.push_back(Usage(other));
    }
    return UsageError(
        absl::StrCat(
            "the command ", command.name, " needs ", absl::StrJoin(verbs, " or "),
            arguments.words.empty() ? "" : absl::StrCat(", not \"", arguments.words[0], "\"")),
        absl::StrCat("usage: ", absl::StrJoin(usages, ", or ")));
  }
  arguments.kind = arguments.words[0];
  if (arguments.words.size() > 1) arguments.name = arguments.words[1];
  return absl::OkStatus();
}

absl::Status ReadWords(const CommandSpec& command, Arguments& arguments) {
  const std::vector<std::string>& words = arguments.words;
  if (command.words == Words::kVerb || command.words == Words::kVerbAndName) {
    if (absl::Status read = ReadVerb(command, arguments); !read.ok()) return read;
  }
  const std::size_t words_max = WordsMax(command);
  const bool may_be_fewer =
      command.words == Words::kMaybeJob || command.words == Words::kMaybeCommand;
  const std::string hint = absl::StrCat("usage: ", Usage(command));
  if (words.size() > words_max) {
    return UsageError(
        absl::StrCat("\"", words[words_max], "\" is too much for the command ", command.name),
        hint);
  }
  if (words.size() < words_max && !may_be_fewer) {
    return UsageError(
        absl::StrCat("the command ", command.name, " needs",
                     words_max == 2 ? absl::StrCat(" \"", command.kind, "\" and a name")
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
    case Words::kVerb:
    case Words::kVerbAndName:
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
  const std::string value = given.value.empty() ? std::string() : given.value[0];
  if (!arguments.given.emplace(option->name, value).second && !option->repeatable) {
    return UsageError(absl::StrCat("option --", option->name, " is given twice"), "give it once");
  }
  const absl::Status status = option->apply(value, arguments);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("option --", option->name, ": ", status.message()));
}

// What is to change, and values that mean the same to the server.
absl::Status CheckAdjustment(const CommandSpec& command, const Arguments& arguments) {
  std::vector<std::string> names;
  bool any = arguments.reset || arguments.run.profile.has_value();
  for (const std::string& name : command.optional) {
    if (FindOption(name)->otherwise == nullptr) continue;
    names.push_back(absl::StrCat("--", name));
    any = any || arguments.given.count(name) > 0;
  }
  const auto workers = arguments.given.find("workers");
  if (workers != arguments.given.end() && workers->second == "auto") {
    return UsageError("option --workers: a running job is given a number, not \"auto\"",
                      "--reset takes back what was changed");
  }
  if (any) return absl::OkStatus();
  return UsageError("the command adjust changes nothing",
                    absl::StrCat("give it what is to change, ", absl::StrJoin(names, " "),
                                 ", a --profile, or --reset"));
}

absl::Status CheckTogether(const CommandSpec& command, const Arguments& arguments) {
  for (const std::string& name : command.required) {
    if (arguments.given.count(name) > 0) continue;
    return UsageError(absl::StrCat("the command ", command.name, " needs --", name),
                      absl::StrCat("usage: ", Usage(command)));
  }
  if (arguments.command == "adjust") return CheckAdjustment(command, arguments);
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

}  // namespace tools
