// From command-line arguments to a connection: asks for a password as psql does.

#ifndef TOOLS_CONNECTION_H_
#define TOOLS_CONNECTION_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "catalog/session.h"
#include "tools/options.h"

namespace tools {

struct Connected {
  std::string conninfo;  // For more sessions. It may hold a password: never print it.
  std::unique_ptr<catalog::Session> session;
};

// kUnavailable if the server cannot be reached.
absl::StatusOr<Connected> Connect(const ConnectArguments& arguments);

}  // namespace tools

#endif  // TOOLS_CONNECTION_H_
