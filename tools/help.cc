#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/command_table.h"
#include "tools/exit_codes.h"
#include "tools/option_table.h"
#include "tools/options.h"

namespace tools {
namespace {

// "  -h, --host=HOST            server's host"
std::string OptionHelp(const OptionSpec& option) {
  std::string left = option.letter != 0 ? absl::StrCat("  -", std::string(1, option.letter), ", --")
                                        : std::string("      --");
  absl::StrAppend(&left, option.name);
  if (option.argument != nullptr) absl::StrAppend(&left, " ", option.argument);
  return absl::StrFormat("%-36s  %s\n", left, HelpOf(option));
}

std::string ConnectHelp() {
  std::string text = "\nConnection, as psql has it:\n";
  for (const OptionSpec& option : ConnectOptions()) absl::StrAppend(&text, OptionHelp(option));
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
      "pg_restructure changes the order of sets and indexes in PostgreSQL while they are in "
      "use.\n\n"
      "Usage: pg_restructure COMMAND ... [OPTIONS]\n\nCommands:\n";
  for (const CommandSpec& command : Commands()) {
    const std::string usage = absl::StrCat(command.name, WordsUsage(command));
    absl::StrAppend(&text, absl::StrFormat("  %-18s  %s\n", usage, command.purpose));
  }
  absl::StrAppend(&text, "\npg_restructure COMMAND --help shows the options of a command.\n",
                  ConnectHelp(), ExitCodesHelp());
  return text;
}

bool IsRunOption(const OptionSpec* option) {
  const absl::Span<const OptionSpec> run = RunOptionSpecs();
  return option >= run.data() && option < run.data() + run.size();
}

std::string List(const std::string& title, const std::vector<const OptionSpec*>& options) {
  if (options.empty()) return "";
  std::string text = absl::StrCat("\n", title, "\n");
  for (const OptionSpec* option : options) absl::StrAppend(&text, OptionHelp(*option));
  return text;
}

// Of one kind: purpose, usage and what only this kind has.
std::string KindHelp(const CommandSpec& command, bool several) {
  std::vector<const OptionSpec*> own = OptionsOf(command);
  if (several) own.erase(std::remove_if(own.begin(), own.end(), &IsRunOption), own.end());
  const bool any = !own.empty() || command.connects || command.takes_run_options;
  return absl::StrCat(command.name, ": ", command.purpose, "\n\nUsage: ", Usage(command),
                      any ? " [OPTIONS]\n" : "\n", List("Options, with their defaults:", own));
}

}  // namespace

std::string HelpText(const std::string& name) {
  std::vector<const CommandSpec*> kinds;
  for (const CommandSpec& command : Commands()) {
    if (command.name == name) kinds.push_back(&command);
  }
  if (kinds.empty() || kinds[0]->words == Words::kMaybeCommand) return ProgramHelp();
  const bool several = kinds.size() > 1;
  std::string text;
  for (const CommandSpec* command : kinds) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", "pg_restructure ",
                    KindHelp(*command, several));
  }
  if (several && kinds[0]->takes_run_options) {
    std::vector<const OptionSpec*> run;
    for (const OptionSpec& option : RunOptionSpecs()) run.push_back(&option);
    absl::StrAppend(&text, List("How it runs, with the defaults:", run));
  }
  if (kinds[0]->connects) absl::StrAppend(&text, ConnectHelp());
  return absl::StrCat(text, ExitCodesHelp());
}

}  // namespace tools
