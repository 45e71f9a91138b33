// How long a transaction of the live workload takes, on the mean: what the server counts of all
// sessions, less what ours did. The server has it of each session up to a second late, the time and
// the transactions together, so that their quotient is right.
//
// The time between the statements of a transaction belongs to it. Where processors are short, a
// session that was called waits before it begins, and its client before it hears; the server counts
// both as idle. But programs and people also think there: no more counts than 6 times what the
// statements take, so that of who thinks for long the statements alone are heard; and in one look
// no more than 1.5 times what is usual, as somebody's long pause is counted when it ends.
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

// Time in which sessions ran a statement, transactions that ended, and time in which sessions were
// idle in a transaction, since whenever.
struct Usage {
  absl::Duration active;
  std::int64_t transactions = 0;
  absl::Duration idle;
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

  // At the beginning: there are transactions of others, and soon it will be known what they take.
  bool undecided() const { return undecided_; }

 private:
  // Requires: active above 0.
  double IdleShare(absl::Duration active, absl::Duration idle);

  std::optional<double> idle_share_;  // the usual one
  bool undecided_ = true;
  absl::Time first_ = absl::InfiniteFuture();  // that was observed
  absl::Time since_ = absl::InfinitePast();    // the present look
  Usage before_;                               // of the others, at that time
  std::int64_t all_ = 0;                       // transactions, to see that the counters were reset
  std::deque<absl::Duration> looks_;           // the latest
  std::optional<TransactionLook> seen_;
};

}  // namespace throttle

#endif  // THROTTLE_TRANSACTION_TIME_H_
