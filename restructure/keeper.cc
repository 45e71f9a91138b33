#include "restructure/keeper.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/index_objects.h"
#include "restructure/adjustments.h"

namespace restructure {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);
constexpr absl::Duration kTickToLearn = absl::Milliseconds(50);
constexpr int kSamplesToLearn = 10;
constexpr absl::Duration kKeeperStatementMax = absl::Seconds(3);
constexpr absl::Duration kOthersListenMax = absl::Seconds(5);  // A breath of theirs is shorter.

// Between two rounds: a stop has to be felt within a third of a second.
constexpr absl::Duration kKeeperSlice = absl::Milliseconds(10);
constexpr absl::Duration kGlance = absl::Milliseconds(80);

// A concurrent index build cannot be slowed: when the limits are passed for this long, it is ended.
constexpr absl::Duration kPressureMax = absl::Seconds(10);

}  // namespace

Keeper::Keeper(const Job& job)
    : job_(job),
      sampler_(job),
      stopper_(job),
      recorder_(job),
      renewed_(absl::Now()),
      thread_([this] { Run(); }) {}

Keeper::~Keeper() {
  stop_ = true;
  thread_.join();
}

void Keeper::Run() {
  std::unique_ptr<catalog::Session> session;
  for (int round = 0; !stop_; ++round) {
    if (session == nullptr) {
      name_ = catalog::KeeperName(job_.id(), catalog::Activity::kNone);
      absl::StatusOr<std::unique_ptr<catalog::Session>> opened =
          catalog::Session::Open(job_.conninfo, name_);
      if (opened.ok() && catalog::LimitStatements(**opened, kKeeperStatementMax).ok()) {
        session = *std::move(opened);
      }
    }
    if (session != nullptr && !Tick(*session, round)) session.reset();
    // Whoever cannot renew must not write: the lease may be another process's by now.
    if (absl::Now() - renewed_ > job_.settings.lease) job_.control->SetLeaseLost(true);
    // The beginning is when nothing of ours runs yet: the pacer learns what the server is then.
    // Other jobs have to be told first, and stop.
    const bool quickly = observed_ < kSamplesToLearn && neighbours_.working == 0;
    const absl::Time next = absl::Now() + (quickly ? kTickToLearn : kTick);
    if (session != nullptr && !Watch(*session, next)) session.reset();
    absl::SleepFor(next - absl::Now());
  }
}

bool Keeper::Tick(catalog::Session& session, int round) {
  const absl::Time asked = absl::Now();
  absl::StatusOr<catalog::Wishes> wishes =
      catalog::RenewLease(session, job_.id(), job_.token, job_.settings.lease);
  const absl::Time answered = absl::Now();
  if (absl::IsUnavailable(wishes.status())) return false;
  if (wishes.ok()) Heed(*wishes);
  if (wishes.ok() && wishes->held) {
    renewed_ = asked;
    Adjust(wishes->adjustments);
  }
  if (round % 2 == 0 && absl::IsUnavailable(LookAround(session, answered))) return false;
  TakeSample(answered);
  // The renewal is a small transaction like those of the live workload: the canary. An index build
  // cannot be slowed, so what it feels then teaches nothing.
  sample_.canary.reset();
  if (wishes.ok() && !building_) sample_.canary = answered - asked;
  sample_.workers_busy = job_.progress->workers_busy();
  sample_.taken_at = answered;
  job_.pacer->Observe(sample_);
  ++observed_;
  if (absl::IsUnavailable(recorder_.Record(session, sample_))) return false;
  if (round % 2 == 1 && absl::IsUnavailable(WatchBuilds(session))) return false;
  if (round % 4 == 3) {
    absl::Status saved =
        catalog::SaveProgress(session, job_.id(), ToJson(job_.progress->Snapshot(absl::Now())),
                              ToJson(job_.tally->Get()));
    if (saved.ok()) saved = catalog::ForgetEnded(session, job_.id());
    if (absl::IsUnavailable(saved)) return false;
  }
  return true;
}

bool Keeper::Watch(catalog::Session& session, absl::Time until) {
  absl::Time glance = absl::Now() + kGlance;
  for (absl::Time now = absl::Now(); !stop_ && now < until; now = absl::Now()) {
    if (now >= glance) {
      glance = now + kGlance;
      absl::StatusOr<catalog::Wishes> wishes =
          catalog::GlanceAtWishes(session, job_.id(), job_.token);
      if (absl::IsUnavailable(wishes.status())) return false;
      if (wishes.ok()) Heed(*wishes);
    }
    if (absl::IsUnavailable(stopper_.Enforce(session, absl::Now()))) return false;
    absl::SleepFor(std::min(kKeeperSlice, until - now));
  }
  return true;
}

void Keeper::Heed(const catalog::Wishes& wishes) {
  if (!wishes.held) {
    job_.control->SetLeaseLost(true);
    return;
  }
  job_.control->SetWishes(wishes.goal, wishes.hold);
  job_.pacer->SetHold(job_.control->hold_reason());
}

void Keeper::Adjust(const std::vector<catalog::Adjustment>& adjustments) {
  const Pacing pacing = Adjusted(job_.settings, adjustments);
  job_.pacer->SetLimits(pacing.limits);
  job_.pacer->SetBatchTarget(pacing.batch_target);
  job_.pacer->SetWorkers(pacing.workers);
  job_.progress->SetWorkers(pacing.workers);
  job_.progress->SetLimits(throttle::Summarize(pacing.limits));
  job_.progress->SetAdjusted(Describe(adjustments, absl::Now(), absl::LocalTimeZone()));
}

absl::Status Keeper::LookAround(catalog::Session& session, absl::Time now) {
  absl::StatusOr<catalog::Neighbours> neighbours = catalog::ReadNeighbours(session);
  if (!neighbours.ok()) return neighbours.status();
  neighbours_ = *neighbours;
  others_listen_since_ =
      neighbours_.any_listens ? std::min(others_listen_since_, now) : absl::InfiniteFuture();
  const bool works = job_.progress->batches_run() && !job_.control->held() &&
                     job_.pacer->WindowReason(throttle::Work::kBatch, now).empty();
  const bool listens = job_.pacer->listens() && (works || observed_ < kSamplesToLearn);
  const std::string name = catalog::KeeperName(job_.id(), listens ? catalog::Activity::kListening
                                                          : works ? catalog::Activity::kWorking
                                                                  : catalog::Activity::kNone);
  if (name == name_) return absl::OkStatus();
  name_ = name;
  return catalog::NameSession(session, name);
}

// What the sampler does not hear any more grows old, and then nobody may run.
void Keeper::TakeSample(absl::Time now) {
  sample_ = sampler_.Latest();
  sample_.answered_at = sample_.taken_at;
  sample_.jobs = 1 + neighbours_.working;
  sample_.other_listens = neighbours_.any_listens && now - others_listen_since_ < kOthersListenMax;
  const std::int64_t position = sampler_.wal_position();
  if (wal_position_ > 0 && position > wal_position_) {
    job_.tally->AddWal(position - wal_position_);
  }
  wal_position_ = position;
}

absl::Status Keeper::WatchBuilds(catalog::Session& session) {
  absl::StatusOr<std::vector<catalog::RunningBuild>> builds =
      catalog::ReadBuilds(session, job_.id());
  if (!builds.ok() || builds->empty()) {
    pressed_since_ = absl::InfiniteFuture();
    building_ = false;
    return builds.status();
  }
  building_ = true;
  const catalog::RunningBuild& first = builds->front();
  const std::string others =
      builds->size() > 1 ? absl::StrCat(", ", builds->size() - 1, " more beside it") : "";
  const absl::Time now = absl::Now();
  job_.progress->ShowServerStep(absl::StrCat("index: ", first.table, ", ", first.phase, others),
                                first.done, first.total, first.unit, now);
  const throttle::Decision decision = job_.pacer->Next(0, now);
  const bool pressed = decision.forbidden && !job_.control->held();
  if (!pressed || !first.concurrently) {
    pressed_since_ = absl::InfiniteFuture();
    job_.progress->SetWaitingFor(first.waiting_for);
    return absl::OkStatus();
  }
  pressed_since_ = std::min(pressed_since_, now);
  job_.progress->SetWaitingFor(absl::StrCat(
      decision.reason, ": the build is ended in ",
      absl::FormatDuration(absl::Trunc(kPressureMax - (now - pressed_since_), absl::Seconds(1)))));
  if (now - pressed_since_ < kPressureMax) return absl::OkStatus();
  pressed_since_ = absl::InfiniteFuture();
  absl::Status noted = catalog::AddEvent(
      session, job_.id(),
      absl::StrCat("an index build is ended, to be tried again: ", decision.reason));
  if (!noted.ok()) return noted;
  return catalog::CancelBuilds(session, job_.id());
}

}  // namespace restructure
