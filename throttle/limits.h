// What the live workload may feel, as a plain value: copied, compared with a sample, and replaced
// while a job runs (Pacer::SetLimits). A value of zero or less switches its check off.

#ifndef THROTTLE_LIMITS_H_
#define THROTTLE_LIMITS_H_

#include <cstdint>

#include "absl/time/time.h"

namespace throttle {

struct Limits {
  std::int64_t replica_lag_bytes_max = 64 << 20;
  absl::Duration replica_lag_max = absl::Seconds(5);
  absl::Duration wait_for_us_max = absl::Milliseconds(50);
  int active_sessions_max = 0;
  bool heed_commits = true;  // Step back when commits get slower: see controller.h.
  absl::Duration sample_age_max = absl::Seconds(10);  // Older load is unknown load: pause.

  // No check at all but the operator's pause: for benchmarks and idle servers.
  static Limits Unlimited();
};

}  // namespace throttle

#endif  // THROTTLE_LIMITS_H_
