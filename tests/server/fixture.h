// What the server tests have in common: a database of their own, the member table and its set,
// and the questions that each test asks at its end.

#ifndef TESTS_SERVER_FIXTURE_H_
#define TESTS_SERVER_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/client.h"
#include "tests/server/cluster.h"
#include "tests/server/members.h"
#include "tests/server/tool.h"
#include "tests/server/wait.h"

namespace server {

// The set that most tests use starts in the first order and is restructured to the second.
constexpr char kFirstKey[] = "label, id";
constexpr char kSecondKey[] = "rank desc nulls last, id";

// create set public.members_of_owner … --key kFirstKey, and `more`.
Arguments CreateSetArguments(const Arguments& more = {"--no-throttle"});
// run set public.members_of_owner --key kSecondKey, and `more`.
Arguments RunSetArguments(const Arguments& more = {});

testing::AssertionResult Exits(ExitCode code, const Outcome& outcome);

// Fails with the lines.
testing::AssertionResult None(const std::vector<std::string>& complaints);

// Everything that a client can find in the database outside PostgreSQL's own schemas and ours.
std::vector<std::string> Objects(Client& client);

class ServerTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  const Target& target() const { return target_; }
  Client& sql() { return *client_; }

  Outcome Run(const Arguments& arguments, const Environment& environment = {}) {
    return RunTool(target_, arguments, environment);
  }

  // Creates the member table with `rows` rows and its set.
  void CreateSet(std::int64_t rows);

  // The newest job, as an argument.
  std::string Job();
  // Its phase; empty if there is none yet. May be asked before the tool has installed itself.
  std::string Phase();
  bool AwaitPhase(const std::string& phase);
  // The same for the stage of the replacement that is being built: copying, copied, settled,
  // indexed, ready. A phase's name is in the ledger after its .enter failpoint, a stage's before
  // the next phase's.
  bool AwaitStage(const std::string& stage);

  // Whether the newest job has exchanged the alias.
  bool HasSwapped();

  // Whether a session of the tool has a statement open that is like `pattern`.
  bool ToolRuns(const std::string& pattern);

  // The alias and every side table that is kept equal, against the member table.
  std::vector<std::string> Differences();

  // Undoes the newest job.
  testing::AssertionResult Aborts();

  // No leftovers: doctor says so.
  testing::AssertionResult Clean();

 private:
  Target target_;
  std::unique_ptr<Client> client_;
};

}  // namespace server

#endif  // TESTS_SERVER_FIXTURE_H_
