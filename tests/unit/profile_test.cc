#include "tools/profile.h"

#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tools/command_context.h"
#include "tools/option_table.h"

namespace tools {
namespace {

const char* const kBuiltIn[] = {"gentle", "balanced", "fast", "overnight", "unlimited"};

Profile Found(const std::string& name) {
  const absl::StatusOr<Profile> profile = FindProfile(name);
  EXPECT_TRUE(profile.ok()) << profile.status();
  return profile.ok() ? *profile : Profile();
}

Profile Parsed(const std::string& text) {
  const absl::StatusOr<Profile> profile = ParseProfile(text, "x.ini");
  EXPECT_TRUE(profile.ok()) << profile.status();
  return profile.ok() ? *profile : Profile();
}

std::string Refusal(const std::string& text) {
  const absl::StatusOr<Profile> profile = ParseProfile(text, "x.ini");
  EXPECT_EQ(profile.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(profile.status().message());
}

// The run options of `run set s --key k` with further words.
RunOptions Used(const std::vector<std::string>& more) {
  std::vector<std::string> args = {"run", "set", "s", "--key", "k"};
  args.insert(args.end(), more.begin(), more.end());
  absl::StatusOr<Arguments> arguments = ParseArguments(args);
  EXPECT_TRUE(arguments.ok()) << arguments.status();
  if (!arguments.ok()) return {};
  const absl::Status used = UseProfile(*arguments);
  EXPECT_TRUE(used.ok()) << used;
  return arguments->run;
}

// A Monday, 13:46 UTC.
constexpr absl::Time kMonday = absl::FromUnixSeconds(1000000);

// Everything that a profile can say, as it takes effect.
std::string Effect(const RunOptions& run) {
  const restructure::Settings settings = SettingsFrom(run);
  const throttle::Limits& limits = settings.limits;
  return absl::StrCat(
      settings.workers, " ", settings.nice, " ", absl::FormatDuration(settings.batch_size.target),
      " ", settings.batch_size.bytes_max, " ", absl::FormatDuration(settings.lock_timeout), " ",
      absl::FormatDuration(settings.swap_lock_budget), " ",
      absl::FormatDuration(settings.lock_patience), " ",
      absl::FormatDuration(settings.snapshot_wait), " ",
      settings.soak ? absl::FormatDuration(*settings.soak) : "never", " ",
      settings.disconnect_in_batches, " ", settings.maintenance_work_mem_bytes, " ",
      absl::FormatDuration(limits.replica_lag_max), " ", limits.replica_lag_bytes_max, " ",
      limits.active_sessions_max, " ", absl::FormatDuration(limits.wait_for_us_max), " ",
      absl::FormatDuration(limits.sample_age_max), " ", limits.heed_commits, " ",
      absl::StrJoin(limits.required_replicas, ","), " ", limits.replicas_must_stay, " ",
      limits.slot_wal_max, " ", limits.archiver_segments_max, " ", limits.connections_share_max,
      " ", limits.impact, " ", absl::FormatDuration(limits.commit_max), " ", settings.hibernate,
      " ", limits.custom.size(), " ", settings.custom_signals.size(), " ",
      settings.windows.Reason(throttle::Work::kBatch, kMonday, absl::ZeroDuration()),
      settings.windows.Reason(throttle::Work::kExchange, kMonday, absl::ZeroDuration()));
}

// A file that goes with the test.
class File {
 public:
  explicit File(const std::string& text)
      : path_(absl::StrCat(testing::TempDir(), "profile_test_", ++count_, ".ini")) {
    std::ofstream(path_) << text;
  }
  ~File() { (void)std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  static inline int count_ = 0;
  const std::string path_;
};

TEST(ProfileTest, BalancedIsWhatRunsWithoutAProfile) {
  EXPECT_TRUE(Found("balanced").values.empty());
  EXPECT_EQ(Effect(Used({"--profile", "balanced"})), Effect(Used({})));
  EXPECT_EQ(Effect(Used({})), Effect(RunOptions()));
}

// The tables' defaults are texts, the program's are values: they must not drift apart.
TEST(ProfileTest, EveryKeysDefaultIsTheProgramsOwn) {
  for (const OptionSpec& option : RunOptionSpecs()) {
    if (option.otherwise == nullptr) continue;
    Arguments arguments;
    const absl::Status set = option.apply(option.otherwise, arguments);
    EXPECT_TRUE(set.ok()) << set;
    EXPECT_EQ(Effect(arguments.run), Effect(RunOptions())) << option.name;
  }
}

TEST(ProfileTest, UnlimitedIsNoThrottle) {
  EXPECT_EQ(Effect(Used({"--profile", "unlimited"})), Effect(Used({"--no-throttle"})));
}

TEST(ProfileTest, TheBuiltInOnesDiffer) {
  std::set<std::string> effects;
  for (const char* name : kBuiltIn) effects.insert(Effect(Used({"--profile", name})));
  EXPECT_EQ(effects.size(), 5U);
}

TEST(ProfileTest, AnOptionOnTheCommandLineWins) {
  EXPECT_EQ(Used({"--profile", "fast"}).workers, 8);
  EXPECT_EQ(Used({"--profile", "fast", "--workers", "3"}).workers, 3);
  EXPECT_EQ(Used({"--workers", "3", "--profile", "fast"}).workers, 3);
  EXPECT_EQ(Used({"--workers", "auto", "--profile", "fast"}).workers, std::nullopt);
  EXPECT_TRUE(Used({"--profile", "unlimited"}).no_throttle);
  EXPECT_FALSE(Used({"--profile", "unlimited", "--throttle", "on"}).no_throttle);
  const File throttled("throttle = on\n");
  EXPECT_TRUE(Used({"--profile", throttled.path(), "--no-throttle"}).no_throttle);
  const RunOptions run = Used({"--profile", "gentle", "--no-throttle"});
  EXPECT_EQ(SettingsFrom(run).limits.replica_lag_max, absl::ZeroDuration());
  EXPECT_EQ(run.batch_target, absl::Milliseconds(50));
}

TEST(ProfileTest, WhatIsShownReadsBackIdentically) {
  for (const char* name : kBuiltIn) {
    const Profile profile = Found(name);
    const std::string shown = ToIni(profile);
    const File file(shown);
    EXPECT_EQ(Effect(Used({"--profile", file.path()})), Effect(Used({"--profile", name})));
    Profile read = Found(file.path());
    read.name = profile.name;
    read.purpose = profile.purpose;
    EXPECT_EQ(ToIni(read), shown);
  }
}

TEST(ProfileTest, EveryKeyIsShownWithUnitExplanationAndDefault) {
  const std::string shown = ToIni(Found("gentle"));
  EXPECT_TRUE(absl::StartsWith(shown, "# Profile gentle: a server with nothing to spare"));
  EXPECT_TRUE(absl::StrContains(shown,
                                "\n\n# DURATION: time that one batch should take (100ms)\n"
                                "batch-target = 50ms\n"));
  EXPECT_TRUE(absl::StrContains(shown, "\nsnapshot-wait = 10m\n"));
  for (const OptionSpec& option : RunOptionSpecs()) {
    const bool is_key = option.otherwise != nullptr;
    EXPECT_EQ(absl::StrContains(shown, absl::StrCat("\n", option.name, " = ")), is_key)
        << option.name;
  }
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(shown, '\n'))) {
    EXPECT_LE(line.size(), 100U) << line;
  }
}

TEST(ProfileTest, AFileStartsFromABuiltInOne) {
  const Profile profile = Parsed("workers = 2\nfrom = overnight\nbatch-target = 80ms\n");
  EXPECT_EQ(profile.values.at("workers"), "2");
  EXPECT_EQ(profile.values.at("batch-target"), "80ms");
  EXPECT_EQ(profile.values.at("lock-patience"), Found("overnight").values.at("lock-patience"));
  const File file("from = gentle\nworkers = auto\n");
  EXPECT_EQ(Used({"--profile", file.path()}).workers, std::nullopt);
  EXPECT_EQ(Used({"--profile", file.path()}).lock_timeout, absl::Milliseconds(20));
}

TEST(ProfileTest, CommentsSpacesAndLineEndsDoNotMatter) {
  const Profile profile = Parsed("\r\n  # all\n\tworkers=4   # four\r\n\nsoak =  2h");
  EXPECT_EQ(profile.values, (std::map<std::string, std::string>{{"workers", "4"}, {"soak", "2h"}}));
  EXPECT_TRUE(Parsed("").values.empty());
}

TEST(ProfileTest, AWindowIsAKeyToo) {
  const File file("from = overnight\nwindow = Tue 22:00-05:00; Sat 00:00-24:00 UTC\n");
  const restructure::Settings settings = SettingsFrom(Used({"--profile", file.path()}));
  EXPECT_EQ(settings.windows.Reason(throttle::Work::kBatch, kMonday, absl::ZeroDuration()),
            "outside the window, opens Tue 22:00 UTC in 32h14m");
  const RunOptions always = Used({"--profile", file.path(), "--window", "always"});
  EXPECT_TRUE(always.window.At(kMonday).open);
  EXPECT_EQ(Refusal("workers = 2\nwindow = 22:00-05:00\n"),
            "profile x.ini, line 2: key window: window \"22:00-05:00\" does not end in a time "
            "zone\nHINT: write [DAYS] HH:MM-HH:MM ZONE, e.g. Mon-Fri 22:00-05:00 Europe/Berlin; a "
            "semicolon separates several");
}

TEST(ProfileTest, SignalsAreReadWithTheirLinesAndAddedToThoseOfTheCommandLine) {
  const File file(
      "from = gentle\nsignal = queue limit 80 stop 120 every 10s: SELECT count(*) FROM app.jobs\n"
      "require-replica = reports, spare\nsignal = heat limit 0.5 stop 1.5: SELECT a = 1 FROM t\n");
  const std::string more = "load limit 1 stop 2: SELECT 1";
  const RunOptions run = Used({"--profile", file.path(), "--signal", more});
  ASSERT_EQ(run.signals.size(), 3U);
  EXPECT_EQ(run.signals[0].limit.name, "load");
  EXPECT_EQ(run.signals[0].query.origin, "option --signal");
  EXPECT_EQ(run.signals[1].limit.name, "queue");
  EXPECT_EQ(run.signals[1].limit.soft, 80);
  EXPECT_EQ(run.signals[1].limit.hard, 120);
  EXPECT_EQ(run.signals[1].query.every, absl::Seconds(10));
  EXPECT_EQ(run.signals[1].query.sql, "SELECT count(*) FROM app.jobs");
  EXPECT_EQ(run.signals[1].query.origin, absl::StrCat("profile ", file.path(), ", line 2"));
  EXPECT_EQ(run.signals[2].limit.soft, 0.5);
  EXPECT_EQ(run.signals[2].query.every, absl::Seconds(5));
  EXPECT_EQ(run.signals[2].query.sql, "SELECT a = 1 FROM t");
  EXPECT_EQ(run.required_replicas, (std::vector<std::string>{"reports", "spare"}));
  const File shown(ToIni(Found(file.path())));
  EXPECT_EQ(Used({"--profile", shown.path()}).signals.size(), 2U);
  EXPECT_EQ(Effect(Used({"--profile", shown.path()})), Effect(Used({"--profile", file.path()})));
  EXPECT_EQ(SettingsFrom(Used({"--profile", file.path(), "--no-throttle"})).custom_signals.size(),
            0U);
}

TEST(ProfileTest, RefusesWhatIsNoSignal) {
  constexpr char kHint[] =
      "\nHINT: write NAME limit NUMBER stop NUMBER every DURATION: SELECT ..., e.g. queue limit 80 "
      "stop 120 every 5s: SELECT count(*) FROM app.jobs";
  EXPECT_EQ(Refusal("workers = 2\nsignal = queue limit 80: SELECT 1"),
            std::string("profile x.ini, line 2: key signal: \"queue limit 80: SELECT 1\" is not a "
                        "signal") +
                kHint);
  EXPECT_EQ(
      Refusal("signal = queue limit 80 stop many: SELECT 1"),
      std::string("profile x.ini, line 1: key signal: \"many\" is not a number from 0 on") + kHint);
  EXPECT_EQ(Refusal("signal = queue limit 120 stop 80: SELECT 1"),
            "profile x.ini, line 1: key signal: signal queue: limit 120 is not below stop 80\n"
            "HINT: the pace begins to fall at the limit, and nothing runs from stop on");
  EXPECT_EQ(Refusal("signal = queue limit 1 stop 2 every 5: SELECT 1"),
            "profile x.ini, line 1: key signal: \"5\" is not a duration\n"
            "HINT: write a number and a unit: 250ms, 2s, 1.5s, 10m, 2h");
  EXPECT_EQ(Refusal("signal = queue limit 1 stop 2: "),
            std::string("profile x.ini, line 1: key signal: signal queue has no query") + kHint);
  EXPECT_EQ(Refusal("signal = q limit 1 stop 2: SELECT 1\nsignal = q limit 1 stop 2: SELECT 1"),
            "profile x.ini, line 2: key signal: there are two signals q\n"
            "HINT: give each its own name");
  EXPECT_EQ(Refusal("signal = q limit 1 stop 2: SELECT a #> '{b}' FROM t"),
            "profile x.ini, line 1: a # begins a comment, also in a query\n"
            "HINT: put the query into a view or a function, and select from that");
}

TEST(ProfileTest, RefusesLimitsThatContradictEachOther) {
  const auto refusal = [](const std::string& text) {
    const File file(text);
    absl::StatusOr<Arguments> arguments =
        ParseArguments({"run", "set", "s", "--key", "k", "--profile", file.path()});
    return arguments.ok() ? std::string(UseProfile(*arguments).message()) : "";
  };
  EXPECT_EQ(refusal("batch-target = 2s\nreplica-lag = 2s\n"),
            "batch-target 2s is not below replica-lag 2s\n"
            "HINT: one batch alone may keep a replica behind for as long as it takes");
  EXPECT_EQ(refusal("lock-timeout = 1m\nlock-patience = 10s\n"),
            "lock-timeout 1m is not below lock-patience 10s\n"
            "HINT: the patience is for all attempts together");
  EXPECT_EQ(refusal("batch-target = 2s\nreplica-lag = 0\n"), "");
  EXPECT_EQ(refusal("outside = hibernate\n"),
            "outside hibernate has no effect without a window\n"
            "HINT: give a window, or leave outside = pause");
  EXPECT_EQ(refusal("outside = hibernate\nswap-window = 22:00-05:00 UTC\n"), "");
}

TEST(ProfileTest, ImpactIsAShareOrATime) {
  const File share("impact = 20%\n");
  EXPECT_EQ(Used({"--profile", share.path()}).impact, 0.2);
  const RunOptions time = Used({"--profile", share.path(), "--impact", "12ms"});
  EXPECT_EQ(SettingsFrom(time).limits.commit_max, absl::Milliseconds(12));
  EXPECT_EQ(Refusal("impact = 20"),
            "profile x.ini, line 1: key impact: \"20\" is not a duration\n"
            "HINT: write a number and a unit: 250ms, 2s, 1.5s, 10m, 2h");
  EXPECT_EQ(Refusal("impact = 0%"),
            "profile x.ini, line 1: key impact: \"0\" is not a number from 1 to 1000\n"
            "HINT: write plain digits, e.g. 4");
}

TEST(ProfileTest, ListNamesAll) {
  const std::string list = ProfileList();
  for (const char* name : kBuiltIn) EXPECT_TRUE(absl::StrContains(list, name)) << list;
  EXPECT_TRUE(absl::StrContains(list, "balanced    the default"));
}

TEST(ProfileTest, RefusesWhatIsNoKey) {
  EXPECT_EQ(Refusal("workers = 2\n\nbatch_target = 50ms\n"),
            "profile x.ini, line 3: there is no key \"batch_target\"\n"
            "HINT: the keys are from, workers, batch-target, batch-bytes, nice, lock-timeout, "
            "swap-lock-budget, lock-patience, snapshot-wait, soak, disconnect, replica-lag, "
            "replica-lag-bytes, "
            "active-sessions, wait-for-us, sample-age, require-replica, replica-gone, slot-wal, "
            "archiver, signal, throttle, controller, impact, window, swap-window, outside, "
            "maintenance-work-mem");
  // Options that say what to do, not how.
  for (const char* name :
       {"hold-before-swap", "summary", "quiet", "profile", "no-throttle", "key", "host"}) {
    EXPECT_TRUE(absl::StrContains(Refusal(absl::StrCat(name, " = 1")), "there is no key")) << name;
  }
}

TEST(ProfileTest, RefusesBadValuesAndWrongUnits) {
  EXPECT_EQ(Refusal("# batches\nbatch-target = 100\n"),
            "profile x.ini, line 2: key batch-target: \"100\" is not a duration\n"
            "HINT: write a number and a unit: 250ms, 2s, 1.5s, 10m, 2h");
  EXPECT_EQ(Refusal("replica-lag-bytes = 5s"),
            "profile x.ini, line 1: key replica-lag-bytes: \"5s\" is not a size\n"
            "HINT: write a number and a unit, or plain bytes: 64MB, 1GB, 1048576");
  EXPECT_EQ(Refusal("workers = 65"),
            "profile x.ini, line 1: key workers: \"65\" is not a number from 1 to 64\n"
            "HINT: write plain digits, e.g. 4");
  EXPECT_EQ(Refusal("workers ="),
            "profile x.ini, line 1: key workers: \"\" is not a number from 1 to 64\n"
            "HINT: write plain digits, e.g. 4");
  EXPECT_EQ(Refusal("controller = yes"),
            "profile x.ini, line 1: key controller: \"yes\" is neither on nor off\n"
            "HINT: write on or off");
  EXPECT_EQ(Refusal("from = weekend"),
            "profile x.ini, line 1: key from: there is no built-in profile \"weekend\"\n"
            "HINT: these are built in: gentle, balanced, fast, overnight, unlimited");
}

TEST(ProfileTest, RefusesDuplicates) {
  EXPECT_EQ(Refusal("workers = 2\nsoak = 1h\nworkers = 2\n"),
            "profile x.ini, line 3: key workers is given twice, first in line 1\n"
            "HINT: give it once");
  EXPECT_EQ(Refusal("from = fast\nfrom = gentle\n"),
            "profile x.ini, line 2: key from is given twice, first in line 1\nHINT: give it once");
}

TEST(ProfileTest, RefusesWhatIsNoIni) {
  constexpr char kHint[] = "\nHINT: write KEY = VALUE, e.g. workers = 4; a comment begins with #";
  EXPECT_EQ(Refusal("workers 4"),
            std::string("profile x.ini, line 1: \"workers 4\" is not a key with a value") + kHint);
  EXPECT_EQ(Refusal("soak = 1h\n = 4"),
            std::string("profile x.ini, line 2: \"= 4\" is not a key with a value") + kHint);
  EXPECT_EQ(Refusal("[night]"),
            std::string("profile x.ini, line 1: \"[night]\" begins a section, and there are none") +
                kHint);
}

TEST(ProfileTest, RefusesWhatIsNeitherBuiltInNorAFile) {
  EXPECT_EQ(FindProfile("gentel").status().message(),
            "profile gentel is not built in, nor can a file of that name be read: No such file or "
            "directory\nHINT: these are built in: gentle, balanced, fast, overnight, unlimited");
  EXPECT_EQ(FindProfile("/").status().message(),
            "profile / cannot be read: Is a directory\nHINT: name a file");
  const File large(std::string(70000, '#'));
  EXPECT_EQ(FindProfile(large.path()).status().message(),
            absl::StrCat("profile ", large.path(), " is larger than 64 kB\n",
                         "HINT: `pg_restructure profile show balanced` shows what a profile is "
                         "like"));
}

}  // namespace
}  // namespace tools
