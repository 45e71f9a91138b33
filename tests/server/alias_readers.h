// Readers of an alias that must never notice that it changes hands.
//
// READ COMMITTED readers ask again and again for the quiet owners' members: always the same rows,
// in one of the orders that the set may have, never none and never a mixture. REPEATABLE READ
// readers count the member table first and the alias some time later: always the same rows.

#ifndef TESTS_SERVER_ALIAS_READERS_H_
#define TESTS_SERVER_ALIAS_READERS_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/client.h"
#include "tests/server/cluster.h"
#include "tests/server/wait.h"

namespace server {

struct AliasReadersOptions {
  int read_committed = 2;
  int repeatable_read = 2;
  // How long a REPEATABLE READ reader keeps its snapshot before it looks at the alias.
  milliseconds snapshot_age{60};
  // The orders that the set may have, as in ORDER BY.
  std::vector<std::string> orders;
};

class AliasReaders {
 public:
  // Reads public.members_of_owner over public.members (see members.h).
  AliasReaders(const Target& target, const AliasReadersOptions& options);
  ~AliasReaders();
  AliasReaders(const AliasReaders&) = delete;
  AliasReaders& operator=(const AliasReaders&) = delete;

  // Waits until each reader has read `reads` times more.
  bool Await(int reads);

  // What they saw that they should not have seen. Stops them first.
  std::vector<std::string> Complaints();

 private:
  void ReadCommitted(const Target& target);
  void RepeatableRead(const Target& target, milliseconds snapshot_age);
  void Complain(const std::string& complaint);

  std::vector<std::vector<Rows>> expected_;  // For each quiet owner, its members in each order.
  std::atomic<bool> stopping_{false};
  std::vector<std::atomic<int>> reads_;  // One for each thread.
  std::mutex mutex_;
  std::vector<std::string> complaints_;  // Guarded by mutex_.
  std::vector<std::thread> threads_;
};

}  // namespace server

#endif  // TESTS_SERVER_ALIAS_READERS_H_
