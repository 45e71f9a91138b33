#include "restructure/adjustments.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tools/command_context.h"
#include "tools/command_table.h"
#include "tools/option_table.h"

namespace restructure {
namespace {

using catalog::Adjustment;

Adjustment Of(const std::string& key, const std::string& value, double amount) {
  return {key, value, amount, std::nullopt};
}

absl::Time At(int hour, int minute) {
  return absl::FromCivil(absl::CivilMinute(2026, 11, 25, hour, minute), absl::UTCTimeZone());
}

TEST(AdjustmentsTest, NothingAdjustedIsWhatTheJobBeganWith) {
  Settings settings;
  settings.workers = 3;
  settings.limits.replica_lag_max = absl::Seconds(7);
  const Pacing pacing = Adjusted(settings, {});
  EXPECT_EQ(pacing.workers, 3);
  EXPECT_EQ(pacing.batch_target, settings.batch_size.target);
  EXPECT_EQ(pacing.limits.replica_lag_max, absl::Seconds(7));
  EXPECT_TRUE(pacing.limits.heed_commits);
}

TEST(AdjustmentsTest, EachKeyChangesItsOwnAndNothingElse) {
  const Settings settings;
  const Pacing pacing =
      Adjusted(settings, {Of("workers", "6", 6), Of("batch-target", "250ms", 250),
                          Of("replica-lag", "20s", 20000), Of("replica-lag-bytes", "1GB", 1 << 30),
                          Of("active-sessions", "9", 9), Of("wait-for-us", "0", 0)});
  EXPECT_EQ(pacing.workers, 6);
  EXPECT_EQ(pacing.batch_target, absl::Milliseconds(250));
  EXPECT_EQ(pacing.limits.replica_lag_max, absl::Seconds(20));
  EXPECT_EQ(pacing.limits.replica_lag_bytes_max, 1 << 30);
  EXPECT_EQ(pacing.limits.active_sessions_max, 9);
  EXPECT_EQ(pacing.limits.wait_for_us_max, absl::ZeroDuration());
  EXPECT_TRUE(pacing.limits.heed_commits);
  const Pacing free = Adjusted(settings, {Of("controller", "off", 0)});
  EXPECT_FALSE(free.limits.heed_commits);
  EXPECT_FALSE(free.limits.heed_knee);
}

TEST(AdjustmentsTest, TheImpactIsAShareOrATime) {
  Settings settings;
  settings.limits.commit_max = absl::Milliseconds(7);
  const Pacing share = Adjusted(settings, {Of("impact", "150%", 0.015)});
  EXPECT_DOUBLE_EQ(share.limits.impact, 1.5);
  EXPECT_EQ(share.limits.commit_max, absl::ZeroDuration());
  const Pacing time = Adjusted(settings, {Of("impact", "12ms", 12)});
  EXPECT_DOUBLE_EQ(time.limits.impact, settings.limits.impact);
  EXPECT_EQ(time.limits.commit_max, absl::Milliseconds(12));
}

TEST(AdjustmentsTest, WorkersStayWithinWhatThereCanBe) {
  EXPECT_EQ(Adjusted(Settings(), {Of("workers", "1000", 1000)}).workers, kWorkersMax);
  EXPECT_EQ(Adjusted(Settings(), {Of("workers", "0", 0)}).workers, 1);
}

TEST(AdjustmentsTest, AKeyOfANewerProgramChangesNothing) {
  EXPECT_EQ(Adjusted(Settings(), {Of("colour", "red", 1)}).workers, Settings().workers);
}

// The server reads them as it reads what is adjusted.
TEST(AdjustmentsTest, WhatAJobWasBegunWithIsSaidAsOnTheCommandLine) {
  tools::Arguments said;
  for (const auto& [key, value] : std::map<std::string, std::string>{{"workers", "3"},
                                                                     {"batch-target", "1.5s"},
                                                                     {"replica-lag", "1m30s"},
                                                                     {"replica-lag-bytes", "1GB"},
                                                                     {"active-sessions", "9"},
                                                                     {"wait-for-us", "0"},
                                                                     {"controller", "off"},
                                                                     {"impact", "12ms"}}) {
    EXPECT_EQ(tools::FindOption(key)->apply(value, said), absl::OkStatus());
  }
  using Values = std::vector<std::pair<std::string, std::string>>;
  const Values values = BegunWith(tools::SettingsFrom(said.run));
  EXPECT_EQ(values, (Values{{"workers", "3"},
                            {"batch-target", "1.5s"},
                            {"replica-lag", "1m30s"},
                            {"replica-lag-bytes", "1073741824"},
                            {"active-sessions", "9"},
                            {"wait-for-us", "0"},
                            {"controller", "off"},
                            {"impact", "12ms"}}));
  tools::Arguments read;
  for (const auto& [key, value] : values) {
    EXPECT_EQ(tools::FindOption(key)->apply(value, read), absl::OkStatus()) << key;
  }
  EXPECT_EQ(BegunWith(tools::SettingsFrom(read.run)), values);
  EXPECT_EQ(BegunWith(Settings()).back().second, "50%");
}

TEST(AdjustmentsTest, AreDescribedWithTheirEnds) {
  Adjustment workers = Of("workers", "4", 4);
  workers.until = At(14, 5);
  const Adjustment target = Of("batch-target", "200ms", 200);
  EXPECT_EQ(Describe({}, At(13, 55), absl::UTCTimeZone()), "");
  EXPECT_EQ(Describe({target, workers}, At(13, 55), absl::UTCTimeZone()),
            "batch-target 200ms, workers 4 until 14:05");
  workers.until = At(14, 5) + absl::Hours(24);
  EXPECT_EQ(Describe({workers}, At(13, 55), absl::UTCTimeZone()), "workers 4 until Thu 14:05");
}

TEST(AdjustmentsTest, TheCommandTakesTheKeysThatAreKnownHere) {
  std::vector<std::string> keys;
  for (const tools::OptionSpec* option : tools::OptionsOf(*tools::FindCommand("adjust"))) {
    if (option->otherwise != nullptr) keys.emplace_back(option->name);
  }
  EXPECT_EQ(keys, AdjustableKeys());
}

}  // namespace
}  // namespace restructure
