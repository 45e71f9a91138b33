// A throw-away PostgreSQL cluster: one for each test binary, made when it is first asked for, gone
// with the process however that ends.
//
// It listens on a unix socket only and trusts everybody who can reach it. It is made for tests: no
// fsync, small knobs, lock waits logged. PG_RESTRUCTURE_TEST_BINDIR chooses PostgreSQL's version.

#ifndef TESTS_SERVER_CLUSTER_H_
#define TESTS_SERVER_CLUSTER_H_

#include <sys/types.h>

#include <atomic>
#include <optional>
#include <string>

#include "tests/server/process.h"

namespace server {

// How to reach a database.
struct Target {
  std::string host;  // The socket's folder.
  std::string database;
  std::string user = "postgres";
  std::string password;

  std::string Conninfo(const std::string& application_name = "application") const;
  Target As(const std::string& role) const;
};

// All functions throw std::runtime_error. Only the databases' functions are thread-safe.
class Cluster {
 public:
  static Cluster& Get();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // An empty database with a name of its own.
  Target CreateDatabase();
  void DropDatabase(const Target& target);
  // Any other database of the cluster, e.g. postgres.
  Target InDatabase(const std::string& database) const;

  // Stop returns when the server is gone. kFast rolls everybody back and writes a checkpoint;
  // kImmediate is a crash, with recovery at the next start.
  enum class Shutdown { kFast, kImmediate };
  void Stop(Shutdown how);
  // Returns when the server accepts connections.
  void Start();

  int version() const { return version_; }  // 150020
  const std::string& folder() const { return folder_; }

  // A client program: the server's own if it came with one, else whichever is in the PATH.
  std::string Program(const std::string& name) const;

  // The last part of the server's log, for messages.
  std::string LogTail() const;

 private:
  friend class Standby;
  Cluster();
  ~Cluster();
  void Initialize();
  void Configure();
  void Guard();
  void Run(const std::vector<std::string>& arguments);
  // Starts a server on a data folder, which is in ours; its process.
  pid_t Serve(const std::string& data_folder);

  const std::string bin_folder_;
  const std::optional<Account> account_;
  std::string folder_;
  MemoryFile log_;
  pid_t postmaster_ = 0;  // 0: not running.
  pid_t guard_ = 0;       // Cleans up if we die without our destructor.
  int guard_pipe_ = -1;   // Its end tells the guard that we are gone.
  int version_ = 0;
  std::atomic<int> databases_{0};
};

}  // namespace server

#endif  // TESTS_SERVER_CLUSTER_H_
