#include "restructure/sampler.h"

#include <algorithm>
#include <vector>

#include "absl/random/random.h"
#include "absl/time/clock.h"
#include "catalog/ledger.h"

namespace restructure {
namespace {

constexpr absl::Duration kEvery = absl::Milliseconds(500);
constexpr absl::Duration kEveryInDoubt = absl::Milliseconds(250);  // whether a replica stalls

std::vector<std::int64_t> TablesOf(const Job& job) {
  std::vector<std::int64_t> tables;
  if (job.set.member_oid != 0) tables.push_back(job.set.member_oid);
  if (job.index) tables.push_back(job.index->table_oid);
  return tables;
}

}  // namespace

Sampler::Sampler(const Job& job)
    : reader_(job.conninfo, catalog::ApplicationName(job.id(), "sampler"),
              job.settings.custom_signals, TablesOf(job)),
      thread_([this] { Run(); }) {}

Sampler::~Sampler() {
  stop_ = true;
  thread_.join();
}

throttle::Load Sampler::Latest() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return latest_;
}

std::int64_t Sampler::wal_position() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return wal_position_;
}

void Sampler::Run() {
  absl::BitGen random;
  while (!stop_) {
    const absl::Time began = absl::Now();
    if (reader_.Read(began).ok()) {
      const std::lock_guard<std::mutex> lock(mutex_);
      latest_ = reader_.load();
      wal_position_ = reader_.wal_position();
    }
    // Several jobs are not to ask in step.
    const bool in_doubt = reader_.load().stall > absl::ZeroDuration();
    const absl::Duration every = in_doubt ? kEveryInDoubt : kEvery;
    const absl::Time next = began + every * absl::Uniform(random, 0.9, 1.1);
    while (!stop_ && absl::Now() < next) {
      absl::SleepFor(std::min(next - absl::Now(), absl::Milliseconds(25)));
    }
  }
}

}  // namespace restructure
