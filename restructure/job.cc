#include "restructure/job.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "catalog/waits.h"
#include "restructure/set/request.h"

namespace restructure {
namespace {

// What each part of the fingerprint means to an operator.
std::string Changed(const std::string& part, const std::string& member) {
  if (part == "columns") {
    return absl::StrCat("a column of ", member, " that the set uses was altered or dropped");
  }
  if (part == "key") return absl::StrCat("the unique index on the key of ", member, " is gone");
  if (part == "storage") {
    return absl::StrCat("the storage of ", member,
                        " was replaced (TRUNCATE, VACUUM FULL, CLUSTER or a rewrite)");
  }
  if (part == "table") {
    return absl::StrCat("the kind, persistence or row security of ", member, " was changed");
  }
  if (part == "structure") {
    return absl::StrCat("a column, constraint, index, trigger, privilege or dependant of ", member,
                        " was added, changed or dropped");
  }
  if (part == "capture") {
    return absl::StrCat("the capture triggers on ", member, " were disabled, dropped or changed");
  }
  return absl::StrCat(member.empty() || member == "\"\"" ? "the member table" : member,
                      " or an object of this job was dropped or altered");
}

std::string HintFor(const std::vector<std::string>& parts) {
  if (parts == std::vector<std::string>{"storage"}) {
    return "nothing is lost: run the same command again, the copy starts anew.";
  }
  return "undo the change and run the same command again, or `pg_restructure abort` the job.";
}

}  // namespace

void Tally::Start(Summary summary) {
  const std::lock_guard<std::mutex> lock(mutex_);
  summary_ = std::move(summary);
}
void Tally::AddPhase(const std::string& name, absl::Duration spent) {
  const std::lock_guard<std::mutex> lock(mutex_);
  summary_.phases[name] += spent;
}
void Tally::AddLock(LockHold hold) {
  const std::lock_guard<std::mutex> lock(mutex_);
  summary_.locks.push_back(std::move(hold));
}
void Tally::AddBatch() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++summary_.batches;
}
void Tally::AddRetry() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++summary_.retries;
}
void Tally::AddReason(const std::string& name, absl::Duration spent) {
  const std::lock_guard<std::mutex> lock(mutex_);
  summary_.reasons[name] += spent;
}
void Tally::AddWal(std::int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  summary_.wal_bytes += bytes;
}
void Tally::SetRows(std::int64_t rows) {
  const std::lock_guard<std::mutex> lock(mutex_);
  summary_.rows = rows;
}
void Tally::SetVerified(std::int64_t rows, std::int64_t differences) {
  const std::lock_guard<std::mutex> lock(mutex_);
  summary_.verified_rows = rows;
  summary_.differences = differences;
}
Summary Tally::Get() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return summary_;
}

catalog::Target Job::target() const {
  catalog::Target target{set, *replacement, std::nullopt};
  if (set.MembershipIsChosen() && old) target.members = old;
  return target;
}

const catalog::Structure* Job::live() const {
  if (!set.live_structure) return nullptr;
  if (old && old->structure_id == *set.live_structure) return &*old;
  return replacement ? &*replacement : nullptr;
}

const catalog::Structure* Job::retired() const {
  if (drops()) return &*old;
  if (!set.live_structure || !old) return nullptr;
  return *set.live_structure == old->structure_id ? &*replacement : &*old;
}

absl::Status ChangedError(const Job& job, const std::vector<std::string>& parts) {
  std::vector<std::string> what;
  for (const std::string& part : parts) what.push_back(Changed(part, job.set.member.Display()));
  return absl::FailedPreconditionError(absl::StrCat(
      "job ", job.id(), " stops: ", absl::StrJoin(what, "; "), "\nHINT: ", HintFor(parts)));
}

catalog::SetDefinition SetAfterExchange(const Job& job) {
  catalog::SetDefinition set = job.set;
  const absl::StatusOr<SetRequest> request = SetRequestFromJson(job.record.request);
  if (!request.ok()) return set;
  for (const std::string& column : request->show) {
    if (std::find(set.shown.begin(), set.shown.end(), column) == set.shown.end()) {
      set.shown.push_back(column);
    }
  }
  return set;
}

absl::Status RunGuarded(const Job& job, catalog::Session& session, absl::string_view label,
                        const GuardOptions& options, const std::function<absl::Status()>& body) {
  absl::StatusOr<catalog::Transaction> transaction =
      catalog::Transaction::Begin(session, label, options.timeouts);
  if (!transaction.ok()) return transaction.status();
  if (options.one_snapshot) {
    if (absl::Status kept = transaction->KeepSnapshot(); !kept.ok()) return kept;
  }
  if (options.hold_source && job.replacement) {
    absl::Status held = catalog::HoldStructureOfSource(session, job.target());
    if (absl::IsNotFound(held)) return ChangedError(job, {"objects"});
    if (!held.ok()) return held;
  }
  const absl::Time began = absl::Now();
  const bool rests = options.is_batch && job.last_check->IsRecent(began);
  absl::StatusOr<std::vector<std::string>> changed =
      rests ? catalog::GuardStorage(session, job.id(), job.token, job.set.member_oid)
            : catalog::Guard(session, job.id(), job.token);
  if (!changed.ok()) return changed.status();
  changed->erase(
      std::remove_if(changed->begin(), changed->end(),
                     [&](const std::string& part) {
                       const bool of_source = part == "columns" || part == "key" || part == "table";
                       return options.fence_only || (of_source && !options.check_source) ||
                              (part == "storage" && !options.check_storage) ||
                              (part == "capture" && !options.check_capture);
                     }),
      changed->end());
  if (!changed->empty()) return ChangedError(job, *changed);
  if (options.is_batch && !rests) job.last_check->Passed(began);
  if (absl::Status done = body(); !done.ok()) return done;
  return transaction->Commit();
}

absl::Status RunFenced(const Job& job, catalog::Session& session, absl::string_view label,
                       absl::Duration lock_timeout, const std::function<absl::Status()>& body) {
  GuardOptions options;
  options.hold_source = false;
  options.fence_only = true;
  options.timeouts.lock = lock_timeout;
  return RunGuarded(job, session, label, options, body);
}

absl::Status AwaitWindow(const Job& job, throttle::Work work) {
  constexpr absl::Duration kAskAgainAfter = absl::Milliseconds(250);
  bool waited = false;
  while (true) {
    const std::string goal = job.control->goal();
    if (goal == catalog::kGoalAbort || goal == catalog::kGoalRevert) break;
    std::string reason = job.control->hold_reason();
    if (reason.empty()) reason = job.pacer->WindowReason(work, absl::Now());
    if (reason.empty()) break;
    waited = true;
    job.progress->SetWaitingFor(reason);
    if (job.settings.hibernate && job.pacer->IsOutside(work, absl::Now())) {
      job.control->Hibernate(reason);
    }
    if (absl::Status slept = job.control->Sleep(kAskAgainAfter); !slept.ok()) return slept;
  }
  if (waited) job.progress->SetWaitingFor("");
  return absl::OkStatus();
}

absl::Status OverBudget(const Job& job) {
  return absl::ResourceExhaustedError(
      absl::StrCat("what is done under it took longer than its budget of ",
                   absl::FormatDuration(job.settings.swap_lock_budget)));
}

absl::Status RetryForLock(const Job& job, const catalog::QualifiedName& relation,
                          const std::string& mode,
                          const std::function<absl::Status(int attempt)>& attempt,
                          throttle::Work work) {
  absl::BitGen random;
  absl::Time give_up = absl::Now() + job.settings.lock_patience;
  absl::Duration pause = std::max(10 * job.settings.lock_timeout, absl::Milliseconds(200));
  std::string last_holder;
  for (int number = 1;; ++number) {
    const absl::Time asked = absl::Now();
    if (absl::Status open = AwaitWindow(job, work); !open.ok()) return open;
    give_up += absl::Now() - asked;  // The patience is for locks, not for windows.
    const absl::Status status = attempt(number);
    const bool over_budget = absl::IsResourceExhausted(status);
    if (!absl::IsDeadlineExceeded(status) && !absl::IsAborted(status) && !over_budget) {
      job.progress->SetWaitingFor("");
      return status;
    }
    job.tally->AddRetry();
    job.progress->AddRetry();
    absl::StatusOr<std::string> holder = catalog::DescribeLockers(*job.session, relation, mode);
    if (!holder.ok()) return holder.status();
    if (!holder->empty()) last_holder = *holder;
    const std::string who = last_holder.empty() ? "" : absl::StrCat(", held by ", last_holder);
    const std::string lock = absl::StrCat("lock ", mode, " on ", relation.Display());
    const std::string why =
        over_budget ? absl::StrCat(lock, ": ", status.message()) : absl::StrCat(lock, who);
    if (absl::Now() >= give_up) {
      return absl::DeadlineExceededError(absl::StrCat(
          why, over_budget ? "" : ": not obtained", " in ", number, " attempts\nHINT: ",
          over_budget ? "run the same command again when the server has less to do, or with a "
                        "larger budget"
                      : "run the same command again when that transaction has ended",
          "; nothing is lost."));
    }
    job.progress->SetWaitingFor(absl::StrCat(why, " (attempt ", number, ")"));
    const absl::Duration jittered = pause * absl::Uniform(random, 0.7, 1.3);
    if (absl::Status slept = job.control->Sleep(jittered); !slept.ok()) return slept;
    pause = std::min(pause * 1.5, absl::Seconds(2));
  }
}

}  // namespace restructure
