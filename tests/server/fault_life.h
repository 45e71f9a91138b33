// One life of a set under injected faults: the commands of the life, each begun with a fault and
// repeated until it ends well, beside a writer; then the questions whether all is as it should be.

#ifndef TESTS_SERVER_FAULT_LIFE_H_
#define TESTS_SERVER_FAULT_LIFE_H_

#include <set>
#include <string>
#include <vector>

#include "tests/server/fixture.h"

namespace server {

// Commands in order; the argument JOB stands for the newest job's number.
using Life = std::vector<Arguments>;

// What PG_RESTRUCTURE_FAIL is in a command's first attempt, its second …; after the last one there
// is one attempt without any fault, and that has to succeed, or to say that all was done before.
struct Fault {
  std::vector<std::string> attempts;
  bool kills = false;  // A faulty attempt ends by SIGKILL; otherwise with success or resumable.
};
std::string Shown(const Fault& fault);

// The names that a set's life comes to, in its order.
std::vector<std::string> FailpointNames();

// All names that start with one of the prefixes.
std::vector<std::string> FailpointNames(const std::vector<std::string>& prefixes);

// All of them; with PG_RESTRUCTURE_TEST_KILLS=1, 2 or 3 every third one from that one on: the three
// builds of tools/check share the kills.
std::vector<std::string> NamesToKillAt(const std::vector<std::string>& names);

// One fault for each name: name@nth:action in the first attempt.
std::vector<Fault> OneByOne(const std::vector<std::string>& names, const std::string& action,
                            int nth = 1);

// All names, `together` of them in one attempt, far apart in a job's life.
std::vector<Fault> InGroups(const std::vector<std::string>& names, const std::string& action,
                            std::size_t together);

// Lives one life for each fault, several at a time, and fails for each that does not end well.
// Returns the faults that showed: some attempt did not succeed.
std::set<std::string> LiveAll(const std::vector<Fault>& faults, const Life& life);

}  // namespace server

#endif  // TESTS_SERVER_FAULT_LIFE_H_
