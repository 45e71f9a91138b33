#include "catalog/failpoint.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace catalog {
namespace {

// In the order of a job's life. Transaction::Begin refuses a label that is not here.
constexpr absl::string_view kTransactions[] = {
    "install",        "open_job",       "lease",          "build",        "copy",
    "reset_copy",     "take",           "settle",         "index",        "apply",
    "stage",          "ranges",         "verify",         "synchronize",  "exchange",
    "revert",         "release",        "disconnect",     "empty",        "drop",
    "abandon",        "close_job",      "index_skeleton", "index_attach", "index_part",
    "index_exchange", "index_revert",   "index_validate", "index_drop",   "table_exchange",
    "table_revert",   "table_validate", "table_sequence", "table_drop",   "table_attach"};
// Around statements that cannot run in a transaction.
constexpr absl::string_view kStatements[] = {"index_concurrently", "index_drop_concurrently"};
constexpr absl::string_view kPhases[] = {"build", "connect",    "verify", "swap",
                                         "soak",  "disconnect", "drop"};

struct Armed {
  std::string name;
  int nth = 1;
  std::string action;
  absl::Duration sleep;
  std::atomic<int> passed{0};
};

struct Configuration {
  std::vector<std::unique_ptr<Armed>> armed;
  absl::Status status;
};

absl::Status Parse(absl::string_view part, Configuration* configuration) {
  const auto bad = [part](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("PG_RESTRUCTURE_FAIL: \"", part, "\": ", what,
                     "\nHINT: write name[@nth]:kill|cut|error|sleep=MILLISECONDS; "
                     "`pg_restructure failpoints` lists the names."));
  };
  const std::vector<std::string> halves = absl::StrSplit(part, absl::MaxSplits(':', 1));
  if (halves.size() != 2) return bad("no action");
  auto armed = std::make_unique<Armed>();
  const std::vector<std::string> name = absl::StrSplit(halves[0], absl::MaxSplits('@', 1));
  armed->name = name[0];
  if (name.size() == 2 && (!absl::SimpleAtoi(name[1], &armed->nth) || armed->nth < 1)) {
    return bad("not a count after @");
  }
  const std::vector<std::string> action = absl::StrSplit(halves[1], absl::MaxSplits('=', 1));
  armed->action = action[0];
  if (armed->action == "sleep") {
    int milliseconds = 0;
    if (action.size() != 2 || !absl::SimpleAtoi(action[1], &milliseconds)) {
      return bad("sleep needs milliseconds");
    }
    armed->sleep = absl::Milliseconds(milliseconds);
  } else if (armed->action != "kill" && armed->action != "cut" && armed->action != "error") {
    return bad("unknown action");
  }
  const std::vector<std::string> names = FailpointNames();
  if (std::find(names.begin(), names.end(), armed->name) == names.end()) return bad("unknown name");
  configuration->armed.push_back(std::move(armed));
  return absl::OkStatus();
}

const Configuration& Configured() {
  static const Configuration* const configuration = [] {
    auto* made = new Configuration;
    const char* text = std::getenv("PG_RESTRUCTURE_FAIL");
    if (text == nullptr || *text == '\0') return made;
    for (absl::string_view part : absl::StrSplit(text, ',')) made->status.Update(Parse(part, made));
    return made;
  }();
  return *configuration;
}

}  // namespace

std::vector<std::string> FailpointNames() {
  std::vector<std::string> names;
  for (absl::string_view phase : kPhases) {
    names.push_back(absl::StrCat(phase, ".enter"));
    names.push_back(absl::StrCat(phase, ".leave"));
  }
  for (absl::string_view transaction : kTransactions) {
    for (absl::string_view point : {".before_commit", ".commit_unanswered", ".after_commit"}) {
      names.push_back(absl::StrCat(transaction, point));
    }
  }
  for (absl::string_view statement : kStatements) {
    for (absl::string_view point : {".before", ".after"}) {
      names.push_back(absl::StrCat(statement, point));
    }
  }
  return names;
}

absl::Status FailpointHit(absl::string_view name, const std::function<void()>& cut) {
  for (const std::unique_ptr<Armed>& armed : Configured().armed) {
    if (armed->name != name || ++armed->passed != armed->nth) continue;
    if (armed->action == "kill") {
      std::fprintf(stderr, "pg_restructure: killed at %s\n", armed->name.c_str());
      std::raise(SIGKILL);
    }
    if (armed->action == "cut") cut();
    if (armed->action == "sleep") absl::SleepFor(armed->sleep);
    if (armed->action == "error") return absl::InternalError(absl::StrCat("failpoint ", name));
  }
  return absl::OkStatus();
}

absl::Status CheckFailpoints() { return Configured().status; }

}  // namespace catalog
