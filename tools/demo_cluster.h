// A throw-away PostgreSQL server for the demo: in a temporary folder, reachable only through a
// socket in that folder, owned by a user without privileges.

#ifndef TOOLS_DEMO_CLUSTER_H_
#define TOOLS_DEMO_CLUSTER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/child_process.h"

namespace tools {

// Not thread-safe. The server is stopped and its folder removed when this is destroyed, unless
// Keep was called.
class DemoCluster {
 public:
  // Finds PostgreSQL's programs, creates the cluster, starts it, and makes the role and the
  // database `demo`, which the demo works as: not a superuser.
  static absl::StatusOr<std::unique_ptr<DemoCluster>> Start();

  ~DemoCluster();
  DemoCluster(const DemoCluster&) = delete;
  DemoCluster& operator=(const DemoCluster&) = delete;

  // A command of PostgreSQL's, by its name and arguments, connected to the database `demo`.
  Command Client(const std::string& program, std::vector<std::string> arguments) const;

  // Where every child finds the server: PGHOST and the like.
  const std::vector<std::string>& environment() const { return environment_; }

  // The answer of one query, unaligned, a line for each row.
  absl::StatusOr<std::string> Query(const std::string& sql,
                                    absl::Duration limit = absl::Minutes(2)) const;

  // Where temporary files may be put. Gone with the cluster.
  const std::string& folder() const { return folder_; }

  // "15.6"
  const std::string& version() const { return version_; }

  // Leaves the server running; returns how to connect and how to remove it, for people.
  std::string Keep();

 private:
  DemoCluster() = default;
  absl::Status FindPrograms();
  absl::Status MakeFolder();
  absl::Status InitializeAndStart();
  absl::Status MakeDatabase();
  Command Server(const std::string& program, std::vector<std::string> arguments) const;
  std::string Data() const { return folder_ + "/data"; }

  std::string programs_;      // /usr/lib/postgresql/15/bin
  std::string version_;       // of the server
  std::string folder_;        // Empty: not made yet.
  std::optional<User> user_;  // Set when we are root, which PostgreSQL refuses to run as.
  std::vector<std::string> environment_;
  bool started_ = false;
  bool kept_ = false;
};

}  // namespace tools

#endif  // TOOLS_DEMO_CLUSTER_H_
