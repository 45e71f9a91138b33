#include "throttle/controller.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace throttle {
namespace {

// The baseline. The shares are of it, and beyond what noise explains.
constexpr std::size_t kSamplesToLearn = 8;
constexpr std::size_t kTransactionsToLearn = 2;
constexpr absl::Duration kTransactionsWait = absl::Seconds(10);
constexpr double kOfTheMean = 0.3;
constexpr absl::Duration kTransactionsLate = absl::Milliseconds(1250);
constexpr double kCaution = 0.6;  // of the gains, for what is heard late
constexpr absl::Duration kSoftMore = absl::Milliseconds(10);  // On a fast server less:
constexpr double kFastMore = 2;                               // times the share.
constexpr absl::Duration kNotFelt = absl::Microseconds(500);
constexpr double kLeastRoom = 1.05;  // A limit below what commits take without us cannot be kept.
constexpr double kWeightOfBreath = 0.7;  // It hears but a few.
constexpr double kErrorOfBreath = 0.75;  // of the noise
constexpr double kTrackUp = 0.04;
constexpr double kTrackDown = 0.1;
constexpr double kTrackFar = 1.25;
constexpr double kMoved = 0.2;     // Off by this share it is another one: doubted.
constexpr double kDrifts = 0.07;   // Off by this share it moves: breathe more often.
constexpr double kClearly = 0.04;  // Faster by this share than without us: it is wrong.
constexpr double kScaleMax = 1.5;  // of the workers, when it is another one
constexpr absl::Duration kCanaryMin = absl::Microseconds(10);  // Nothing is faster.
constexpr double kWeightOfNoise = 0.02;
constexpr double kCalm = 0.08;  // Noise beyond this is smoothed more.

// Smoothing: a rise counts at once, a fall slowly.
constexpr double kWeightUp = 0.35;
constexpr double kWeightDown = 0.25;
constexpr double kOutlier = 2;  // times the present: counts as that
constexpr double kWeightBusy = 0.1;

// The law, in logarithms: set-point of the used share, gains, slopes per second.
constexpr double kSetPoint = 0.89;
constexpr double kPrudence = 0.12;  // times the noise: so much less
constexpr double kUsedMin = 0.15;   // Less cannot be told from noise.
constexpr double kProportional = 0.25;
constexpr double kIntegral = 0.2;
constexpr double kIntegralOver = 0.35;
constexpr double kRiseMax = 0.3;
constexpr double kFallMax = 1.5;
constexpr double kFirst = 0.25;  // of one worker: until it is felt, or seen that it is not
constexpr double kFloor = 0.1;   // of one worker: a restructure ends even on a server that is full

constexpr double kPanic = 1.6;
constexpr absl::Duration kBackOffMin = absl::Seconds(2);
constexpr absl::Duration kBackOffMax = absl::Seconds(60);
constexpr absl::Duration kForgive = absl::Seconds(60);  // without a panic: back-off starts anew

constexpr absl::Duration kBreathEvery = absl::Seconds(50);  // at first
constexpr absl::Duration kBreathEveryMin = absl::Seconds(20);
constexpr absl::Duration kBreathEveryMax = absl::Seconds(80);
constexpr absl::Duration kBreathGap = absl::Seconds(6);  // between two, whatever happens
constexpr absl::Duration kBreath = absl::Milliseconds(2000);
constexpr absl::Duration kSilence = absl::Seconds(3);  // What was known before may have changed.
constexpr absl::Duration kBreathMore = absl::Seconds(10);
constexpr double kSamplesOfBreath = 3;
constexpr absl::Duration kSettle = absl::Milliseconds(1250);  // until what we changed is felt
constexpr absl::Duration kHold = absl::Milliseconds(2000);    // until it shows in what is smoothed
constexpr absl::Duration kTrackAfter = absl::Seconds(5);      // until all that is smoothed is of it
constexpr double kInUse = 0.4;                                // of the allowance
constexpr double kFar = 1.4;       // a factor: others have changed their load
constexpr double kNear = 0.3;      // an error: at rest
constexpr double kMuchOver = 0.4;  // an error: not ours, if there is but the floor

std::string InMilliseconds(absl::Duration duration) {
  return absl::FormatDuration(
      absl::Trunc(duration, absl::Microseconds(duration < absl::Milliseconds(2) ? 10 : 100)));
}

absl::Duration Median(std::vector<absl::Duration> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Controller::Controller(int workers_max, Options options)
    : options_(options),
      late_(options.hears == Hears::kTransactions ? kTransactionsLate : absl::ZeroDuration()),
      workers_max_(workers_max),
      floor_(std::min(kFloor, workers_max_)),
      effective_(std::min(kFirst, workers_max_)),
      ceiling_(workers_max_),
      borne_(effective_),
      breath_every_(kBreathEvery),
      back_off_(kBackOffMin) {}

void Controller::SetWorkersMax(int workers_max) {
  workers_max_ = workers_max;
  effective_ = std::min(effective_, workers_max_);
  borne_ = std::min(borne_, workers_max_);
  settled_ = std::min(settled_, workers_max_);
}

absl::Duration Controller::Soft() const {
  return hears_transactions() ? SoftLimitOfTransactions(alone_, impact_)
                              : SoftLimit(alone_, impact_, commit_max_);
}

absl::Duration Controller::SoftLimitOfTransactions(absl::Duration alone, double share) {
  return (1 + kOfTheMean * share) * alone;
}

absl::Duration Controller::SoftLimit(absl::Duration alone, double share, absl::Duration most) {
  if (most > absl::ZeroDuration()) return std::max(most, kLeastRoom * alone);
  const absl::Duration more =
      std::min(share * kSoftMore, std::max(kFastMore * share * alone, kNotFelt));
  return alone + std::max(share * alone, more);
}

double Controller::pressure() const { return ready_ ? absl::FDivDuration(smoothed_, Soft()) : 0; }

double Controller::SetPoint() const { return kSetPoint - kPrudence * noise_; }

// Of the time that a commit may take longer because of us.
double Controller::UsedShare() const {
  return std::max(absl::FDivDuration(smoothed_ - alone_, Soft() - alone_), kUsedMin);
}

void Controller::Smooth(absl::Duration canary) {
  const double off = std::min(absl::FDivDuration(canary, smoothed_), kOutlier) - 1;
  noise_ += kWeightOfNoise * (std::abs(off) - noise_);
  const double weight = (off > 0 ? kWeightUp : kWeightDown) * std::min(1.0, kCalm / noise_);
  smoothed_ += weight * off * smoothed_;
}

void Controller::LearnFirst(absl::Time now, absl::Duration canary) {
  // They may begin when ours have run for long.
  if (hears_transactions() && has_run_ && now - idle_since_ < kSettle + late_) return;
  heard_.push_back(canary);
  if (heard_.size() < (hears_transactions() ? kTransactionsToLearn : kSamplesToLearn)) return;
  alone_ = Median(heard_);
  smoothed_ = alone_;
  heard_.clear();
  ready_ = true;
  heard_alone_ = alone_;
}

// The baseline moves: then it is looked at more often.
void Controller::LearnAgain() {
  if (heard_.empty()) return;
  const absl::Duration alone = Median(heard_);
  const double moved = std::abs(absl::FDivDuration(alone, alone_) - 1);
  doubted_ = moved > kMoved + noise_;
  if (!doubted_) cost_.Learn(alone, kErrorOfBreath * noise_);
  // A server that got slower has less left for us, too; one that got faster, more.
  if (doubted_) effective_ *= std::min(absl::FDivDuration(alone_, alone), kScaleMax);
  const auto off = [&](absl::Duration other) { return absl::AbsDuration(alone - other); };
  if (off(heard_alone_) < off(alone_)) alone_ = heard_alone_;
  alone_ += (doubted_ ? 1 : kWeightOfBreath) * (alone - alone_);
  breath_every_ *= moved > kDrifts + noise_ ? 0.5 : 1.5;
  breath_every_ = std::clamp(breath_every_, kBreathEveryMin, kBreathEveryMax);
}

// Between breaths; but not far from what the last one heard, whatever the cost says.
void Controller::Track() {
  const absl::Duration nearest = cost_.Nearest(alone_, smoothed_);
  alone_ += (nearest > alone_ ? kTrackUp : kTrackDown) * (nearest - alone_);
  alone_ = std::min(alone_, kTrackFar * heard_alone_);
}

// Without us commits do not take longer than with us.
void Controller::LearnFromFastOnes() {
  if (smoothed_ >= (1 - kClearly - noise_) * alone_) return;
  alone_ = smoothed_;
  doubted_ = !cost_.known();
}

void Controller::BeQuiet(absl::Time now, absl::Duration length, const char* why) {
  quiet_ = true;
  quiet_why_ = why;
  quiet_since_ = now;
  quiet_until_ = now + length;
  heard_.clear();
}

void Controller::Observe(absl::Time taken_at, absl::Duration canary, std::optional<int> busy) {
  canary = std::max(canary, kCanaryMin);
  latest_ = canary;
  const double running = busy ? *busy : effective_workers();
  busy_ += kWeightBusy * (running - busy_);
  cost_.Tick(taken_at - seen_);
  if (running > 0) {
    has_run_ = true;
    idle_since_ = absl::InfiniteFuture();
  } else {
    idle_since_ = std::min(idle_since_, taken_at);
  }
  if (!ready_) {
    first_seen_ = std::min(first_seen_, taken_at);
    LearnFirst(taken_at, canary);
    seen_ = last_ = quiet_until_ = taken_at;
    return;
  }
  const bool was_silent = taken_at - seen_ > kSilence;
  seen_ = taken_at;
  if (quiet_) {
    Listen(taken_at, canary);
  } else if (was_silent && options_.breath) {
    BeQuiet(taken_at, kBreath + late_, "listens, after no sample came for a while");
  } else {
    Smooth(canary);
    Steer(taken_at, canary);
  }
}

void Controller::Listen(absl::Time now, absl::Duration canary) {
  if (now - std::max(idle_since_, quiet_since_) >= kSettle + late_) heard_.push_back(canary);
  if (now < quiet_until_) return;
  // Noise needs more to be heard, and a batch that was under way may take long; but a breath ends.
  const double calm = hears_transactions() ? 1 : kSamplesOfBreath;
  const auto wanted = static_cast<std::size_t>(std::ceil(calm * std::max(1.0, noise_ / kCalm)));
  if (heard_.size() < wanted && now < quiet_until_ + kBreathMore) return;
  if (now - quiet_since_ > kBreath + kBreathMore) cost_.BreathIsSpoilt();
  LearnAgain();
  effective_ = std::clamp(effective_, floor_, workers_max_);
  quiet_ = false;
  heard_alone_ = alone_;
  over_panic_ = 0;
  if (doubted_ || settled_ > 0) settled_ = doubted_ ? 0 : effective_;
  smoothed_ = alone_;
  quiet_until_ = last_ = now;
}

bool Controller::Panics(absl::Time now, absl::Duration canary) {
  const bool over = options_.panic && absl::FDivDuration(canary, Soft()) > kPanic;
  over_panic_ = over ? over_panic_ + 1 : 0;
  if (over_panic_ < 2) return false;
  effective_ = std::max(borne_ / 2, floor_);
  borne_ = effective_;
  cost_.Forget();
  back_off_ = now - last_panic_ > kForgive ? kBackOffMin : std::min(2 * back_off_, kBackOffMax);
  last_panic_ = now;
  BeQuiet(now, back_off_, "");
  return true;
}

void Controller::Breathe(absl::Time now) {
  if (!ready_ || quiet_ || !options_.breath) return;
  cost_.BreathBegins(smoothed_);
  BeQuiet(now, kBreath + late_, "a breath: how fast the server is without us");
}

bool Controller::must_learn() const {
  if (ready_) return false;
  return !hears_transactions() || !has_run_ || seen_ - first_seen_ >= kTransactionsWait;
}

bool Controller::MustBreathe(absl::Time now) const {
  if (!options_.breath) return false;
  const absl::Duration since = now - quiet_until_;
  if (since >= breath_every_) return true;
  if (since < kBreathGap) return false;
  if (doubted_) return true;
  if (effective_ <= floor_) return error_ < -kMuchOver;
  return !cost_.known() && settled_ > 0 &&
         (effective_ > kFar * settled_ || effective_ < settled_ / kFar);
}

// The law. Also while nothing may change: the next change is then from here.
double Controller::Change(double seconds) {
  const double error = -std::log(UsedShare() / SetPoint());
  const double integral = error > 0 ? kIntegral : kIntegralOver;
  const double gain = hears_transactions() ? kCaution : 1;
  const double change = gain * (kProportional * (error - error_) + integral * error * seconds);
  error_ = error;
  // What is not used shows only when it is; and a limit that is doubted leads nowhere new.
  const bool may_rise = busy_ >= kInUse * effective_ && !doubted_;
  const double rise_max = may_rise ? kRiseMax : 0;
  return std::clamp(change, -kFallMax * seconds, rise_max * seconds);
}

void Controller::Steer(absl::Time now, absl::Duration canary) {
  if (Panics(now, canary)) return;
  LearnFromFastOnes();
  if (MustBreathe(now)) {
    Breathe(now);
    return;
  }
  // A sample that comes late moves no more than one in time: silence never lets it grow.
  const double seconds = std::clamp(absl::ToDoubleSeconds(now - last_), 0.0, 1.0);
  last_ = now;
  const double change = Change(seconds);
  if (now - quiet_until_ < kHold + late_) return;
  if (now - quiet_until_ >= kTrackAfter + late_) Track();
  const double most = std::clamp(ceiling_, effective_, workers_max_);
  effective_ = std::clamp(effective_ * std::exp(change), floor_, most);
  if (canary <= Soft()) borne_ = effective_;
  const bool rests = std::abs(error_) < kNear || effective_ == workers_max_ || effective_ == floor_;
  if (settled_ == 0 && rests) settled_ = effective_;
}

std::string Controller::reason() const {
  if (must_learn()) return "learns how fast the server is without us";
  if (quiet_ && *quiet_why_ != '\0') return quiet_why_;
  if (!quiet_ && effective_ >= workers_max_) return "";
  const char* const who = hears_transactions() ? "transactions of others" : "commits";
  const std::string why = absl::StrCat(who, " take ", InMilliseconds(latest_), ", the limit is ",
                                       InMilliseconds(Soft()));
  if (quiet_) return absl::StrCat(why, ": all workers wait");
  const std::string pace = absl::StrFormat("%.1f of %.0f workers", effective_, workers_max_);
  if (error_ > 0) return absl::StrCat(pace, ", rising: ", why);
  return absl::StrCat(why, ": ", pace);
}

}  // namespace throttle
