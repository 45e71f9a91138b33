// What the commands share: errors and settings.

#ifndef TOOLS_COMMAND_CONTEXT_H_
#define TOOLS_COMMAND_CONTEXT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "restructure/job.h"
#include "tools/options.h"

namespace tools {

// Prints an error as every command does: "pg_restructure: <message>" on standard error.
void PrintError(const std::string& message);

// Prints it, and returns the exit code of what was refused before anything was changed.
int Refuse(const absl::Status& status);

restructure::Settings SettingsFrom(const RunOptions& run);

// In run order.
std::vector<std::string> PhaseNames(const std::string& kind);

}  // namespace tools

#endif  // TOOLS_COMMAND_CONTEXT_H_
