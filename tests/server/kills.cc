#include "tests/server/kills.h"

#include <algorithm>
#include <csignal>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/server/cluster.h"

namespace server {
namespace {

// The failpoint's last words; empty if there are none.
std::string KilledAt(const Outcome& outcome) {
  constexpr char kWords[] = "pg_restructure: killed at ";
  const std::size_t at = outcome.err.rfind(kWords);
  if (outcome.signal != SIGKILL || at == std::string::npos) return "";
  const std::size_t from = at + sizeof kWords - 1;
  return outcome.err.substr(from, outcome.err.find('\n', from) - from);
}

}  // namespace

std::vector<std::string> FailpointNames(const std::vector<std::string>& prefixes) {
  const Outcome outcome = RunTool(Cluster::Get().InDatabase("postgres"), {"failpoints"});
  EXPECT_EQ(outcome.exit_code, kDone) << outcome;
  std::vector<std::string> names;
  for (const absl::string_view name : absl::StrSplit(outcome.out, '\n', absl::SkipWhitespace())) {
    const auto starts = [&name](const std::string& prefix) {
      return absl::StartsWith(name, prefix);
    };
    if (std::any_of(prefixes.begin(), prefixes.end(), starts)) names.emplace_back(name);
  }
  return names;
}

std::vector<std::vector<std::string>> Dealt(const std::vector<std::string>& names,
                                            std::size_t stride) {
  std::vector<std::vector<std::string>> hands(std::min(stride, names.size()));
  for (std::size_t i = 0; i < names.size(); ++i) hands[i % hands.size()].push_back(names[i]);
  return hands;
}

std::string Armed(const std::vector<std::string>& names, const std::string& action) {
  return absl::StrCat("PG_RESTRUCTURE_FAIL=",
                      absl::StrJoin(names, ",", [&action](std::string* out, const auto& name) {
                        absl::StrAppend(out, name, ":", action);
                      }));
}

Killed RunKilled(const Target& target, const std::function<Arguments()>& next,
                 std::vector<std::string> names, const Environment& environment) {
  Killed killed;
  while (true) {
    Environment armed = environment;
    armed.push_back(Armed(names, "kill"));
    killed.last = RunTool(target, next(), armed);
    const std::string at = KilledAt(killed.last);
    const auto is_it = [&at](const std::string& name) {
      return name == at || absl::StartsWith(name, at + "@");
    };
    const auto found = std::find_if(names.begin(), names.end(), is_it);
    if (at.empty() || found == names.end()) return killed;
    names.erase(found);
    killed.at.insert(at);
    absl::StrAppend(&killed.story, testing::PrintToString(killed.last));
  }
}

std::function<Arguments()> Repeated(Client& client, const Arguments& command) {
  return [&client, command, begun = false]() mutable {
    const bool through = begun && command[0] == "revert" &&
                         client.Holds("(SELECT goal = 'soak' FROM restructure.job WHERE open)");
    begun = true;
    return through ? Arguments{"resume", command[1]} : command;
  };
}

bool WasDoneBefore(const Outcome& outcome) {
  constexpr const char* kSaid[] = {"nothing to do", "is over: done", "is over: aborted",
                                   "has swapped already"};
  const auto said = [&outcome](const char* text) { return absl::StrContains(outcome.err, text); };
  return outcome.exit_code == kRefused && std::any_of(std::begin(kSaid), std::end(kSaid), said);
}

}  // namespace server
