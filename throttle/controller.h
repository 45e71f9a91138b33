// The law: how many workers the live workload can bear at this moment, as a real number.
//
// The signal is a canary: how long a small commit of ours takes. What it takes while nothing of
// ours runs is learnt at first, and again in each breath, a pause of 2 s or, when commits vary
// much, longer; the soft limit is max(1.5 x its median, + 5 ms), on a
// fast server no more than 2 x, or what SetImpact says. Of the time between the two, the used
// share is what counts: in a queue it grows about as the work of ours does, whatever one worker
// weighs and whatever the others do. So the law, a proportional-integral controller in
// velocity form (as Slacker has it, EDBT 2012), works on the logarithms of both: it changes the
// workers by a factor. It falls faster than it rises, waits after a pause until the server feels
// us again, and does not rise while our workers do less than they may.
//
// A breath comes after 50 s at first: each 20 s while the baseline moves otherwise than expected,
// each 80 s while it does not. Between breaths the baseline follows the load of the others, by what
// a worker of ours costs (cost.h). While that is not known, a breath comes at once when the law had
// to move far from where it had settled, or when commits are faster than they should be even
// without us: then others changed their load. What a breath finds far from what was expected is
// doubted until the next has found the same, and meanwhile the law does not rise. A limit that is
// passed with next to no work of ours is not ours to keep: the next breath moves it, and a small
// floor is kept instead of starving.
//
// One sample of 1.6 times the limit stops all until the next. A second one is a panic: nothing runs
// for 2, 4, 8 … 60 s, and then half of what was borne before. After a silence of 3 s it listens
// first, as in a breath.
//
// Two of them work side by side. One hears the canary; the other what transactions of others take
// on the mean (transaction_time.h), with a limit that is much nearer, since there is much less
// noise, and with less haste, since it is known a second late. The smaller of what they allow
// counts.
//
// Not thread-safe: the pacer guards it. Reads no clock.

#ifndef THROTTLE_CONTROLLER_H_
#define THROTTLE_CONTROLLER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "throttle/cost.h"

namespace throttle {

class Controller {
 public:
  // What it hears. A canary, four times a second, is felt at once; what transactions of others take
  // is known with less noise, but later, and once a second.
  enum class Hears { kCanary, kTransactions };

  // Parts that can be switched off, to see what each is worth.
  struct Options {
    bool breath = true;
    bool panic = true;
    Hears hears = Hears::kCanary;
  };

  // Requires: at least one worker.
  explicit Controller(int workers_max) : Controller(workers_max, Options()) {}
  Controller(int workers_max, Options options);

  // Records a canary, or what transactions take, in the order of time. `busy`: how many workers of
  // ours ran at that moment; empty: as many as may.
  void Observe(absl::Time taken_at, absl::Duration canary, std::optional<int> busy = std::nullopt);

  // As many workers from now on. What the server bears stays as it is known.
  void SetWorkersMax(int workers_max);

  // What commits may feel: `share` of their time without us, at least 10 ms x `share` if
  // that is no more than twice the share; or, if `most` is not zero, that they take so long.
  // Requires: share above 0.
  void SetImpact(double share, absl::Duration most) {
    impact_ = share;
    commit_max_ = most;
  }
  // The limit on their time, of what they take without us.
  static absl::Duration SoftLimit(absl::Duration alone, double share, absl::Duration most);
  // The same for transactions of others. What is said of their slowest ones is held by the mean,
  // and a tail grows faster than a mean: 0.3 x `share`.
  static absl::Duration SoftLimitOfTransactions(absl::Duration alone, double share);

  // Listens now, with somebody else who does; not if it does already.
  void Breathe(absl::Time now);

  // A worker has worked for so long. Batches that are not told make it no worse than slow to see
  // that others changed their load.
  void Worked(absl::Duration elapsed) {
    has_run_ = true;
    cost_.Worked(elapsed);
  }

  // Something else lets no more than so many run: the law does not rise beyond, as it would not see
  // what that does.
  void SetCeiling(double workers) { ceiling_ = workers; }

  // False while the baseline is being learnt.
  bool ready() const { return ready_; }

  // Nobody may run, so that it is learnt: before anybody has run; and that of transactions which
  // begin later, when 10 s have passed in which there was no quiet time for it.
  bool must_learn() const;

  // From 0 to workers_max; 0 in a panic, in a breath, and until the next sample tells whether it is
  // a panic.
  double effective_workers() const { return quiet_ || over_panic_ > 0 ? 0 : effective_; }

  // It hears the server without us, to learn how fast it is then.
  bool listens() const { return must_learn() || (quiet_ && *quiet_why_ != '\0'); }

  // It is in a panic: what runs should end.
  bool panics() const { return quiet_ && *quiet_why_ == '\0'; }

  // Smoothed; 1 is the soft limit. 0 before the first sample.
  double pressure() const;

  // Why it does not let all workers run: "commits take 18ms, the limit is 12ms: 0.7 of 4 workers";
  // empty if it does.
  std::string reason() const;

 private:
  bool hears_transactions() const { return options_.hears == Hears::kTransactions; }
  absl::Duration Soft() const;
  double SetPoint() const;
  double UsedShare() const;
  void Smooth(absl::Duration canary);
  void LearnFirst(absl::Time now, absl::Duration canary);
  void LearnAgain();
  void Track();
  void LearnFromFastOnes();
  void Listen(absl::Time now, absl::Duration canary);  // in a quiet time
  void Steer(absl::Time now, absl::Duration canary);
  double Change(double seconds);  // of the logarithm
  bool Panics(absl::Time now, absl::Duration canary);
  bool MustBreathe(absl::Time now) const;
  void BeQuiet(absl::Time now, absl::Duration length, const char* why);

  const Options options_;
  const absl::Duration late_;  // so much later than a canary it hears what we do
  double workers_max_;
  const double floor_;

  double impact_ = 0.5;
  absl::Duration commit_max_;

  // The baseline.
  bool ready_ = false;
  absl::Time first_seen_ = absl::InfiniteFuture();
  std::vector<absl::Duration> heard_;  // canaries of this quiet time, or of the beginning
  absl::Duration alone_;               // the median without us
  bool doubted_ = false;               // it moved far: to be learnt again soon
  absl::Duration heard_alone_;         // the same, as it was last heard
  double noise_ = 0.05;                // by how much of itself a canary is off, on the mean

  Cost cost_;

  // The law.
  absl::Duration latest_;
  absl::Duration smoothed_;
  double error_ = 0;  // of the last sample
  double effective_;
  double ceiling_;
  double settled_ = 0;                      // where it came to rest after a quiet time; 0: not yet
  double borne_;                            // the last that was borne without a panic
  absl::Time last_ = absl::InfinitePast();  // when the law moved it
  absl::Time seen_ = absl::InfinitePast();  // the last sample

  double busy_ = 0;                               // smoothed
  bool has_run_ = false;                          // a worker of ours
  absl::Time idle_since_ = absl::InfinitePast();  // no worker of ours ran; InfiniteFuture: one does

  // Breath and panic.
  bool quiet_ = false;
  const char* quiet_why_ = "";  // "": a panic
  absl::Time quiet_since_ = absl::InfinitePast();
  absl::Time quiet_until_ = absl::InfinitePast();
  absl::Duration breath_every_;
  int over_panic_ = 0;  // samples in a row
  absl::Duration back_off_;
  absl::Time last_panic_ = absl::InfinitePast();
};

}  // namespace throttle

#endif  // THROTTLE_CONTROLLER_H_
