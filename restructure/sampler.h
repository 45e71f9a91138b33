// The thread that looks at the server twice a second while a job runs, and four times while a
// replica that is behind does not move, on a session of its own: a question that is answered late
// must not delay the keeper's lease or its canary.

#ifndef RESTRUCTURE_SAMPLER_H_
#define RESTRUCTURE_SAMPLER_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "restructure/job.h"
#include "restructure/signal_reader.h"
#include "throttle/load.h"

namespace restructure {

class Sampler {
 public:
  // Reads only what of `job` is fixed, and that at once.
  explicit Sampler(const Job& job);
  ~Sampler();  // stops the thread
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // The latest sample, and where the server's WAL ended then. taken_at is InfinitePast before the
  // first. Thread-safe.
  throttle::Load Latest() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::int64_t wal_position() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();

  SignalReader reader_;  // the thread's
  mutable std::mutex mutex_;
  throttle::Load latest_ ABSL_GUARDED_BY(mutex_);
  std::int64_t wal_position_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace restructure

#endif  // RESTRUCTURE_SAMPLER_H_
