// Several writers, each in its thread.

#ifndef TESTS_SERVER_WRITERS_H_
#define TESTS_SERVER_WRITERS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/writer.h"

namespace server {

class Writers {
 public:
  // `count` is below kResidues. They start at once.
  Writers(const Target& target, int count, const WriterOptions& options = {});
  ~Writers();
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  // Waits until they have done `transactions` more; false if they do not come to that.
  bool Await(std::int64_t transactions);

  // Ends the threads. May be called again.
  void Stop();

  // What they saw, together. Stops them first.
  const WriterReport& Report();

  // A line for each difference between the member table and the ledger of the writers, and for
  // each error that they saw. Stops them first. Empty: all is well.
  std::vector<std::string> Complaints(Client& client);

 private:
  void Run(const Target& target, int residue, const WriterOptions& options);

  const int count_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> transactions_{0};
  std::vector<WriterReport> reports_;  // One for each thread; read after the threads ended.
  std::vector<std::thread> threads_;
  WriterReport together_;
};

}  // namespace server

#endif  // TESTS_SERVER_WRITERS_H_
