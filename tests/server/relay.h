// What stands between the tool and its server where there is a pooler, a container's proxy or a
// tunnel: a socket of its own, whose connections go on to the server's.

#ifndef TESTS_SERVER_RELAY_H_
#define TESTS_SERVER_RELAY_H_

#include <atomic>
#include <string>
#include <thread>

#include "tests/server/cluster.h"

namespace server {

// Works on a thread of its own until it goes out of scope.
class Relay {
 public:
  // Throws std::runtime_error.
  explicit Relay(const Target& server);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // How to reach the same database through it.
  const Target& target() const { return target_; }

 private:
  void Run();

  const std::string server_socket_;
  Target target_;
  int listener_ = -1;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace server

#endif  // TESTS_SERVER_RELAY_H_
