// The server's processes that run batches give way to all others, where it is certain which they
// are.

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/fixture.h"
#include "tests/server/relay.h"

namespace server {
namespace {

class PriorityTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    CreateSet(2000);
    others_ = NiceOf("pid = pg_backend_pid()").at(0);
  }

  // The nice values of those sessions' processes.
  std::vector<int> NiceOf(const std::string& condition) {
    std::vector<int> values;
    for (const Row& row :
         sql().Query(absl::StrCat("SELECT pid FROM pg_stat_activity WHERE ", condition))) {
      errno = 0;
      values.push_back(getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoi(row[0].value()))));
      EXPECT_EQ(errno, 0);
    }
    return values;
  }

  // Runs a job to another order, looks at it in its first batch and lets it end.
  void Look(const Target& target, const Arguments& more, int batches) {
    Arguments arguments = {"run",    "set",   "public.members_of_owner",
                           "--soak", "0",     "--controller",
                           "off",    "--key", looks_++ % 2 == 0 ? kSecondKey : kFirstKey};
    arguments.insert(arguments.end(), more.begin(), more.end());
    constexpr char kBatches[] = "application_name ~ '^pg_restructure job [0-9]+ worker'";
    constexpr char kNoBatches[] =
        "application_name ~ '^pg_restructure job [0-9]+ (keeper|sampler)'";
    Tool run(target, arguments, {"PG_RESTRUCTURE_FAIL=copy.before_commit:sleep=1500"});
    std::vector<int> seen;
    ASSERT_TRUE(Eventually([&] {
      seen = NiceOf(absl::StrCat(kBatches, " AND state = 'idle in transaction'"));
      return !seen.empty();
    })) << run.Written();
    for (const int nice : seen) EXPECT_EQ(nice, batches);
    const std::vector<int> watching = NiceOf(kNoBatches);
    EXPECT_FALSE(watching.empty());
    for (const int nice : watching) EXPECT_EQ(nice, others_);
    EXPECT_TRUE(Exits(kDone, run.Wait()));
  }

  int others_ = 0;
  int looks_ = 0;
};

TEST_F(PriorityTest, BatchesGiveWay) {
  Look(target(), {}, std::max(others_, 10));
  Look(target(), {"--nice", "19"}, 19);
  Look(target(), {"--nice", "0"}, others_);
  Look(target(), {"--no-throttle"}, others_);
}

// A process of that number may be anybody's.
TEST_F(PriorityTest, NobodysPriorityIsTouchedThroughARelay) {
  const Relay relay(target());
  Look(relay.target(), {}, others_);
}

TEST_F(PriorityTest, APlanSaysIt) {
  const Relay relay(target());
  const auto plan = [&](const Target& target, const Arguments& more, const std::string& line) {
    Arguments arguments = {"plan",  "set",      "public.members_of_owner",
                           "--key", kSecondKey, "--explain-limits"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = RunTool(target, arguments);
    EXPECT_TRUE(Exits(kDone, outcome));
    EXPECT_TRUE(std::regex_search(outcome.out, std::regex(line))) << outcome;
    return outcome;
  };
  plan(target(), {"--nice", "12"}, "  priority of batches +nice 12 +- +-  the server's processes");
  plan(relay.target(), {},
       "  priority of batches +as others +- +-  process [0-9]+ of this machine is not the "
       "session's");
  const Outcome off = plan(target(), {"--nice", "0"}, "  commit time");
  EXPECT_FALSE(absl::StrContains(off.out, "priority of batches"));
}

}  // namespace
}  // namespace server
