// What each command does. Prints to standard output; errors go to standard error as
// "pg_restructure: <message>" with its HINT.

#ifndef TOOLS_COMMANDS_H_
#define TOOLS_COMMANDS_H_

#include <string>

#include "tools/options.h"

namespace tools {

// Returns the exit code (exit_codes.h). From the main thread, once.
int RunCommand(const Arguments& arguments, const std::string& version);

}  // namespace tools

#endif  // TOOLS_COMMANDS_H_
