// From command-line arguments to a conninfo string that works: asks for a password as psql does.

#ifndef TOOLS_CONNECTION_H_
#define TOOLS_CONNECTION_H_

#include <string>

#include "absl/status/statusor.h"
#include "tools/options.h"

namespace tools {

// Tries the connection once. The result may hold a password: never print it. kUnavailable if the
// server cannot be reached.
absl::StatusOr<std::string> ResolveConnection(const ConnectArguments& arguments);

}  // namespace tools

#endif  // TOOLS_CONNECTION_H_
