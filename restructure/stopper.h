// Ends statements of ours that would outlast a stop: the operator's pause or panic, Ctrl-C, an
// abort, a limit that is passed. Nobody waits longer for it than a third of a second, from the
// decision on; index builds excepted, which only a panic, an abort or Ctrl-C ends.
//
// Belongs to the keeper's thread. Reads no clock.

#ifndef RESTRUCTURE_STOPPER_H_
#define RESTRUCTURE_STOPPER_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "catalog/session.h"
#include "restructure/job.h"

namespace restructure {

// How statements end, as a value of time: which may go on, and how long.
class StopClock {
 public:
  enum class Stop {
    kNone,
    kLimit,   // a limit is passed
    kPause,   // the operator's
    kAtOnce,  // panic, abort, Ctrl-C
  };

  // What is to be cancelled at `now`: transactions that are this old. InfiniteDuration: none.
  // Called again and again; a pause lets short batches end, a limit that is passed soon again lets
  // them take longer, so that long ones end some time.
  absl::Duration CancelFrom(Stop stop, absl::Time now);

  // Something was cancelled by what CancelFrom said.
  void Cancelled(absl::Time now);

 private:
  Stop stop_ = Stop::kNone;
  absl::Time since_ = absl::InfinitePast();        // the stop began
  absl::Time last_cancel_ = absl::InfinitePast();  // of the present stop
  absl::Time last_limit_ = absl::InfinitePast();   // a limit has cancelled something
  absl::Duration patience_;                        // of the present limit's stop
};

class Stopper {
 public:
  explicit Stopper(const Job& job) : job_(job) {}

  // To be called every few hundredths of a second. kUnavailable: the session is lost.
  absl::Status Enforce(catalog::Session& session, absl::Time now);

 private:
  StopClock::Stop Wanted(absl::Time now) const;

  const Job& job_;
  StopClock clock_;
};

}  // namespace restructure

#endif  // RESTRUCTURE_STOPPER_H_
