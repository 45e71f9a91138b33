// From command-line arguments to a connection: asks for a password as psql does.

#ifndef TOOLS_CONNECTION_H_
#define TOOLS_CONNECTION_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "catalog/session.h"
#include "tools/options.h"

namespace tools {

struct Connected {
  std::string conninfo;  // For more sessions. It may hold a password: never print it.
  std::unique_ptr<catalog::Session> session;
};

// kUnavailable if the server cannot be reached.
absl::StatusOr<Connected> Connect(const ConnectArguments& arguments);

// What `work` returns. A connection that is lost meanwhile is made anew for some 10 s, and the work
// begun anew: it must find what it has done already.
template <typename Result>
absl::StatusOr<Result> WithSession(
    const std::string& conninfo,
    const std::function<absl::StatusOr<Result>(catalog::Session&)>& work) {
  constexpr int kTriesMax = 20;
  absl::StatusOr<Result> result = absl::UnknownError("");
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (tries > 0) absl::SleepFor(absl::Milliseconds(500));
    absl::StatusOr<std::unique_ptr<catalog::Session>> session =
        catalog::Session::Open(conninfo, "pg_restructure");
    result = session.ok() ? work(**session) : absl::StatusOr<Result>(session.status());
    if (!absl::IsUnknown(result.status()) && !absl::IsUnavailable(result.status())) break;
  }
  return result;
}

}  // namespace tools

#endif  // TOOLS_CONNECTION_H_
