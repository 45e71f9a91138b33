// How long a transaction of the live workload takes, on the mean: what the server counts of all
// sessions, less what ours did. The server has it of each session up to a second late, the time and
// the transactions together, so that their quotient is right.
//
// Long statements are counted when they end: one look then sees a minute of a report. And what ours
// have just done, at the beginning of a job for one, it takes from the others, who then seem fast.
// The median of three looks sees neither.
//
// Not thread-safe. Reads no clock.

#ifndef THROTTLE_TRANSACTION_TIME_H_
#define THROTTLE_TRANSACTION_TIME_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "absl/time/time.h"

namespace throttle {

// Time in which sessions ran a statement, and transactions that ended, since whenever.
struct Usage {
  absl::Duration active;
  std::int64_t transactions = 0;
};

// What was seen, and when. The same until there is more to be seen.
struct TransactionLook {
  absl::Time at;
  absl::Duration mean;
};

class TransactionTime {
 public:
  // In the order of time. Empty: there were no three looks yet, or the others have fewer than 20
  // transactions a second, whose mean would say little.
  std::optional<TransactionLook> Observe(absl::Time now, const Usage& all, const Usage& ours);

 private:
  absl::Time since_ = absl::InfinitePast();  // the present look
  Usage before_;                             // of the others, at that time
  std::int64_t all_ = 0;                     // transactions, to see that the counters were reset
  std::deque<absl::Duration> looks_;         // the latest
  std::optional<TransactionLook> seen_;
};

}  // namespace throttle

#endif  // THROTTLE_TRANSACTION_TIME_H_
