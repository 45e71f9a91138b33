#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/command_context.h"
#include "tools/commands.h"
#include "tools/exit_codes.h"
#include "tools/options.h"

int main(int argc, char** argv) {
  const absl::StatusOr<tools::Arguments> arguments =
      tools::ParseArguments(std::vector<std::string>(argv + 1, argv + argc));
  if (!arguments.ok()) {
    tools::PrintError(std::string(arguments.status().message()));
    return tools::kExitUsage;
  }
  return tools::RunCommand(*arguments, PG_RESTRUCTURE_VERSION);
}
