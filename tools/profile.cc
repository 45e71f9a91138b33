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
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tools/option_tables.h"
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
        {"replica-lag", "15s"},
        {"replica-lag-bytes", "256MB"},
        {"wait-for-us", "100ms"},
        {"maintenance-work-mem", "1GB"}}},
      {"overnight",
       "from 22:00 to 05:00 by this machine's clock, when there is room",
       {{"window", "22:00-05:00 local"},
        {"workers", "8"},
        {"batch-target", "500ms"},
        {"lock-patience", "6h"},
        {"replica-lag", "1m"},
        {"replica-lag-bytes", "1GB"},
        {"wait-for-us", "250ms"},
        {"maintenance-work-mem", "1GB"}}},
      {"unlimited",
       "an idle server or a benchmark: no limit at all, as --no-throttle",
       {{"replica-lag", "0"},
        {"replica-lag-bytes", "0"},
        {"wait-for-us", "0"},
        {"sample-age", "0"},
        {"controller", "off"}}},
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

std::vector<const OptionSpec*> Keys() {
  std::vector<const OptionSpec*> keys;
  for (const OptionSpec& option : RunOptionSpecs()) {
    if (option.otherwise != nullptr) keys.push_back(&option);
  }
  return keys;
}

const OptionSpec* FindKey(const std::string& name) {
  for (const OptionSpec* key : Keys()) {
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
absl::Status Take(const Setting& setting, Profile& profile, Arguments& tried) {
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
    for (const OptionSpec* known : Keys()) names.emplace_back(known->name);
    return UsageError(absl::StrCat("there is no key \"", setting.key, "\""),
                      absl::StrCat("the keys are ", absl::StrJoin(names, ", ")));
  }
  if (absl::Status read = key->apply(setting.value, tried); !read.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("key ", key->name, ": ", read.message()));
  }
  profile.values[key->name] = setting.value;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Profile> ParseProfile(const std::string& text, const std::string& file) {
  Profile profile{file, "", {}};
  Arguments tried;
  std::map<std::string, int> line_of;
  int number = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    ++number;
    const absl::StatusOr<Setting> setting = ReadLine(line);
    absl::Status status = setting.status();
    if (status.ok() && setting->key.empty()) continue;
    if (status.ok()) {
      const auto [first, is_new] = line_of.emplace(setting->key, number);
      status = is_new ? Take(*setting, profile, tried)
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
  for (const OptionSpec* key : Keys()) {
    const auto value = profile.values.find(key->name);
    absl::StrAppend(&text, "\n# ", key->argument, ": ", HelpOf(*key), "\n", key->name, " = ",
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

absl::Status UseProfile(Arguments& arguments) {
  if (!arguments.run.profile) return absl::OkStatus();
  const absl::StatusOr<Profile> profile = FindProfile(*arguments.run.profile);
  if (!profile.ok()) return profile.status();
  for (const auto& [key, value] : profile->values) {
    if (arguments.given.count(key) > 0) continue;
    if (absl::Status set = FindKey(key)->apply(value, arguments); !set.ok()) return set;
  }
  return absl::OkStatus();
}

}  // namespace tools
