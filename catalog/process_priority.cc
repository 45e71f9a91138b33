#include "catalog/process_priority.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace catalog {
namespace {

// The process that listens at the other end of a Unix-domain socket. Of another socket, or of a
// process that cannot be seen from here, the kernel says 0.
pid_t Listener(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return 0;
  return peer.pid;
}

// Its parent, by /proc/PID/stat: "4711 (name, which may have spaces) S 42 ...".
std::optional<pid_t> ParentOf(int process) {
  std::ifstream file(absl::StrCat("/proc/", process, "/stat"));
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const std::size_t name_ends = line.rfind(')');
  if (name_ends == std::string::npos) return std::nullopt;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(line).substr(name_ends + 1), ' ', absl::SkipEmpty());
  int parent = 0;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &parent)) return std::nullopt;
  return parent;
}

absl::StatusOr<id_t> ProcessOf(const Session& session) {
  const pid_t server = Listener(session.socket());
  if (server <= 0) {
    return absl::FailedPreconditionError(
        "the server is not reached through a Unix-domain socket of this machine");
  }
  if (ParentOf(session.backend_pid()) != server) {
    return absl::FailedPreconditionError(
        absl::StrCat("process ", session.backend_pid(),
                     " of this machine is not the session's: a pooler or a container is between"));
  }
  return static_cast<id_t>(session.backend_pid());
}

absl::Status BeAtLeast(const Session& session, int nice) {
  const absl::StatusOr<id_t> process = ProcessOf(session);
  if (!process.ok()) return process.status();
  errno = 0;
  const int present = getpriority(PRIO_PROCESS, *process);
  if (errno == 0 && setpriority(PRIO_PROCESS, *process, std::max(present, nice)) == 0) {
    return absl::OkStatus();
  }
  if (errno == EPERM) {
    return absl::PermissionDeniedError(
        "only root and the operating-system user of the server may set its processes' priority");
  }
  return absl::InternalError(absl::StrCat("setpriority: ", std::strerror(errno)));
}

}  // namespace

absl::Status LowerPriority(const Session& session, int nice) { return BeAtLeast(session, nice); }

// Sets it to what it is: that needs the same rights.
absl::Status MayLowerPriority(const Session& session) { return BeAtLeast(session, PRIO_MIN); }

}  // namespace catalog
