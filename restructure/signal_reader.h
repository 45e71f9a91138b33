// Reads the signals of a server and keeps what a single look at it cannot tell: how long a replica
// has stood still, how many checkpoints were requested of late.
//
// Belongs to one thread. Its session only reads, and each of its statements is given 300 ms.

#ifndef RESTRUCTURE_SIGNAL_READER_H_
#define RESTRUCTURE_SIGNAL_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "catalog/load_query.h"
#include "catalog/session.h"
#include "throttle/load.h"
#include "throttle/recent_count.h"
#include "throttle/replica_lag.h"
#include "throttle/transaction_time.h"

namespace restructure {

// A signal of the operator's own; its limits are in throttle::Limits, under the same name.
struct CustomQuery {
  std::string name;
  std::string sql;
  absl::Duration every;
  std::string origin;  // "profile nights.ini, line 4": for messages
};

class SignalReader {
 public:
  // `tables`: oids of those that the job works on.
  SignalReader(std::string conninfo, std::string application_name, std::vector<CustomQuery> custom,
               std::vector<std::int64_t> tables);

  // Reads what is due at `now`: the fast set at each call, the slow one each 5 s, the operator's
  // own each at its time. Connects if need be. A question that is not answered in time is counted
  // in load(), and no error; an error means that load() is as it was.
  absl::Status Read(absl::Time now);

  // Without what only the job itself knows: the canary, its workers, the operator's pause.
  const throttle::Load& load() const { return load_; }
  std::int64_t wal_position() const { return wal_position_; }
  const catalog::SignalSources& sources() const { return sources_; }

 private:
  absl::Status Connect();
  absl::Status ReadFast(absl::Time now);
  absl::Status ReadSlow(absl::Time now);
  absl::Status ReadCustom(absl::Time now);

  const std::string conninfo_;
  const std::string application_name_;
  const std::vector<CustomQuery> custom_;
  const std::vector<std::int64_t> tables_;

  std::unique_ptr<catalog::Session> session_;
  catalog::SignalSources sources_;
  throttle::Load load_;
  std::int64_t wal_position_ = 0;
  absl::Time slow_due_ = absl::InfinitePast();
  std::vector<absl::Time> custom_due_;

  throttle::ReplicaLag replica_lag_;
  throttle::TransactionTime transaction_time_;
  throttle::RecentCount checkpoints_{absl::Minutes(10)};
  std::int64_t first_segment_ = -1;  // -1: not seen yet
  absl::Time archiver_failing_since_ = absl::InfiniteFuture();
};

}  // namespace restructure

#endif  // RESTRUCTURE_SIGNAL_READER_H_
