// Waiting for a fact, with a bound: tests never sleep for a guessed time.

#ifndef TESTS_SERVER_WAIT_H_
#define TESTS_SERVER_WAIT_H_

#include <chrono>
#include <thread>

namespace server {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

// Whatever takes longer than this hangs, on a loaded machine and under a sanitizer too.
constexpr seconds kPatience{90};

// Asks `fact` every few milliseconds until it holds; false if it does not within `limit`.
template <typename Fact>
bool Eventually(Fact fact, milliseconds limit = kPatience) {
  const Clock::time_point end = Clock::now() + limit;
  while (!fact()) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

}  // namespace server

#endif  // TESTS_SERVER_WAIT_H_
