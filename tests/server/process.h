// Child processes of a test: started with exactly the given environment, under another account if
// asked, with their output kept in memory.

#ifndef TESTS_SERVER_PROCESS_H_
#define TESTS_SERVER_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace server {

// Who a process runs as.
struct Account {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
};

// The account `postgres` if we are root (PostgreSQL refuses to run as root); empty otherwise: run
// as ourselves. Throws std::runtime_error if we are root and there is no such account.
std::optional<Account> UnprivilegedAccount();

struct Launch {
  std::vector<std::string> arguments;    // [0] is the program's path.
  std::vector<std::string> environment;  // NAME=value, nothing is inherited.
  std::optional<Account> account;
  int in = -1;  // File descriptors; -1: /dev/null.
  int out = -1;
  int err = -1;
  bool own_session = false;  // Out of reach of the terminal's Ctrl-C.
};

// Returns the process id; throws std::runtime_error. May be called with other threads running. A
// program that cannot be executed ends with exit code 127.
pid_t Spawn(const Launch& launch);

// A nameless file in memory, closed when it goes out of scope.
class MemoryFile {
 public:
  MemoryFile();
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int descriptor() const { return descriptor_; }

  // What has been written so far.
  std::string Read() const;

 private:
  int descriptor_;
};

// NAME=value for each of the names that our own environment has.
std::vector<std::string> Inherited(const std::vector<std::string>& names);

}  // namespace server

#endif  // TESTS_SERVER_PROCESS_H_
