// Random values for member rows, reproducible from a seed. Every text is in the form in which
// PostgreSQL prints it, so that a ledger can hold it as it is.

#ifndef TESTS_SERVER_RANDOM_H_
#define TESTS_SERVER_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "tests/server/client.h"

namespace server {

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  // Between `low` and `high`, both included.
  std::int64_t Between(std::int64_t low, std::int64_t high);
  bool OneIn(int n) { return Between(1, n) == 1; }
  template <typename T, std::size_t n>
  const T& OneOf(const T (&choice)[n]) {
    return choice[static_cast<std::size_t>(Between(0, static_cast<std::int64_t>(n) - 1))];
  }

  // An owner that all writers share, or NULL.
  Value Owner();
  // A numeric of any kind: NULL, NaN, infinite, 1.0 beside 1.00.
  Value Rank();
  // A short text: NULL, empty, quotes, letters of more than one byte.
  Value Label();
  // Up to a few thousand bytes, so that rows move to other blocks.
  Value Payload();

 private:
  std::mt19937 engine_;
};

}  // namespace server

#endif  // TESTS_SERVER_RANDOM_H_
