// What the tests of the pacer have in common.

#ifndef TESTS_UNIT_PACER_FIXTURE_H_
#define TESTS_UNIT_PACER_FIXTURE_H_

#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "throttle/pacer.h"

namespace throttle {

class PacerTest : public testing::Test {
 protected:
  static absl::Time At(absl::Duration since_start) {
    return absl::FromUnixSeconds(1000000) + since_start;
  }

  // A sample at `since_start` of a server that feels nothing.
  static Load IdleLoad(absl::Duration since_start = absl::ZeroDuration()) {
    Load load;
    load.taken_at = At(since_start);
    return load;
  }

  static Load WaitingLoad(absl::Duration since_start) {
    Load load = IdleLoad(since_start);
    load.sessions_waiting_for_us = 2;
    load.longest_wait_for_us = absl::Milliseconds(80);
    return load;
  }

  // What two workers are told right after `load` was observed: why nobody may run or, after
  // "slower: ", why not at full speed; empty if nothing is in the way.
  static std::string ReasonFor(const Load& load, const Limits& limits = Limits()) {
    Pacer pacer(limits, BatchSize::Options(), 2);
    pacer.Observe(load);
    const Decision decision = pacer.Next(0, load.taken_at);
    EXPECT_NE(decision.may_run, decision.forbidden);
    if (decision.forbidden) return decision.reason;
    return decision.reason.empty() ? "" : "slower: " + decision.reason;
  }

  Pacer pacer_{Limits(), BatchSize::Options(), 4};
};

}  // namespace throttle

#endif  // TESTS_UNIT_PACER_FIXTURE_H_
