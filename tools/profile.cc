#include "tools/profile.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tools/option_table.h"
#include "tools/option_values.h"

namespace tools {
namespace {

namespace po = boost::program_options;

constexpr char kFrom[] = "from";
constexpr std::size_t kFileBytesMax = 65536;

const std::vector<Profile>& BuiltIn() {
  static const auto& profiles = *new std::vector<Profile>{
      {"gentle",
       "a server with nothing to spare: one worker, short batches, early pauses",
       {{"workers", "1"},
        {"batch-target", "50ms"},
        {"lock-timeout", "20ms"},
        {"swap-lock-budget", "50ms"},
        {"lock-patience", "2h"},
        {"disconnect", "batches"},
        {"replica-lag", "2s"},
        {"replica-lag-bytes", "32MB"},
        {"wait-for-us", "20ms"},
        {"sample-age", "5s"},
        {"maintenance-work-mem", "64MB"}}},
      {"balanced", "the default: a server in use", {}},
      {"fast",
       "a server with room: more workers, longer batches, later pauses",
       {{"workers", "8"},
        {"batch-target", "250ms"},
        {"batch-bytes", "32MB"},
        {"replica-lag", "15s"},
        {"replica-lag-bytes", "256MB"},
        {"wait-for-us", "100ms"},
        {"maintenance-work-mem", "1GB"}}},
      {"overnight",
       "from 22:00 to 05:00 by this machine's clock, when there is room",
       {{"window", "22:00-05:00 local"},
        {"workers", "8"},
        {"batch-target", "500ms"},
        {"batch-bytes", "64MB"},
        {"lock-patience", "6h"},
        {"replica-lag", "1m"},
        {"replica-lag-bytes", "1GB"},
        {"wait-for-us", "250ms"},
        {"maintenance-work-mem", "1GB"}}},
      {"unlimited",
       "an idle server or a benchmark: no limit at all, as --no-throttle",
       {{"throttle", "off"}}},
  };
  return profiles;
}

const Profile* FindBuiltIn(const std::string& name) {
  for (const Profile& profile : BuiltIn()) {
    if (profile.name == name) return &profile;
  }
  return nullptr;
}

std::string NamesOfBuiltIn() {
  return absl::StrJoin(BuiltIn(), ", ", [](std::string* out, const Profile& profile) {
    absl::StrAppend(out, profile.name);
  });
}

const OptionSpec* FindKey(const std::string& name) {
  for (const OptionSpec* key : ProfileKeys()) {
    if (name == key->name) return key;
  }
  return nullptr;
}

struct Setting {
  std::string key;  // Empty: the line has none.
  std::string value;
};

// Boost knows the syntax. It is given a line at a time, so that a message can name the line.
absl::StatusOr<Setting> ReadLine(const std::string& line) {
  constexpr char kHint[] = "write KEY = VALUE, e.g. workers = 4; a comment begins with #";
  const std::string stripped(absl::StripAsciiWhitespace(line));
  const bool is_text = std::none_of(stripped.begin(), stripped.end(), [](char c) {
    return c != '\t' && absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  // Messages show what they refuse, on somebody's terminal.
  if (!is_text) return UsageError("the line has characters that are not text", kHint);
  if (!stripped.empty() && stripped[0] == '[') {
    return UsageError(absl::StrCat("\"", stripped, "\" begins a section, and there are none"),
                      kHint);
  }
  // A comment would take the end of a query, and what is left may be a query, too.
  const std::size_t hash = stripped.find('#');
  if (absl::StartsWith(stripped, "signal") && hash != std::string::npos) {
    return UsageError("a # begins a comment, also in a query",
                      "put the query into a view or a function, and select from that");
  }
  static const auto& nothing = *new po::options_description();
  std::istringstream stream(stripped);
  try {
    const po::parsed_options parsed = po::parse_config_file(stream, nothing, true);
    if (parsed.options.empty()) return Setting();
    const po::option& option = parsed.options[0];
    if (!option.string_key.empty()) {
      return Setting{option.string_key, option.value.empty() ? "" : option.value[0]};
    }
  } catch (const po::error&) {
    // Told below.
  }
  return UsageError(absl::StrCat("\"", stripped, "\" is not a key with a value"), kHint);
}

// Adds a line to the profile; the options are there to try the value on.
absl::Status Take(const Setting& setting, int number, Profile& profile, Arguments& tried) {
  if (setting.key == kFrom) {
    const Profile* from = FindBuiltIn(setting.value);
    if (from == nullptr) {
      return UsageError(
          absl::StrCat("key from: there is no built-in profile \"", setting.value, "\""),
          absl::StrCat("these are built in: ", NamesOfBuiltIn()));
    }
    // Keeps what the file itself says, wherever it says it.
    profile.values.insert(from->values.begin(), from->values.end());
    return absl::OkStatus();
  }
  const OptionSpec* key = FindKey(setting.key);
  if (key == nullptr) {
    std::vector<std::string> names = {kFrom};
    for (const OptionSpec* known : ProfileKeys()) names.emplace_back(known->name);
    return UsageError(absl::StrCat("there is no key \"", setting.key, "\""),
                      absl::StrCat("the keys are ", absl::StrJoin(names, ", ")));
  }
  if (absl::Status read = key->apply(setting.value, tried); !read.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("key ", key->name, ": ", read.message()));
  }
  if (key->repeatable) {
    profile.repeated.push_back({key->name, setting.value, number});
  } else {
    profile.values[key->name] = setting.value;
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<const OptionSpec*> ProfileKeys() {
  std::vector<const OptionSpec*> keys;
  for (const OptionSpec& option : RunOptionSpecs()) {
    if (option.otherwise != nullptr) keys.push_back(&option);
  }
  return keys;
}

absl::StatusOr<Profile> ParseProfile(const std::string& text, const std::string& file) {
  Profile profile{file, "", {}};
  Arguments tried;
  int number = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    ++number;
    const absl::StatusOr<Setting> setting = ReadLine(line);
    absl::Status status = setting.status();
    if (status.ok() && setting->key.empty()) continue;
    if (status.ok()) {
      const auto [first, is_new] = profile.line_of.emplace(setting->key, number);
      const OptionSpec* key = FindKey(setting->key);
      const bool may_be = is_new || (key != nullptr && key->repeatable);
      status = may_be ? Take(*setting, number, profile, tried)
                      : UsageError(absl::StrCat("key ", setting->key,
                                                " is given twice, first in line ", first->second),
                                   "give it once");
    }
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("profile ", file, ", line ", number, ": ", status.message()));
    }
  }
  return profile;
}

absl::StatusOr<Profile> FindProfile(const std::string& name_or_file) {
  if (const Profile* built_in = FindBuiltIn(name_or_file)) return *built_in;
  std::string text(kFileBytesMax + 1, '\0');
  errno = 0;
  std::ifstream file(name_or_file, std::ios::binary);
  if (!file.is_open()) {
    return UsageError(absl::StrCat("profile ", name_or_file,
                                   " is not built in, nor can a file of that name be read: ",
                                   std::strerror(errno)),
                      absl::StrCat("these are built in: ", NamesOfBuiltIn()));
  }
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || (file.fail() && !file.eof())) {
    return UsageError(
        absl::StrCat("profile ", name_or_file, " cannot be read: ", std::strerror(errno)),
        "name a file");
  }
  if (text.size() > kFileBytesMax) {
    return UsageError(absl::StrCat("profile ", name_or_file, " is larger than 64 kB"),
                      "`pg_restructure profile show balanced` shows what a profile is like");
  }
  return ParseProfile(text, name_or_file);
}

std::string ToIni(const Profile& profile) {
  std::string text = absl::StrCat(
      "# Profile ", profile.name, profile.purpose.empty() ? "" : ": ", profile.purpose, "\n",
      "#\n"
      "# An option on the command line wins over its key here. A key that is left out has its\n"
      "# default, in brackets, or with `from = NAME` what it is in that built-in profile.\n"
      "# A DURATION is a number and a unit: ms, s, m, h; a SIZE too: kB, MB, GB, TB.\n");
  for (const OptionSpec* key : ProfileKeys()) {
    absl::StrAppend(&text, "\n# ", key->argument, ": ", HelpOf(*key), "\n");
    bool written = false;
    for (const Profile::Line& line : profile.repeated) {
      if (line.key != key->name) continue;
      absl::StrAppend(&text, key->name, " = ", line.value, "\n");
      written = true;
    }
    if (written) continue;
    const auto value = profile.values.find(key->name);
    absl::StrAppend(&text, key->name, " = ",
                    value == profile.values.end() ? key->otherwise : value->second, "\n");
  }
  return text;
}

std::string ProfileList() {
  std::string text;
  for (const Profile& profile : BuiltIn()) {
    absl::StrAppendFormat(&text, "%-10s  %s\n", profile.name, profile.purpose);
  }
  return text;
}

namespace {

// Values that are right each for itself.
absl::Status Contradiction(const RunOptions& run) {
  const auto is_above = [](const char* high, absl::Duration high_value, const char* low,
                           absl::Duration low_value, const char* hint) {
    return UsageError(absl::StrCat(high, " ", absl::FormatDuration(high_value), " is not below ",
                                   low, " ", absl::FormatDuration(low_value)),
                      hint);
  };
  if (run.lock_timeout > run.lock_patience && run.lock_patience > absl::ZeroDuration()) {
    return is_above("lock-timeout", run.lock_timeout, "lock-patience", run.lock_patience,
                    "the patience is for all attempts together");
  }
  const bool heeds_lag = !run.no_throttle && run.replica_lag > absl::ZeroDuration();
  if (heeds_lag && run.batch_target >= run.replica_lag) {
    return is_above("batch-target", run.batch_target, "replica-lag", run.replica_lag,
                    "one batch alone may keep a replica behind for as long as it takes");
  }
  if (run.hibernate && run.window.AlwaysOpen() && !run.swap_window) {
    return UsageError("outside hibernate has no effect without a window",
                      "give a window, or leave outside = pause");
  }
  return absl::OkStatus();
}

absl::Status ApplyProfile(Arguments& arguments) {
  const absl::StatusOr<Profile> profile = FindProfile(*arguments.run.profile);
  if (!profile.ok()) return profile.status();
  for (const auto& [key, value] : profile->values) {
    if (arguments.given.count(key) > 0) continue;
    if (absl::Status set = FindKey(key)->apply(value, arguments); !set.ok()) return set;
  }
  const auto origin = [&](int line) {
    return absl::StrCat("profile ", profile->name, ", line ", line);
  };
  for (const auto& [key, line] : profile->line_of) arguments.said_in_file[key] = origin(line);
  // Signals of the command line come on top.
  for (const Profile::Line& line : profile->repeated) {
    arguments.origin = origin(line.number);
    absl::Status set = FindKey(line.key)->apply(line.value, arguments);
    if (!set.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(arguments.origin, ": key ", line.key, ": ", set.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status UseProfile(Arguments& arguments) {
  if (arguments.run.profile) {
    if (absl::Status applied = ApplyProfile(arguments); !applied.ok()) return applied;
  }
  // What else a running job was begun with is not known here.
  if (arguments.command == "adjust") return absl::OkStatus();
  return Contradiction(arguments.run);
}

}  // namespace tools
