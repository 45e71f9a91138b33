#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/command_context.h"
#include "tools/commands.h"
#include "tools/exit_codes.h"
#include "tools/options.h"
#include "tools/profile.h"

int main(int argc, char** argv) {
  absl::StatusOr<tools::Arguments> arguments =
      tools::ParseArguments(std::vector<std::string>(argv + 1, argv + argc));
  absl::Status status = arguments.status();
  if (status.ok()) status = tools::UseProfile(*arguments);
  if (!status.ok()) {
    tools::PrintError(std::string(status.message()));
    return tools::kExitUsage;
  }
  return tools::RunCommand(*arguments, PG_RESTRUCTURE_VERSION);
}
