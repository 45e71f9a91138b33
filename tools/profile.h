// Profiles: named values for the run options, built in or in an INI file.
//
//     # our nights
//     from    = overnight
//     workers = 6
//     soak    = 24h
//
// A key is a run option's long name and its value what the option takes (OptionSpec::otherwise has
// the default). What a file leaves out it has from the built-in profile after `from`, or else from
// `balanced`, which is all defaults. An option on the command line wins over the profile.

#ifndef TOOLS_PROFILE_H_
#define TOOLS_PROFILE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/options.h"

namespace tools {

struct OptionSpec;

struct Profile {
  std::string name;                           // Or the file's.
  std::string purpose;                        // In a line; of a file: empty.
  std::map<std::string, std::string> values;  // By key; what is not here is the default.
  // The lines of a file that have a key which may be repeated: line, value.
  struct Line {
    std::string key, value;
    int number = 0;
  };
  std::vector<Line> repeated = {};
  std::map<std::string, int> line_of = {};  // of the file's own keys
};

// Reads an INI text; `file` is for messages. kInvalidArgument, with file, line and a HINT: unknown
// key, bad value, duplicate, anything that is not KEY = VALUE.
absl::StatusOr<Profile> ParseProfile(const std::string& text, const std::string& file);

// The built-in one of that name, or else the one in that file. kInvalidArgument as above.
absl::StatusOr<Profile> FindProfile(const std::string& name_or_file);

// Every key with its value and an explanation; ParseProfile reads the same values from it.
std::string ToIni(const Profile& profile);

// The run options that a profile can have.
std::vector<const OptionSpec*> ProfileKeys();

// A line for each built-in profile.
std::string ProfileList();

// Gives the options that are not on the command line their values from --profile, if there is one,
// and refuses what then contradicts itself.
absl::Status UseProfile(Arguments& arguments);

}  // namespace tools

#endif  // TOOLS_PROFILE_H_
