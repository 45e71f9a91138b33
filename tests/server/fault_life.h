// One life of a set under injected faults: the commands of the life, each befallen by them and
// repeated until it ends well, beside a writer; then the questions whether all is as it should be.

#ifndef TESTS_SERVER_FAULT_LIFE_H_
#define TESTS_SERVER_FAULT_LIFE_H_

#include <set>
#include <string>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/kills.h"

namespace server {

// Commands in order; the argument JOB stands for the newest job's number.
using Life = std::vector<Arguments>;

// What befalls each command of a life. `kill`: the command is repeated, killed at each of the
// points that it comes to once. Otherwise there is an attempt with all of them, and if that does
// not succeed, it has to be resumable, and one without.
struct Fault {
  std::vector<std::string> points;  // name or name@nth
  std::string action;               // kill, cut, sleep=MILLISECONDS
};

// The names that a set's life comes to, in its order.
std::vector<std::string> FailpointNames();

// All names, dealt to so many lives: those of one life are far apart in it.
std::vector<Fault> Faults(const std::vector<std::string>& names, const std::string& action,
                          std::size_t lives);

// Lives one life for each fault, several at a time, and fails for each that does not end well.
// Returns the names of the points that killed.
std::set<std::string> LiveAll(const std::vector<Fault>& faults, const Life& life);

}  // namespace server

#endif  // TESTS_SERVER_FAULT_LIFE_H_
