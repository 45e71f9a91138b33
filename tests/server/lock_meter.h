// Measures, 50 times a second, how long sessions of the application wait behind a session of
// ours: for a lock that it holds, or behind its place in the queue.

#ifndef TESTS_SERVER_LOCK_METER_H_
#define TESTS_SERVER_LOCK_METER_H_

#include <atomic>
#include <string>
#include <thread>

#include "tests/server/cluster.h"
#include "tests/server/wait.h"

namespace server {

class LockMeter {
 public:
  explicit LockMeter(const Target& target);
  ~LockMeter();
  LockMeter(const LockMeter&) = delete;
  LockMeter& operator=(const LockMeter&) = delete;

  struct Report {
    milliseconds longest_wait{0};  // Exact to about one sample.
    std::string longest;           // Who waited for whom.
    // The oldest snapshot that a session of ours held, and its statement.
    milliseconds oldest_snapshot{0};
    std::string oldest;
    std::string error;  // Not empty: the meter itself failed.
    int samples = 0;
  };

  // Ends the measuring. May be called again.
  const Report& Stop();

 private:
  void Run(const Target& target);

  std::atomic<bool> stopping_{false};
  Report report_;  // Written by the thread, read after it ended.
  std::thread thread_;
};

}  // namespace server

#endif  // TESTS_SERVER_LOCK_METER_H_
