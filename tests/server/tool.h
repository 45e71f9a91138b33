// Runs pg_restructure as an operator does: its binary, its command line, its environment. With
// PG_RESTRUCTURE_TEST_TRACE set, each run's output is shown when it ends.

#ifndef TESTS_SERVER_TOOL_H_
#define TESTS_SERVER_TOOL_H_

#include <sys/types.h>

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/cluster.h"
#include "tests/server/process.h"
#include "tests/server/wait.h"

namespace server {

// The documented exit codes.
enum ExitCode : int {
  kDone = 0,
  kInternal = 1,
  kUsage = 2,
  kRefused = 3,
  kResumable = 4,
  kDifferent = 5,
  kLockNotObtained = 6,
  kAborted = 7,
  kLeftovers = 8,
  kHibernates = 9,
};

using Arguments = std::vector<std::string>;
using Environment = std::vector<std::string>;  // NAME=value

// How a run of the tool ended. Printable.
struct Outcome {
  std::string command;
  int exit_code = -1;  // -1: ended by a signal.
  int signal = 0;
  bool hung = false;  // Past its deadline: killed, with what the server was doing in `err`.
  std::string out;
  std::string err;
  std::int64_t peak_memory_kb = 0;
  milliseconds elapsed{0};

  std::string text() const { return out + err; }
};
std::ostream& operator<<(std::ostream& stream, const Outcome& outcome);

// One run. Killed if it still runs when it goes out of scope. Belongs to one thread.
class Tool {
 public:
  Tool(const Target& target, const Arguments& arguments, const Environment& environment = {});
  ~Tool();
  Tool(const Tool&) = delete;
  Tool& operator=(const Tool&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal);

  // True until the process has ended.
  bool Running();

  // What it has written so far, both streams.
  std::string Written() const { return out_.Read() + err_.Read(); }

  // Waits for its end; past `deadline` it is killed and counts as hung.
  Outcome Wait(milliseconds deadline = kPatience);

 private:
  void Reap(int status, std::int64_t peak_memory_kb);

  const Target target_;
  const Clock::time_point started_;
  MemoryFile out_;
  MemoryFile err_;
  pid_t pid_;
  std::optional<Outcome> outcome_;
  std::string command_;
};

// Starts, waits and returns.
Outcome RunTool(const Target& target, const Arguments& arguments,
                const Environment& environment = {}, milliseconds deadline = kPatience);

}  // namespace server

#endif  // TESTS_SERVER_TOOL_H_
