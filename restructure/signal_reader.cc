#include "restructure/signal_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace restructure {
namespace {

constexpr absl::Duration kStatementMax = absl::Milliseconds(300);
constexpr absl::Duration kSlowEvery = absl::Seconds(5);

}  // namespace

SignalReader::SignalReader(std::string conninfo, std::string application_name,
                           std::vector<CustomQuery> custom, std::vector<std::int64_t> tables)
    : conninfo_(std::move(conninfo)),
      application_name_(std::move(application_name)),
      custom_(std::move(custom)),
      tables_(std::move(tables)),
      custom_due_(custom_.size(), absl::InfinitePast()) {
  for (const CustomQuery& query : custom_) load_.custom.push_back({query.name, 0, "not read yet"});
}

absl::Status SignalReader::Connect() {
  absl::StatusOr<std::unique_ptr<catalog::Session>> session =
      catalog::Session::Open(conninfo_, application_name_);
  if (!session.ok()) return session.status();
  absl::StatusOr<catalog::SignalSources> sources =
      catalog::PrepareForSampling(**session, kStatementMax);
  if (!sources.ok()) return sources.status();
  session_ = *std::move(session);
  sources_ = *std::move(sources);
  load_.slot_keep_bytes = sources_.slot_keep_bytes;
  load_.connections_max = sources_.connections_max;
  slow_due_ = absl::InfinitePast();
  return absl::OkStatus();
}

absl::Status SignalReader::Read(absl::Time now) {
  if (session_ == nullptr) {
    if (absl::Status connected = Connect(); !connected.ok()) return connected;
  }
  absl::Status read = ReadFast(now);
  if (read.ok() && now >= slow_due_) read = ReadSlow(now);
  if (absl::IsDeadlineExceeded(read)) {
    ++load_.unanswered;
  } else if (read.ok()) {
    load_.unanswered = 0;
  }
  if (read.ok() || absl::IsDeadlineExceeded(read)) read = ReadCustom(now);
  if (absl::IsUnavailable(read)) session_.reset();
  if (read.ok()) load_.taken_at = now;
  return read;
}

absl::Status SignalReader::ReadFast(absl::Time now) {
  absl::StatusOr<catalog::FastSignals> read = catalog::ReadFastSignals(*session_, sources_);
  if (!read.ok()) return read.status();
  wal_position_ = read->wal_position;
  load_.sessions_waiting_for_us = read->sessions_waiting_for_us;
  load_.longest_wait_for_us = read->longest_wait_for_us;
  load_.active_sessions = read->active_sessions;
  if (read->database) {
    const catalog::Usage ours = catalog::Session::OfAll();
    load_.transaction =
        transaction_time_.Observe(now, {read->database->active, read->database->transactions},
                                  {ours.active, ours.transactions});
  }
  load_.replicas.emplace();
  load_.replica_lag.reset();
  load_.replica_lag_bytes.reset();
  load_.furthest_replica.clear();
  load_.silence = absl::ZeroDuration();
  load_.stall = absl::ZeroDuration();
  replica_lag_.ObserveServer(now, read->wal_position);
  for (const catalog::ReplicaState& replica : read->replicas) {
    load_.replicas->push_back(replica.name);
    if (!replica.position) continue;
    const std::int64_t bytes = std::max<std::int64_t>(read->wal_position - *replica.position, 0);
    const throttle::ReplicaLag::State state =
        replica_lag_.ObserveReplica(now, replica.name, *replica.position);
    const absl::Duration lag =
        bytes == 0 ? absl::ZeroDuration()
                   : std::max(state.lag, replica.lag.value_or(absl::ZeroDuration()));
    if (state.still > load_.stall) {
      load_.stall = state.still;
      load_.stalled_replica = replica.name;
    }
    if (bytes >= load_.replica_lag_bytes.value_or(0)) load_.furthest_replica = replica.name;
    load_.replica_lag_bytes = std::max(bytes, load_.replica_lag_bytes.value_or(0));
    load_.replica_lag = std::max(lag, load_.replica_lag.value_or(absl::ZeroDuration()));
    if (bytes > 0 && replica.silence > load_.silence) {
      load_.silence = *replica.silence;
      load_.silent_replica = replica.name;
    }
  }
  return absl::OkStatus();
}

absl::Status SignalReader::ReadSlow(absl::Time now) {
  absl::StatusOr<catalog::SlowSignals> read =
      catalog::ReadSlowSignals(*session_, sources_, tables_);
  if (!read.ok()) return read.status();
  slow_due_ = now + kSlowEvery;
  load_.connections = read->connections;
  load_.requested_checkpoints =
      static_cast<int>(checkpoints_.Observe(now, read->requested_checkpoints));
  load_.wraparound = read->wraparound;
  load_.slots.clear();
  for (catalog::SlotState& slot : read->slots) {
    load_.slots.push_back({std::move(slot.name), slot.retained_bytes, std::move(slot.wal_status)});
  }
  if (!sources_.archives) return absl::OkStatus();
  // An archiver that has done nothing yet is behind from where we began to look. The segment that
  // is being written cannot be archived.
  if (first_segment_ < 0) first_segment_ = read->segment;
  const std::int64_t done =
      read->archived_segment.value_or(read->failed_segment.value_or(first_segment_) - 1);
  load_.archiver_segments_behind = std::max<std::int64_t>(read->segment - done - 1, 0);
  const bool fails = read->archiver_fails && *load_.archiver_segments_behind > 0;
  archiver_failing_since_ = fails ? std::min(archiver_failing_since_, now) : absl::InfiniteFuture();
  load_.archiver_failing = fails ? now - archiver_failing_since_ : absl::ZeroDuration();
  return absl::OkStatus();
}

absl::Status SignalReader::ReadCustom(absl::Time now) {
  for (std::size_t i = 0; i < custom_.size(); ++i) {
    if (now < custom_due_[i]) continue;
    custom_due_[i] = now + custom_[i].every;
    const absl::StatusOr<double> value = catalog::ReadCustomSignal(*session_, custom_[i].sql);
    if (absl::IsUnavailable(value.status())) return value.status();
    throttle::CustomLoad& load = load_.custom[i];
    load.failure.clear();
    if (value.ok()) {
      load.value = *value;
    } else if (absl::IsDeadlineExceeded(value.status())) {
      load.failure = absl::StrCat("no answer in ", absl::FormatDuration(kStatementMax));
    } else {
      load.failure = std::string(value.status().message());
    }
  }
  return absl::OkStatus();
}

}  // namespace restructure
