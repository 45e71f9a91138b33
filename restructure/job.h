// A job under way: what its phases share. Owned by the coordinator's thread.

#ifndef RESTRUCTURE_JOB_H_
#define RESTRUCTURE_JOB_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "catalog/batches.h"
#include "catalog/index_ledger.h"
#include "catalog/ledger.h"
#include "catalog/session.h"
#include "catalog/table_ledger.h"
#include "restructure/control.h"
#include "restructure/progress.h"
#include "restructure/signal_reader.h"
#include "restructure/summary.h"
#include "throttle/pacer.h"

namespace restructure {

// How a job runs; nothing here changes what it does.
struct Settings {
  int workers = 2;
  int nice = 0;  // of the server's processes that run batches; see catalog/process_priority.h
  absl::Duration lock_timeout = absl::Milliseconds(50);       // one attempt
  absl::Duration lock_patience = absl::Minutes(30);           // all attempts together
  absl::Duration swap_lock_budget = absl::Milliseconds(100);  // to hold SHARE ROW EXCLUSIVE
  absl::Duration snapshot_wait = absl::Minutes(10);           // then say loudly who is waited for
  std::optional<absl::Duration> soak;  // finish by itself so long after the swap
  bool disconnect_in_batches = false;
  std::int64_t maintenance_work_mem_bytes = 256 << 20;
  std::int64_t order_range_bytes = 64 << 20;  // of a table, to be sorted at a time
  throttle::Limits limits;
  std::vector<CustomQuery> custom_signals;
  throttle::Windows windows;
  bool hibernate = false;  // end outside the windows, to be started again
  throttle::BatchSize::Options batch_size;
  absl::Duration lease = absl::Seconds(15);
};

// The summary while it grows. Thread-safe.
class Tally {
 public:
  void Start(Summary summary) ABSL_LOCKS_EXCLUDED(mutex_);
  void AddPhase(const std::string& name, absl::Duration spent) ABSL_LOCKS_EXCLUDED(mutex_);
  void AddLock(LockHold hold) ABSL_LOCKS_EXCLUDED(mutex_);
  void AddBatch() ABSL_LOCKS_EXCLUDED(mutex_);
  void AddRetry() ABSL_LOCKS_EXCLUDED(mutex_);
  // Batches ran, or could have, for so long at a pace that had this reason.
  void AddReason(const std::string& name, absl::Duration spent) ABSL_LOCKS_EXCLUDED(mutex_);
  void AddWal(std::int64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetRows(std::int64_t rows) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetVerified(std::int64_t rows, std::int64_t differences) ABSL_LOCKS_EXCLUDED(mutex_);
  Summary Get() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable std::mutex mutex_;
  Summary summary_ ABSL_GUARDED_BY(mutex_);
};

struct TableSides {
  catalog::TableChange change;
  catalog::TableSide old_side;
  catalog::TableSide new_side;
};

// When all that a job rests on was last found as it should be. Thread-safe.
class LastCheck {
 public:
  bool IsRecent(absl::Time now) const { return now - absl::FromUnixNanos(at_) < kRecent; }
  void Passed(absl::Time began) { at_ = absl::ToUnixNanos(began); }

 private:
  static constexpr absl::Duration kRecent = absl::Milliseconds(500);
  std::atomic<std::int64_t> at_{0};
};

class IdleSessions;  // restructure/workers.h

struct Job {
  // Fixed while the job runs.
  std::string conninfo;
  Settings settings;
  std::int64_t job_id = 0;
  std::int64_t token = 0;

  // The coordinator's alone, as all that is reread is: no other thread may look at it.
  std::unique_ptr<catalog::Session> session;
  catalog::JobRecord record;  // as it was when the lease was taken

  // What a set's job works on; reread after each reconnect.
  catalog::SetDefinition set;
  std::optional<catalog::Structure> old;          // empty while a set is created
  std::optional<catalog::Structure> replacement;  // empty while a set is dropped

  // What an index job works on; reread after each reconnect.
  std::optional<catalog::IndexChange> index;

  // What a table job works on, besides `old` and `replacement`, the structures of its two sides;
  // reread after each reconnect and each exchange.
  std::optional<TableSides> table;

  // What the operator asked to be shown at the end.
  std::vector<std::string> notes;

  double keys_applied_per_second = 5000;  // measured while catching up

  throttle::Pacer* pacer = nullptr;
  Progress* progress = nullptr;
  Control* control = nullptr;
  Tally* tally = nullptr;
  LastCheck* last_check = nullptr;
  IdleSessions* idle_sessions = nullptr;
  std::ostream* trace = nullptr;  // the keeper's; may be null

  std::int64_t id() const { return job_id; }
  bool creates() const { return !old && replacement; }
  bool drops() const { return !replacement && !index; }
  // Requires: a replacement.
  catalog::Target target() const;
  // The structure that the alias does not show; empty if there is but one.
  const catalog::Structure* retired() const;
  const catalog::Structure* live() const;
};

// Runs `body` in a transaction of `session` under the job's fence. Before `body` it checks that
// nothing the job rests on has changed; `ignored` are parts of the fingerprint that do not matter
// at this point. kFailedPrecondition: taken over, or changed (the message says what).
struct GuardOptions {
  catalog::Transaction::Timeouts timeouts;
  // One of many short ones: the storage is looked at in each, all the rest in one of them twice a
  // second. What comes after the last must be guarded in full.
  bool is_batch = false;
  bool hold_source = true;     // keep DDL and TRUNCATE of the member table out meanwhile
  bool check_storage = false;  // its blocks must not have been rewritten
  bool check_capture = true;
  bool check_source = true;   // columns, key and kind: what a copy and its capture rest on
  bool fence_only = false;    // the fingerprint does not matter
  bool one_snapshot = false;  // REPEATABLE READ: all statements see the same
};
absl::Status RunGuarded(const Job& job, catalog::Session& session, absl::string_view label,
                        const GuardOptions& options, const std::function<absl::Status()>& body);

// Runs `body` in a transaction under the job's fence alone: for what is taken down, which others
// may have changed or dropped, and for what comes after an exchange. With a `lock_timeout` it
// belongs into RetryForLock; zero, which waits, is for what nobody else waits for: the ledger.
absl::Status RunFenced(const Job& job, catalog::Session& session, absl::string_view label,
                       absl::Duration lock_timeout, const std::function<absl::Status()>& body);

// The error of a job whose fingerprint has changed in these parts.
absl::Status ChangedError(const Job& job, const std::vector<std::string>& parts);

// The set as it will be after the exchange: with the columns that the request adds to the alias.
catalog::SetDefinition SetAfterExchange(const Job& job);

// Waits until neither a pause nor the windows keep `work` from beginning, showing why. Who wants to
// go back, by abort or revert, does not wait.
absl::Status AwaitWindow(const Job& job, throttle::Work work);

// kResourceExhausted: what was done under a lock took longer than it may be held. RetryForLock
// tries that again, too.
absl::Status OverBudget(const Job& job);

// Repeats `attempt` until it gets its lock: pauses grow, with jitter, between attempts. It is also
// repeated after kResourceExhausted: it had the lock, but would have held it for too long. Any
// other error ends it. kDeadlineExceeded, naming who holds `relation`, when the patience is over.
// `attempt` is told its number, from 1. No attempt is made while the windows forbid `work`.
absl::Status RetryForLock(const Job& job, const catalog::QualifiedName& relation,
                          const std::string& mode,
                          const std::function<absl::Status(int attempt)>& attempt,
                          throttle::Work work = throttle::Work::kBatch);

}  // namespace restructure

#endif  // RESTRUCTURE_JOB_H_
