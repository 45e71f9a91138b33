// Kills the tool at its failpoints, one after another in one job's life: what a crash leaves behind
// is what the next attempt begins with, and dies of.

#ifndef TESTS_SERVER_KILLS_H_
#define TESTS_SERVER_KILLS_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/server/client.h"
#include "tests/server/tool.h"

namespace server {

// All failpoints whose names start with one of the prefixes, in the order of a job's life.
std::vector<std::string> FailpointNames(const std::vector<std::string>& prefixes);

// Every `stride`th of them from each of the first `stride` on.
std::vector<std::vector<std::string>> Dealt(const std::vector<std::string>& names,
                                            std::size_t stride);

// PG_RESTRUCTURE_FAIL=name:action,…
std::string Armed(const std::vector<std::string>& names, const std::string& action);

struct Killed {
  std::set<std::string> at;
  Outcome last;       // The attempt that was not killed: with `names` that it did not come to.
  std::string story;  // The attempts before it.
};

// Runs the command again and again, each time killed at the first of `names` that it comes to and
// that has not killed it yet; a name may be name@nth. `next` is asked what the command is each
// time.
Killed RunKilled(const Target& target, const std::function<Arguments()>& next,
                 std::vector<std::string> names, const Environment& environment = {});

// For `next`: the command of a job, and after a kill what takes it to its end. A revert that was
// through must not be done once more.
std::function<Arguments()> Repeated(Client& client, const Arguments& command);

// The attempt before had come to its end and only could not say so.
bool WasDoneBefore(const Outcome& outcome);

}  // namespace server

#endif  // TESTS_SERVER_KILLS_H_
