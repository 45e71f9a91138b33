// A job works in its window, and says what it waits for outside of it.

#include <csignal>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/server/fixture.h"

namespace server {
namespace {

// Four hours that begin so many hours from now: "15:00-19:00 UTC". Now is never near an end.
std::string Window(int hours_from_now) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time begin = absl::Now() + absl::Hours(hours_from_now);
  return absl::StrCat(absl::FormatTime("%H:00-", begin, utc),
                      absl::FormatTime("%H:00 UTC", begin + absl::Hours(4), utc));
}
std::string ClosedWindow() { return Window(+5); }
std::string OpenWindow() { return Window(-1); }

class WindowsTest : public ServerTest {
 protected:
  // A value of the newest job's progress, as `status --json` has it.
  nlohmann::json Progress(const std::string& key) {
    const Outcome status = Run({"status", Job(), "--json"});
    const nlohmann::json job = nlohmann::json::parse(status.out, nullptr, false);
    if (!job.is_object() || !job["progress"].contains(key)) return {};
    return job["progress"][key];
  }

  // Whether it comes to wait for something that begins like this, and still does a while later.
  bool AwaitWait(const std::string& reason) {
    const auto waits = [&] {
      const nlohmann::json what = Progress("waiting_for");
      return what.is_string() && absl::StartsWith(what.get<std::string>(), reason);
    };
    const auto longer = [&] {
      const nlohmann::json seconds = Progress("elapsed_seconds");
      return seconds.is_number() && seconds.get<double>() > 2;
    };
    return Eventually(waits) && Eventually(longer) && waits();
  }
};

TEST_F(WindowsTest, OutsideItTheJobWaitsAndInsideItGoesOn) {
  CreateSet(3000);
  const std::vector<std::string> before = Objects(sql());
  Tool outside(target(), RunSetArguments({"--window", ClosedWindow()}));
  ASSERT_TRUE(AwaitPhase("build")) << outside.Written();
  EXPECT_TRUE(AwaitWait("outside the window, opens ")) << Progress("waiting_for");
  EXPECT_TRUE(outside.Running()) << outside.Written();
  EXPECT_EQ(Phase(), "build");
  EXPECT_EQ(Objects(sql()), before);
  outside.Signal(SIGINT);
  EXPECT_TRUE(Exits(kResumable, outside.Wait()));

  EXPECT_TRUE(Exits(kDone, Run(RunSetArguments({"--window", OpenWindow()}))));
  EXPECT_TRUE(HasSwapped());
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Exits(kDone, Run({"finish", Job(), "--window", OpenWindow()})));
  EXPECT_TRUE(Clean());
}

// As cron or a systemd timer runs it: again and again.
TEST_F(WindowsTest, OutsideItTheJobEndsIfItIsToAndGoesOnWhenStartedAgain) {
  CreateSet(3000);
  const Arguments hibernating =
      RunSetArguments({"--outside", "hibernate", "--window", ClosedWindow()});
  for (int night = 0; night < 2; ++night) {
    const Outcome rests = Run(hibernating);
    EXPECT_TRUE(Exits(kHibernates, rests));
    EXPECT_TRUE(absl::StrContains(rests.out, absl::StrCat("job ", Job(),
                                                          " rests: outside the "
                                                          "window, opens ")))
        << rests;
  }
  EXPECT_TRUE(
      Exits(kDone, Run(RunSetArguments({"--outside", "hibernate", "--window", OpenWindow()}))));
  EXPECT_TRUE(HasSwapped());
  EXPECT_TRUE(Exits(kHibernates,
                    Run({"finish", Job(), "--outside", "hibernate", "--window", ClosedWindow()})));
  EXPECT_TRUE(None(Differences()));
  EXPECT_TRUE(Exits(kDone, Run({"finish", Job()})));
  EXPECT_TRUE(Clean());
}

TEST_F(WindowsTest, TheSwapWaitsForItsOwnWindowAndAnAbortForNone) {
  CreateSet(1000);
  const std::vector<std::string> before = Objects(sql());
  Tool run(target(), RunSetArguments({"--no-throttle", "--swap-window", ClosedWindow()}));
  ASSERT_TRUE(AwaitPhase("swap")) << run.Written();
  EXPECT_TRUE(AwaitWait("outside the swap window, opens ")) << Progress("waiting_for");
  EXPECT_FALSE(HasSwapped());
  EXPECT_TRUE(Aborts());
  EXPECT_TRUE(Exits(kAborted, run.Wait()));
  EXPECT_EQ(Objects(sql()), before);
  EXPECT_TRUE(Clean());
}

TEST_F(WindowsTest, ARevertWaitsForNoWindow) {
  CreateSet(1000);
  ASSERT_TRUE(Exits(kDone, Run(RunSetArguments({"--no-throttle"}))));
  Tool soak(target(), {"resume", Job(), "--soak", "1h", "--window", ClosedWindow()});
  ASSERT_TRUE(AwaitWait("the soak time")) << soak.Written();
  EXPECT_TRUE(Exits(kDone, Run({"revert", Job()})));
  const Outcome reverted = soak.Wait();
  EXPECT_TRUE(Exits(kDone, reverted));
  EXPECT_TRUE(absl::StrContains(reverted.out, "sort key now: label")) << reverted;
  EXPECT_TRUE(None(Differences()));
}

TEST_F(WindowsTest, AnIndexWaitsToo) {
  CreateMembers(sql(), 500);
  sql().Exec("CREATE INDEX members_rank ON members (rank)");
  Tool run(target(), {"run", "index", "public.members_rank", "--key", "rank, id", "--window",
                      ClosedWindow()});
  ASSERT_TRUE(AwaitPhase("build")) << run.Written();
  EXPECT_TRUE(AwaitWait("outside the window, opens ")) << Progress("waiting_for");
  EXPECT_TRUE(Aborts());
  EXPECT_TRUE(Exits(kAborted, run.Wait()));
  EXPECT_TRUE(Exits(kDone, Run({"run", "index", "public.members_rank", "--key", "rank, id",
                                "--window", OpenWindow()})));
}

}  // namespace
}  // namespace server
