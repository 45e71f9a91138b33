#include "restructure/run.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/facts.h"
#include "catalog/failpoint.h"
#include "catalog/schema.h"
#include "catalog/steering.h"
#include "restructure/adjustments.h"
#include "restructure/keeper.h"
#include "restructure/phases.h"
#include "restructure/set/request.h"
#include "restructure/workers.h"

namespace restructure {
namespace {

constexpr absl::Duration kReconnectMax = absl::Seconds(60);

std::string Holder() {
  char host[256] = "?";
  (void)gethostname(host, sizeof host - 1);
  return absl::StrCat("process ", getpid(), " on ", host);
}

// What the lease was when we first looked: a live holder renews it, a dead one does not.
class Claim {
 public:
  Claim(catalog::Session& session, std::int64_t job_id) : session_(session), job_id_(job_id) {}

  // Returns OK when the advisory lock is ours.
  absl::Status Wait(Progress& progress, const Control& control, absl::Duration lease) {
    const absl::Time start = absl::Now();
    while (true) {
      absl::StatusOr<bool> locked = catalog::TryLockJob(session_, job_id_);
      if (!locked.ok()) return locked.status();
      if (*locked) return absl::OkStatus();
      absl::StatusOr<catalog::JobRecord> job = catalog::GetJob(session_, job_id_);
      if (!job.ok()) return job.status();
      const bool leased = job->lease_until.has_value();
      if (leased && first_seen_ && *job->lease_until > *first_seen_) return InUse(*job);
      if (leased && !first_seen_) first_seen_ = job->lease_until;
      // Its keeper is gone, its backend is not: a stopped or cut-off process. Without any lease
      // the holder may just have won the lock, and is given the time to take it.
      const bool dead = leased ? *job->lease_until < job->read_at : absl::Now() - start > lease;
      if (dead) {
        absl::StatusOr<int> ended = catalog::EndOrphans(session_, job_id_);
        if (!ended.ok()) return ended.status();
      }
      if (absl::Now() - start > 2 * lease + absl::Seconds(30)) return InUse(*job);
      progress.SetWaitingFor(absl::StrCat("the lease of ", job->holder));
      if (absl::Status slept = control.Sleep(absl::Milliseconds(100)); !slept.ok()) return slept;
    }
  }

 private:
  absl::Status InUse(const catalog::JobRecord& job) {
    absl::StatusOr<std::string> backend = catalog::LockHolder(session_, job_id_);
    return absl::AlreadyExistsError(
        absl::StrCat("job ", job_id_, " on ", job.name, " is being run by ",
                     job.holder.empty() ? "another process" : job.holder,
                     backend.ok() && !backend->empty() ? absl::StrCat(" (", *backend, ")") : "",
                     "\nHINT: watch it with `pg_restructure status ", job_id_, "`."));
  }

  catalog::Session& session_;
  const std::int64_t job_id_;
  std::optional<absl::Time> first_seen_;
};

absl::Status LoadJob(Job& job) {
  absl::StatusOr<catalog::JobRecord> record = catalog::GetJob(*job.session, job.id());
  if (!record.ok()) return record.status();
  job.record = *std::move(record);
  absl::StatusOr<catalog::ServerFacts> server = catalog::ReadServer(*job.session);
  if (!server.ok()) return server.status();
  if (server->in_recovery) {
    return absl::UnavailableError("the server is a standby or in recovery");
  }
  if (server->system_identifier != job.record.system_identifier ||
      server->database_oid != job.record.database_oid) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job.id(), " belongs to another server or database\n",
                     "HINT: connect to the one on which it was started."));
  }
  return job.record.open ? KindOf(job).load(job) : absl::OkStatus();
}

absl::Status OpenSession(Job& job) {
  if (job.session != nullptr) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<catalog::Session>> session =
      catalog::Session::Open(job.conninfo, "pg_restructure");
  if (session.ok()) job.session = *std::move(session);
  return session.status();
}

absl::Status Take(Job& job, std::int64_t job_id, std::string* goal) {
  job.idle_sessions->Clear();
  if (absl::Status connected = OpenSession(job); !connected.ok()) return connected;
  if (absl::Status installed = catalog::InstallSchema(*job.session); !installed.ok()) {
    return installed;  // The job may be of an older program.
  }
  Claim claim(*job.session, job_id);
  if (absl::Status won = claim.Wait(*job.progress, *job.control, job.settings.lease); !won.ok())
    return won;
  absl::Status status =
      catalog::NameSession(*job.session, catalog::ApplicationName(job_id, "coordinator"));
  if (!status.ok()) return status;
  absl::StatusOr<int> ended = catalog::EndOrphans(*job.session, job_id);
  if (!ended.ok()) return ended.status();
  absl::StatusOr<std::int64_t> token =
      catalog::TakeLease(*job.session, job_id, Holder(), job.settings.lease);
  if (!token.ok()) return token.status();
  job.token = *token;
  job.job_id = job_id;
  status = catalog::SetBegunWith(*job.session, job_id, BegunWith(job.settings));
  if (!status.ok()) return status;
  if (!goal->empty()) {
    status = catalog::SetGoal(*job.session, job_id, *goal);
    if (status.ok()) status = catalog::SetHold(*job.session, job_id, catalog::Hold::kNone);
    if (!status.ok()) return status;
    goal->clear();
  }
  if (absl::Status loaded = LoadJob(job); !loaded.ok()) return loaded;
  job.control->SetLeaseLost(false);
  // The keeper will see whether it is a panic.
  job.control->SetWishes(job.record.goal,
                         job.record.pause_requested ? catalog::Hold::kPause : catalog::Hold::kNone);
  job.progress->SetWaitingFor("");
  return absl::OkStatus();
}

absl::Status AwaitResume(const Job& job) {
  while (job.control->held()) {
    job.progress->SetWaitingFor(job.control->hold_reason());
    if (absl::Status slept = job.control->Sleep(absl::Milliseconds(200)); !slept.ok()) return slept;
  }
  return absl::OkStatus();
}

// Batches have a cap in bytes, and the pacer counts rows.
absl::Status TellRowBytes(const Job& job) {
  if (!job.replacement) return absl::OkStatus();
  const absl::StatusOr<double> bytes = catalog::SourceRowBytes(*job.session, job.target());
  if (bytes.ok()) job.pacer->SetRowBytes(*bytes);
  return bytes.status();
}

absl::StatusOr<Outcome> WalkPhases(Job& job) {
  if (absl::Status ready = KindOf(job).reconcile(job); !ready.ok()) return ready;
  if (absl::Status told = TellRowBytes(job); !told.ok()) return told;
  for (const Phase& phase : KindOf(job).phases) {
    if (absl::Status resumed = AwaitResume(job); !resumed.ok()) return resumed;
    if (absl::Status check = job.control->Check(); !check.ok()) return check;
    // What follows waits for people, and then has no batches for long.
    if (phase.name == std::string("swap")) job.idle_sessions->Clear();
    const auto cut = [&job] { job.session->Cut(); };
    const absl::Time start = absl::Now();
    job.progress->StartPhase(phase.name, start);
    absl::Status status = catalog::FailpointHit(absl::StrCat(phase.name, ".enter"), cut);
    if (!status.ok()) return status;
    // A job that goes only forward is seen to do so, while it walks there once more, too.
    const bool walks_again = IsForwardOnly(job.record.phase) && !IsForwardOnly(phase.name);
    if (job.record.phase != phase.name && !walks_again) {
      status = catalog::SetPhase(*job.session, job.id(), phase.name);
      if (!status.ok()) return status;
      job.record.phase = phase.name;
    }
    const absl::StatusOr<Next> next = phase.run(job);
    job.tally->AddPhase(phase.name, absl::Now() - start);
    if (!next.ok()) return next.status();
    if (*next == Next::kStay) return job.record.swapped ? Outcome::kSoaking : Outcome::kHeld;
    status = catalog::FailpointHit(absl::StrCat(phase.name, ".leave"), cut);
    if (!status.ok()) return status;
  }
  return Outcome::kDone;
}

// Abort is for jobs that have not swapped; the commands see to that, the ledger decides.
absl::StatusOr<Outcome> WalkOrAbandon(Job& job) {
  if (job.control->goal() == catalog::kGoalAbort && !job.record.swapped && !job.drops()) {
    job.progress->StartPhase("abort", absl::Now());
    job.control->SetUndoing(true);
    if (absl::Status undone = KindOf(job).abandon(job); !undone.ok()) return undone;
    return Outcome::kAborted;
  }
  return WalkPhases(job);
}

// A stop may have cancelled any statement: then the stop counts, not what became of the statement.
// After a panic the phases are run again, which they may be at any time.
absl::StatusOr<Outcome> WalkThroughPanics(Job& job) {
  while (true) {
    absl::StatusOr<Outcome> outcome = WalkOrAbandon(job);
    if (!absl::IsDeadlineExceeded(outcome.status())) return outcome;
    if (absl::Status check = job.control->Check(); !check.ok()) return check;
    if (!job.control->TakePanic()) return outcome;
    if (absl::Status resumed = AwaitResume(job); !resumed.ok()) return resumed;
    (void)job.control->TakePanic();
    if (absl::Status loaded = LoadJob(job); !loaded.ok()) return loaded;
  }
}

// The operator's wish to abort has ended the walk; the undoing is a walk of its own. The cancel
// that came with the wish may be late, and hit that one.
absl::StatusOr<Outcome> Undo(Job& job) {
  constexpr absl::Duration kLate = absl::Seconds(1);
  const absl::Time until = absl::Now() + kLate;
  while (true) {
    const absl::Status loaded = LoadJob(job);
    absl::StatusOr<Outcome> outcome =
        loaded.ok() ? WalkOrAbandon(job) : absl::StatusOr<Outcome>(loaded);
    if (!absl::IsDeadlineExceeded(outcome.status()) || absl::Now() > until) return outcome;
  }
}

bool IsLost(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsUnknown(status);
}

// One tenure of the lease, until the job rests, ends, or the server is lost.
absl::StatusOr<Outcome> Tenure(Job& job, std::int64_t job_id, std::string* goal) {
  if (absl::Status taken = Take(job, job_id, goal); !taken.ok()) return taken;
  if (!job.record.open) {
    return job.record.outcome == "aborted" ? Outcome::kAborted : Outcome::kDone;
  }
  job.progress->SetJob(job_id, job.record.kind, job.record.name);
  absl::StatusOr<Outcome> outcome = absl::UnknownError("");
  {
    const Keeper keeper(job);
    outcome = WalkThroughPanics(job);
    if (absl::IsCancelled(outcome.status()) && !job.control->interrupted() &&
        job.control->goal() == catalog::kGoalAbort) {
      outcome = Undo(job);
    }
  }
  if (IsLost(outcome.status())) return outcome;
  const std::string error = outcome.ok() ? "" : std::string(outcome.status().message());
  absl::Status saved = catalog::SaveProgress(
      *job.session, job_id, ToJson(job.progress->Snapshot(absl::Now())), ToJson(job.tally->Get()));
  if (saved.ok()) saved = catalog::SetError(*job.session, job_id, error);
  if (saved.ok()) saved = catalog::ReleaseLease(*job.session, job_id, job.token);
  if (!saved.ok() && outcome.ok()) return saved;
  return outcome;
}

}  // namespace

absl::StatusOr<RunResult> RunJob(const std::string& conninfo, const Settings& settings,
                                 std::int64_t job_id, const std::string& goal,
                                 const Cockpit& cockpit) {
  throttle::Pacer pacer(settings.limits, settings.batch_size, settings.workers, settings.windows);
  Tally tally;
  LastCheck last_check;
  IdleSessions idle_sessions;
  Job job;
  job.conninfo = conninfo;
  job.settings = settings;
  job.pacer = &pacer;
  job.progress = cockpit.progress;
  job.control = cockpit.control;
  job.tally = &tally;
  job.last_check = &last_check;
  job.idle_sessions = &idle_sessions;
  job.trace = cockpit.trace;
  if (absl::Status connected = OpenSession(job); !connected.ok()) return connected;
  {
    absl::StatusOr<catalog::JobRecord> record = catalog::GetJob(*job.session, job_id);
    if (!record.ok()) return record.status();
    absl::StatusOr<Summary> summary = SummaryFromJson(record->summary);
    Summary start = summary.ok() ? *std::move(summary) : Summary();
    start.job = job_id;
    start.kind = record->kind;
    start.name = record->name;
    tally.Start(std::move(start));
  }
  std::string new_goal = goal;
  absl::Time lost_at = absl::InfiniteFuture();
  absl::Duration pause = absl::Milliseconds(100);
  while (true) {
    const std::int64_t batches_before = tally.Get().batches;
    absl::StatusOr<Outcome> outcome = Tenure(job, job_id, &new_goal);
    if (outcome.ok()) {
      return RunResult{*outcome, tally.Get(), job.record.open ? KindOf(job).live(job) : "",
                       job.notes};
    }
    if (!IsLost(outcome.status())) return outcome.status();
    // Progress since the last loss starts the minute anew.
    if (lost_at == absl::InfiniteFuture() || tally.Get().batches > batches_before) {
      lost_at = absl::Now();
      pause = absl::Milliseconds(100);
    }
    if (absl::Now() - lost_at > kReconnectMax) {
      return absl::UnavailableError(
          absl::StrCat("the server could not be reached for a minute: ", outcome.status().message(),
                       "\nHINT: run the same command again; it goes on where it was."));
    }
    job.session.reset();
    tally.AddRetry();
    cockpit.progress->SetWaitingFor(absl::StrCat("the server: ", outcome.status().message()));
    if (absl::Status slept = cockpit.control->Sleep(pause); !slept.ok()) return slept;
    pause = std::min(pause * 2, absl::Seconds(5));
  }
}

}  // namespace restructure
