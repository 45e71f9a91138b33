// How to reach the server, as psql takes it.

#ifndef CATALOG_CONNECT_H_
#define CATALOG_CONNECT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace catalog {

struct ConnectParameters {
  std::optional<std::string> host, port, user;
  std::optional<std::string> database;  // a name, a URI or a conninfo string
  std::optional<std::string> password;
};

// One conninfo string for libpq: what is not given comes from PG* variables, service files and
// .pgpass as usual. Adds keepalives and a bound on connecting. It may hold a password: never print
// it. kInvalidArgument if `database` is a URI or conninfo string that libpq cannot read.
absl::StatusOr<std::string> Conninfo(const ConnectParameters& parameters);

// True if `message`, of a failed connect, says that a password is wanted.
bool WantsPassword(const std::string& message);

}  // namespace catalog

#endif  // CATALOG_CONNECT_H_
