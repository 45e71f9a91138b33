// Child processes without a shell, and the signals that end the program early.
//
// For a single-threaded program: nothing here is thread-safe.

#ifndef TOOLS_CHILD_PROCESS_H_
#define TOOLS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tools {

// While it lives, SIGINT, SIGTERM, SIGHUP and SIGPIPE set a flag instead of ending the program,
// so that it can clean up. At most one at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // The signal that arrived since the guard was made; 0 if none.
  static int Signal();

  // From here on, this program and the children it starts ignore these signals.
  static void IgnoreFurther();
};

// Whom a child runs as.
struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

// kNotFound if there is no such user.
absl::StatusOr<User> FindUser(const std::string& name);

struct Command {
  std::vector<std::string> argv;         // argv[0] is a path, or is looked for in PATH.
  std::vector<std::string> environment;  // "NAME=value"; PG* of our own environment is not passed.
  std::optional<User> user;              // Only root may name one.
  std::string working_folder;            // Empty: ours.
  std::string output_file;               // Standard output and error are appended; empty: ours.
};

class ChildProcess;

// Starts, waits, and returns the exit code. kNotFound if the program cannot be started.
absl::StatusOr<int> Run(const Command& command, absl::Duration timeout);

struct Output {
  int exit_code = 0;
  std::string text;  // The child's standard output, without trailing white space.
};

// Requires: no `output_file`.
absl::StatusOr<Output> CaptureOutput(const Command& command, absl::Duration timeout);

// The text alone; kInternal if the exit code is not 0.
absl::StatusOr<std::string> Capture(const Command& command, absl::Duration timeout);

// Owns one child. A child that still runs when this is destroyed is killed and waited for.
class ChildProcess {
 public:
  // A program that does not exist is noticed at its end: exit code 127.
  static absl::StatusOr<ChildProcess> Start(const Command& command);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  // False once it has ended by itself.
  bool Running();

  // Returns its exit code, or 128 + the signal that ended it. After an interrupt the child gets
  // `patience` to end by itself (it got the signal of the terminal too), then SIGTERM, and the
  // answer is kCancelled. kDeadlineExceeded, and the child is killed, after `timeout`.
  absl::StatusOr<int> Wait(absl::Duration timeout);

  // Sends `signal` and waits; kills the child after `patience`. Returns what Wait returns.
  absl::StatusOr<int> Stop(int signal, absl::Duration patience);

 private:
  friend absl::StatusOr<Output> CaptureOutput(const Command& command, absl::Duration timeout);

  ChildProcess(std::string name, pid_t pid);
  static absl::StatusOr<ChildProcess> StartInto(const Command& command, int output);
  bool EndsWithin(absl::Duration patience, bool stop_on_interrupt);
  void Kill();

  std::string name_;
  pid_t pid_ = 0;  // 0: ended and waited for; then exit_code_ holds.
  int exit_code_ = 0;
};

// Sleeps; kCancelled if interrupted.
absl::Status SleepUnlessInterrupted(absl::Duration duration);

}  // namespace tools

#endif  // TOOLS_CHILD_PROCESS_H_
