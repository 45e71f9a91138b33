// Other jobs of this program on the same server, in whichever database: seen by the names of their
// keepers' sessions, which every role may read.

#ifndef CATALOG_NEIGHBOURS_H_
#define CATALOG_NEIGHBOURS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "catalog/session.h"

namespace catalog {

// What the keeper of a job lets the others see.
enum class Activity {
  kNone,       // its batches do not run
  kWorking,    // they do, or could
  kListening,  // it wants to hear the server without any of us
};

// The name of the keeper's session that says so.
std::string KeeperName(std::int64_t job_id, Activity activity);

struct Neighbours {
  int working = 0;  // those that listen, too
  bool any_listens = false;
};

// All but the session's own job. A job of this database counts while its lease does; one of another
// database while its session is there.
absl::StatusOr<Neighbours> ReadNeighbours(Session& session);

}  // namespace catalog

#endif  // CATALOG_NEIGHBOURS_H_
