// What an operator wishes of a running job, by the command line or by SQL: to hold it, to stop it
// at once, to let it run faster or slower for a while. The ledger has the wishes, the job's keeper
// reads them. Nothing here commits more than its one statement.

#ifndef CATALOG_STEERING_H_
#define CATALOG_STEERING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/session.h"

namespace catalog {

enum class Hold {
  kNone,
  kPause,  // nothing new begins, short batches end
  kPanic,  // nothing goes on
};

// A run option with another value than the job began with.
struct Adjustment {
  std::string key;    // the option's name: batch-target
  std::string value;  // as it was written: 200ms
  double amount = 0;  // the same as a number, in milliseconds or bytes; on is 1, 50% is 0.005
  std::optional<absl::Time> until;  // server time; empty: until it is reset
};

struct Wishes {
  bool held = false;  // the token is still ours
  std::string goal;
  Hold hold = Hold::kNone;
  std::vector<Adjustment> adjustments;  // by key, those that have not ended
};

// Prolongs the lease if `token` is still the job's, and reads what the operator wants.
absl::StatusOr<Wishes> RenewLease(Session& session, std::int64_t job_id, std::int64_t token,
                                  absl::Duration lease);

// Goal and hold alone, without a write: to be asked many times a second.
absl::StatusOr<Wishes> GlanceAtWishes(Session& session, std::int64_t job_id, std::int64_t token);

// All wishes, for whoever looks on: `held` stays false.
absl::StatusOr<Wishes> ReadWishes(Session& session, std::int64_t job_id);

absl::Status SetHold(Session& session, std::int64_t job_id, Hold hold);

// What the job's present run was begun with, for the server to check adjustments against.
absl::Status SetBegunWith(Session& session, std::int64_t job_id,
                          const std::vector<std::pair<std::string, std::string>>& values);

// Changes all keys or none; no value takes an adjustment back. The server checks keys and values,
// each for itself and against what else the job has. kInvalidArgument or kNotFound, with its HINT,
// if it refuses them. Without `lasting` the adjustments stay until they are reset.
absl::Status Adjust(Session& session, std::int64_t job_id,
                    const std::vector<std::pair<std::string, Value>>& values,
                    std::optional<absl::Duration> lasting);
absl::Status ResetAdjustments(Session& session, std::int64_t job_id);
// Deletes those that have ended.
absl::Status ForgetEnded(Session& session, std::int64_t job_id);

// Cancels what the job's sessions have run for so long, but for those that look at the server: they
// give up and look whether to go on.
absl::Status CancelStatements(Session& session, std::int64_t job_id, absl::Duration age);
// The same for the workers' transactions of this age, index builds excepted. Returns how many.
absl::StatusOr<int> CancelBatches(Session& session, std::int64_t job_id, absl::Duration age);

}  // namespace catalog

#endif  // CATALOG_STEERING_H_
