#include "throttle/signals.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "throttle/readable.h"

namespace throttle {
namespace {

constexpr double kStop = 2;

// A replica that is behind answers with each write that it gets; this is no answer any more.
constexpr absl::Duration kSilenceMax = absl::Seconds(20);
// A replica reports where it is twice a second and more while it receives WAL.
constexpr absl::Duration kStallMin = absl::Milliseconds(750);
constexpr double kStallShare = 0.15;  // of the budget
constexpr absl::Duration kArchiverFailingMax = absl::Minutes(5);

constexpr char kNotSeen[] = "the role may not see it: GRANT pg_monitor";

// 0 … 1 … 2 for 0 … soft … hard.
double Pressure(double value, double soft, double hard) {
  if (value >= hard) return kStop * std::max(value / hard, 1.0);
  if (value >= soft) return 1 + (value - soft) / (hard - soft);
  return soft > 0 ? std::max(value / soft, 0.0) : 0;
}

using Format = std::function<std::string(double)>;

// A budget: "<subject> <now> >= <limit>", of whichever point is passed.
Signal Budget(std::string name, double value, double soft, double hard, const Format& format,
              std::string why) {
  Signal signal;
  signal.name = std::move(name);
  signal.pressure = Pressure(value, soft, hard);
  signal.now = format(value);
  signal.soft = format(soft);
  signal.hard = format(hard);
  signal.why = std::move(why);
  if (signal.pressure >= 1) {
    signal.reason = absl::StrCat(signal.name, " ", signal.now,
                                 " >= ", signal.stops() ? signal.hard : signal.soft);
  }
  return signal;
}

// A limit whose value the sample does not have.
Signal Unknown(std::string name, std::string soft, std::string hard, std::string why) {
  Signal signal;
  signal.name = std::move(name);
  signal.now = "-";
  signal.soft = std::move(soft);
  signal.hard = std::move(hard);
  signal.why = std::move(why);
  return signal;
}

Signal Interlock(std::string name, std::string reason, std::string hard, std::string why) {
  Signal signal;
  signal.name = std::move(name);
  signal.pressure = reason.empty() ? 0 : kStop;
  signal.now = reason.empty() ? "no" : "yes";
  signal.reason = std::move(reason);
  signal.hard = std::move(hard);
  signal.why = std::move(why);
  return signal;
}

std::string AsSeconds(double seconds) { return Readable(absl::Seconds(seconds)); }
std::string AsBytes(double bytes) { return ReadableBytes(static_cast<std::int64_t>(bytes)); }

// Of the replica that is the furthest behind.
Signal ReplicaBudget(const Load& load, double value, double hard, const Format& format,
                     std::string why) {
  Signal signal = Budget("replica lag", value, hard / 2, hard, format, std::move(why));
  if (!signal.reason.empty() && !load.furthest_replica.empty()) {
    absl::StrAppend(&signal.reason, " of ", load.furthest_replica);
  }
  return signal;
}

void AddReplicas(const Load& load, const Limits& limits, const Baseline& baseline,
                 std::vector<Signal>* signals) {
  const bool none = load.replicas && load.replicas->empty();
  const char* const unknown = none ? "there is no replica" : kNotSeen;
  const bool heeds_lag =
      limits.replica_lag_max > absl::ZeroDuration() || limits.replica_lag_bytes_max > 0;
  if (limits.replica_lag_max > absl::ZeroDuration()) {
    const double hard = absl::ToDoubleSeconds(limits.replica_lag_max);
    signals->push_back(load.replica_lag
                           ? ReplicaBudget(load, absl::ToDoubleSeconds(*load.replica_lag), hard,
                                           AsSeconds,
                                           "half of the budget is where the pace begins to fall")
                           : Unknown("replica lag", AsSeconds(hard / 2), AsSeconds(hard), unknown));
  }
  if (limits.replica_lag_bytes_max > 0) {
    const auto hard = static_cast<double>(limits.replica_lag_bytes_max);
    signals->push_back(load.replica_lag_bytes
                           ? ReplicaBudget(load, static_cast<double>(*load.replica_lag_bytes), hard,
                                           AsBytes,
                                           "WAL that is not replayed; it grows in a stall, too")
                           : Unknown("replica lag", AsBytes(hard / 2), AsBytes(hard), unknown));
  }
  if (limits.replica_lag_max > absl::ZeroDuration()) {
    const absl::Duration most = std::max(kStallShare * limits.replica_lag_max, kStallMin);
    std::string reason;
    if (load.stall >= most) {
      reason = absl::StrCat("replica ", load.stalled_replica, " has stood still for ",
                            Readable(load.stall), " >= ", Readable(most));
    }
    signals->push_back(Interlock("replica stalled", reason, Readable(most),
                                 "15 % of the budget: what comes now only waits there"));
  }
  if (heeds_lag) {
    std::string reason;
    if (load.silence >= kSilenceMax) {
      reason = absl::StrCat("replica ", load.silent_replica, " has not answered for ",
                            Readable(load.silence), " >= ", Readable(kSilenceMax));
    }
    signals->push_back(Interlock("replica silent", reason, Readable(kSilenceMax),
                                 "a replica that is behind answers with each write"));
  }
  if (limits.replicas_must_stay || !limits.required_replicas.empty()) {
    const std::vector<std::string> missing = baseline.Missing(load, limits);
    signals->push_back(
        Interlock("replica gone",
                  missing.empty() ? ""
                                  : absl::StrCat(missing.size() == 1 ? "replica " : "replicas ",
                                                 absl::StrJoin(missing, ", "),
                                                 missing.size() == 1 ? " is gone" : " are gone"),
                  "1", "those connected at the start, and required ones, must stay"));
  }
}

void AddSlots(const Load& load, const Limits& limits, const Baseline& baseline,
              std::vector<Signal>* signals) {
  std::int64_t retained = 0;
  std::string largest;
  std::string losing;
  for (const SlotLoad& slot : load.slots) {
    if (baseline.WasLost(slot.name)) continue;
    if (slot.retained_bytes > retained) {
      retained = slot.retained_bytes;
      largest = slot.name;
    }
    if (slot.wal_status == "unreserved" || slot.wal_status == "lost") {
      losing = absl::StrCat("WAL of slot ", slot.name, " is ", slot.wal_status);
    }
  }
  if (limits.heed_slots) {
    signals->push_back(
        Interlock("slot loses WAL", losing, "unreserved", "its replica could not follow any more"));
  }
  const auto add = [&](double soft, double hard, const char* why) {
    Signal signal = Budget("WAL retained", static_cast<double>(retained), soft, hard, AsBytes, why);
    if (!signal.reason.empty()) absl::StrAppend(&signal.reason, " by slot ", largest);
    signals->push_back(std::move(signal));
  };
  const auto keep = static_cast<double>(load.slot_keep_bytes);
  if (limits.slot_wal_max > 0) {
    const auto hard = static_cast<double>(limits.slot_wal_max);
    add(hard / 2, hard, "budget of a replication slot");
  } else if (limits.heed_slots && keep > 0) {
    add(keep / 2, keep, "half of max_slot_wal_keep_size");
  }
}

void AddArchiver(const Load& load, const Limits& limits, std::vector<Signal>* signals) {
  if (limits.archiver_segments_max <= 0) return;
  const double hard = limits.archiver_segments_max;
  const double soft = (limits.archiver_segments_max - 1) / 2;  // NOLINT: whole segments
  if (!load.archiver_segments_behind) {
    signals->push_back(
        Unknown("archiver", ReadableNumber(soft), ReadableNumber(hard), "nothing is archived"));
    return;
  }
  const auto behind = static_cast<double>(*load.archiver_segments_behind);
  Signal signal = Budget("archiver", behind, soft, hard, ReadableNumber,
                         "WAL segments that wait for it fill the disk");
  if (!signal.reason.empty()) {
    signal.reason =
        absl::StrCat("archiver is ", signal.now,
                     " segments behind >= ", signal.stops() ? signal.hard : signal.soft);
  }
  if (!signal.stops() && load.archiver_failing >= kArchiverFailingMax) {
    signal.pressure = kStop;
    signal.reason = absl::StrCat("archiver has failed for ", Readable(load.archiver_failing),
                                 " >= ", Readable(kArchiverFailingMax));
  }
  signals->push_back(std::move(signal));
}

void AddServer(const Load& load, const Limits& limits, std::vector<Signal>* signals) {
  if (limits.requested_checkpoints_max > 0) {
    const int soft = limits.requested_checkpoints_max;
    const int count = load.requested_checkpoints.value_or(0);
    Signal signal = Unknown("checkpoints", absl::StrCat(soft), "",
                            "requested in 10 minutes: WAL comes faster than max_wal_size allows");
    if (load.requested_checkpoints) signal.now = absl::StrCat(count);
    signal.pressure = count >= soft ? 1.5 : 0.5 * count / soft;  // 1.5: half of the workers
    if (count >= soft) {
      signal.reason = absl::StrCat(count, " requested checkpoints in 10 minutes >= ", soft);
    }
    signals->push_back(std::move(signal));
  }
  if (limits.connections_share_max > 0 && load.connections && load.connections_max > 0) {
    const double hard = limits.connections_share_max * load.connections_max;
    Signal signal = Budget("connections", *load.connections, hard * 8 / 9, hard, ReadableNumber,
                           absl::StrCat(ReadableShare(limits.connections_share_max),
                                        " of max_connections = ", load.connections_max));
    signals->push_back(std::move(signal));
  }
  if (limits.heed_wraparound) {
    signals->push_back(
        Interlock("wraparound", load.wraparound, "1", "autovacuum must not be held up by us"));
  }
  if (limits.active_sessions_max > 0) {
    const double hard = limits.active_sessions_max;
    signals->push_back(load.active_sessions ? Budget("active sessions", *load.active_sessions,
                                                     hard / 2, hard, ReadableNumber, "of others")
                                            : Unknown("active sessions", ReadableNumber(hard / 2),
                                                      ReadableNumber(hard), kNotSeen));
  }
  if (limits.unanswered_max > 0) {
    Signal signal =
        Budget("unanswered samples", load.unanswered, 1, limits.unanswered_max, ReadableNumber,
               "a server that does not say how it is has too much to do");
    signals->push_back(std::move(signal));
  }
}

void AddWaits(const Load& load, const Limits& limits, std::vector<Signal>* signals) {
  if (limits.wait_for_us_max <= absl::ZeroDuration()) return;
  std::string reason;
  if (WaitForUs(load, limits)) {
    reason = absl::StrCat(load.sessions_waiting_for_us,
                          load.sessions_waiting_for_us == 1 ? " session waits" : " sessions wait",
                          " for our locks, the longest ", Readable(load.longest_wait_for_us),
                          " >= ", Readable(limits.wait_for_us_max));
  }
  Signal signal = Interlock("waits for our locks", reason, Readable(limits.wait_for_us_max),
                            "nobody is to wait for us; the batch is halved, too");
  signal.now = load.sessions_waiting_for_us == 0 ? "0s" : Readable(load.longest_wait_for_us);
  signals->push_back(std::move(signal));
}

void AddCustom(const Load& load, const Limits& limits, std::vector<Signal>* signals) {
  for (const CustomLimit& limit : limits.custom) {
    const auto at = std::find_if(load.custom.begin(), load.custom.end(),
                                 [&](const CustomLoad& read) { return read.name == limit.name; });
    if (at == load.custom.end()) {
      signals->push_back(Unknown(limit.name, ReadableNumber(limit.soft), ReadableNumber(limit.hard),
                                 "not read yet"));
    } else if (at->failure.empty()) {
      signals->push_back(Budget(limit.name, at->value, limit.soft, limit.hard, ReadableNumber,
                                "the profile's own"));
    } else {
      signals->push_back(Interlock(limit.name,
                                   absl::StrCat("signal ", limit.name, ": ", at->failure),
                                   ReadableNumber(limit.hard), "the profile's own"));
    }
  }
}

}  // namespace

bool WaitForUs(const Load& load, const Limits& limits) {
  return limits.wait_for_us_max > absl::ZeroDuration() && load.sessions_waiting_for_us > 0 &&
         load.longest_wait_for_us >= limits.wait_for_us_max;
}

double Signal::share() const {
  constexpr double kLeast = 0.05;  // So that what we cause ourselves can be seen to fall.
  return stops() ? 0 : std::clamp(kStop - pressure, kLeast, 1.0);
}

void Baseline::Learn(const Load& load) {
  if (!replicas_ && load.replicas) {
    replicas_ = load.replicas;
    std::sort(replicas_->begin(), replicas_->end());
  }
  if (learnt_slots_ || !load.replicas) return;
  learnt_slots_ = true;
  for (const SlotLoad& slot : load.slots) {
    if (slot.wal_status == "lost") lost_slots_.push_back(slot.name);
  }
}

std::vector<std::string> Baseline::Missing(const Load& load, const Limits& limits) const {
  std::vector<std::string> missing;
  if (!load.replicas) return missing;
  std::vector<std::string> present = *load.replicas;
  std::sort(present.begin(), present.end());
  if (limits.replicas_must_stay && replicas_) {
    std::set_difference(replicas_->begin(), replicas_->end(), present.begin(), present.end(),
                        std::back_inserter(missing));
  }
  for (const std::string& name : limits.required_replicas) {
    const auto is_it = [&](const std::string& replica) {
      return replica == name || replica.rfind(absl::StrCat(name, " at "), 0) == 0;
    };
    if (std::any_of(present.begin(), present.end(), is_it)) continue;
    if (std::any_of(missing.begin(), missing.end(), is_it)) continue;
    missing.push_back(name);
  }
  return missing;
}

bool Baseline::WasLost(const std::string& slot) const {
  return std::find(lost_slots_.begin(), lost_slots_.end(), slot) != lost_slots_.end();
}

std::vector<Signal> Signals(const Load& load, const Limits& limits, const Baseline& baseline) {
  std::vector<Signal> signals;
  AddReplicas(load, limits, baseline, &signals);
  AddWaits(load, limits, &signals);
  AddSlots(load, limits, baseline, &signals);
  AddArchiver(load, limits, &signals);
  AddServer(load, limits, &signals);
  AddCustom(load, limits, &signals);
  return signals;
}

Signal Largest(const std::vector<Signal>& signals) {
  const auto largest =
      std::max_element(signals.begin(), signals.end(),
                       [](const Signal& a, const Signal& b) { return a.pressure < b.pressure; });
  return largest == signals.end() ? Signal() : *largest;
}

std::string Summarize(const Limits& limits) {
  std::vector<std::string> all;
  const auto add = [&](bool heeded, const std::string& name, const std::string& limit) {
    if (heeded) all.push_back(absl::StrCat(name, " ", limit));
  };
  const bool by_time = limits.commit_max > absl::ZeroDuration();
  add(limits.heed_commits, "commit time",
      by_time ? Readable(limits.commit_max) : absl::StrCat("+", ReadableShare(limits.impact)));
  std::vector<std::string> lag;
  if (limits.replica_lag_max > absl::ZeroDuration())
    lag.push_back(Readable(limits.replica_lag_max));
  if (limits.replica_lag_bytes_max > 0) lag.push_back(ReadableBytes(limits.replica_lag_bytes_max));
  add(!lag.empty(), "replica lag", absl::StrJoin(lag, " or "));
  add(limits.wait_for_us_max > absl::ZeroDuration(), "waits for our locks",
      Readable(limits.wait_for_us_max));
  add(limits.slot_wal_max > 0, "WAL retained", ReadableBytes(limits.slot_wal_max));
  add(limits.archiver_segments_max > 0, "archiver", absl::StrCat(limits.archiver_segments_max));
  add(limits.active_sessions_max > 0, "active sessions", absl::StrCat(limits.active_sessions_max));
  for (const CustomLimit& custom : limits.custom) {
    add(true, custom.name, ReadableNumber(custom.hard));
  }
  return all.empty() ? "none" : absl::StrJoin(all, ", ");
}

}  // namespace throttle
