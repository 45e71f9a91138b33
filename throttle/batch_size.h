// Adapts the number of rows in a batch to a time target.
//
// The rule (design after block/spirit's chunker): the 90th percentile of the time per row over
// the last batches decides; the size grows by at most x1.5 a step and shrinks at once. Feedback
// from batches that ran with another size than the present one (by more than a factor of two) is
// ignored.
//
// Not thread-safe: the pacer guards it.

#ifndef THROTTLE_BATCH_SIZE_H_
#define THROTTLE_BATCH_SIZE_H_

#include <cstdint>
#include <deque>

#include "absl/time/time.h"

namespace throttle {

class BatchSize {
 public:
  struct Options {
    absl::Duration target = absl::Milliseconds(100);  // Wanted time of one batch.
    std::int64_t rows_first = 2000;                   // Size before any feedback.
    std::int64_t rows_min = 50;
    std::int64_t rows_max = 100000;
  };

  // Requires: 0 < rows_min <= rows_first <= rows_max and a positive target.
  explicit BatchSize(Options options);

  // Records that a batch of `rows` rows took `elapsed`. Batches of no rows are ignored.
  void Record(std::int64_t rows, absl::Duration elapsed);

  // Halves the size, not below rows_min: after a deadlock, a timeout, or when somebody waits
  // for us.
  void Shrink();

  // Rows that the next batch should have; within [rows_min, rows_max].
  std::int64_t rows() const { return rows_; }

 private:
  const Options options_;
  std::int64_t rows_;
  std::deque<double> seconds_per_row_;  // The last kWindow accepted batches.
};

}  // namespace throttle

#endif  // THROTTLE_BATCH_SIZE_H_
