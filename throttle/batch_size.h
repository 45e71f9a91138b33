// Adapts the number of rows in a batch to a time target, within a cap in bytes.
//
// The rule (after block/spirit's chunker): the 90th percentile of the last batches' times, against
// the target, decides; the size grows by at most x1.5 a step, shrinks by at most a half a step, and
// at once. Times are of whole batches, not of rows: a batch has a fixed cost, and a rule by rows
// would take that cost for slow rows and shrink into it. A batch of another size than the present
// one (by more than a factor of two) tells nothing, unless it was too slow although it was smaller.
//
// The time alone would let fast disks have batches that a replica or the next checkpoint chokes on:
// so no batch has more rows than fit into the cap, but always one. Of rows whose width nobody has
// told there is no cap.
//
// Not thread-safe: the pacer guards it.

#ifndef THROTTLE_BATCH_SIZE_H_
#define THROTTLE_BATCH_SIZE_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/time/time.h"

namespace throttle {

class BatchSize {
 public:
  struct Options {
    absl::Duration target = absl::Milliseconds(100);  // Wanted time of one batch.
    std::int64_t rows_first = 2000;                   // Size before any feedback.
    std::int64_t rows_min = 50;
    std::int64_t rows_max = 100000;
    std::int64_t bytes_max = 8 << 20;  // Goes below rows_min, too; 0: no cap.
  };

  // Requires: 0 < rows_min <= rows_first <= rows_max and a positive target.
  explicit BatchSize(Options options);

  // Records that a batch of `rows` rows took `elapsed`. Batches of no rows are ignored.
  void Record(std::int64_t rows, absl::Duration elapsed);

  // Aims at this share of the target, from now on; above 0, at most 1.
  void Aim(double share_of_target) { aim_ = share_of_target; }

  // Wants batches of this time from now on. Requires: positive.
  void SetTarget(absl::Duration target);

  // A row has about so many bytes, from now on; 0: not known.
  void SetRowBytes(double bytes);

  // Halves the size, not below rows_min: after a deadlock, a timeout, or when somebody waits
  // for us.
  void Shrink();

  // Rows that the next batch should have; within [rows_min, rows_max] and the cap.
  std::int64_t rows() const { return rows_; }

  // Rows that no batch should have more of, of rows_max and the cap.
  std::int64_t rows_max() const { return options_.rows_max < cap_ ? options_.rows_max : cap_; }

 private:
  // What `rows` becomes within the bounds.
  std::int64_t Within(std::int64_t rows) const;

  Options options_;
  std::int64_t cap_ = std::numeric_limits<std::int64_t>::max();  // rows that fit into bytes_max
  std::int64_t rows_;
  double aim_ = 1;
  std::vector<double> of_target_;  // Batches since the size changed: time / target.
};

}  // namespace throttle

#endif  // THROTTLE_BATCH_SIZE_H_
