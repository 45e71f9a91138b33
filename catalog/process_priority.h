// The processor priority of the server's process behind a session.
//
// PostgreSQL has no such setting, but the operating system has: where the tool runs on the server's
// machine, it may set the nice value of a backend as anybody may of his own processes. What it may
// not do is guess which process that is: a server in a container, behind a pooler or on another
// machine has process numbers of its own. So the session must go through a Unix-domain socket, and
// the backend must be a child of the process that listens there.

#ifndef CATALOG_PROCESS_PRIORITY_H_
#define CATALOG_PROCESS_PRIORITY_H_

#include "absl/status/status.h"
#include "catalog/session.h"

namespace catalog {

// POSIX nice values: 0 as everybody, 19 last of all.
inline constexpr int kNiceMax = 19;

// Gives the process behind the session that nice value, or leaves it where it is nicer already. It
// cannot be taken back: only root may do that. kFailedPrecondition: it is not certain which process
// it is. kPermissionDenied: the tool runs neither as root nor as the server's user.
absl::Status LowerPriority(const Session& session, int nice);

// What LowerPriority would say.
absl::Status MayLowerPriority(const Session& session);

}  // namespace catalog

#endif  // CATALOG_PROCESS_PRIORITY_H_
