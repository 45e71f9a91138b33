// Keeps a running job alive and visible: renews the lease, reads the operator's wishes, gives
// the pacer its samples, ends what must not go on, writes progress and figures to the ledger. One
// thread, one session of its own.

#ifndef RESTRUCTURE_KEEPER_H_
#define RESTRUCTURE_KEEPER_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catalog/neighbours.h"
#include "catalog/session.h"
#include "catalog/steering.h"
#include "restructure/job.h"
#include "restructure/recorder.h"
#include "restructure/sampler.h"
#include "restructure/stopper.h"

namespace restructure {

class Keeper {
 public:
  // `job` must outlive it; only its fixed members are read, and the thread-safe objects.
  explicit Keeper(const Job& job);
  ~Keeper();  // stops the thread
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  void Run();
  // One round. False: the session is lost.
  bool Tick(catalog::Session& session, int round);
  // Between two rounds: looks often whether the job has to stop. False: the session is lost.
  bool Watch(catalog::Session& session, absl::Time until);
  void Heed(const catalog::Wishes& wishes);
  void Adjust(const std::vector<catalog::Adjustment>& adjustments);
  void TakeSample(absl::Time now);
  // Other jobs on this server: sees them, and lets them see this one.
  absl::Status LookAround(catalog::Session& session, absl::Time now);
  // Shows the index builds under way, and ends those that the limits have forbidden for too long.
  absl::Status WatchBuilds(catalog::Session& session);

  const Job& job_;
  Sampler sampler_;
  Stopper stopper_;
  Recorder recorder_;
  throttle::Load sample_;
  catalog::Neighbours neighbours_;
  absl::Time others_listen_since_ = absl::InfiniteFuture();
  std::string name_;       // of the session
  int observed_ = 0;       // samples that the pacer was given
  bool building_ = false;  // an index of ours is being built
  std::int64_t wal_position_ = 0;
  absl::Time pressed_since_ = absl::InfiniteFuture();
  absl::Time renewed_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace restructure

#endif  // RESTRUCTURE_KEEPER_H_
