// A streaming standby of the test program's cluster, with a replication slot of its own: made from
// a base backup, gone with its object.

#ifndef TESTS_SERVER_STANDBY_H_
#define TESTS_SERVER_STANDBY_H_

#include <sys/types.h>

#include <string>

#include "tests/server/cluster.h"

namespace server {

// All functions throw std::runtime_error. Belongs to one thread.
class Standby {
 public:
  // Returns when it streams. `name` is its application_name and its slot's name.
  Standby(Cluster& cluster, std::string name);
  ~Standby();  // drops the slot, too
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;

  // Returns when it streams.
  void Start();
  // Returns when the process is gone.
  void Stop();

  // It goes on receiving WAL, but does not apply it.
  void PauseReplay();
  void ResumeReplay();

 private:
  std::string Conninfo() const;

  Cluster& cluster_;
  const std::string name_;
  const std::string folder_;
  pid_t postmaster_ = 0;  // 0: not running.
};

}  // namespace server

#endif  // TESTS_SERVER_STANDBY_H_
