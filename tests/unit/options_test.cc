#include "tools/options.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace tools {
namespace {

using CommandLine = std::vector<std::string>;

constexpr char kCommandsHint[] =
    "\nHINT: the commands are create, plan, run, status, pause, panic, adjust, resume, abort, "
    "swap, revert, finish, verify, drop, doctor, profile, simulate, demo, failpoints, help, "
    "version";
constexpr char kOptionsHint[] =
    "\nHINT: pg_restructure COMMAND --help lists the options of a command";

// The arguments of a command line that must be understood.
Arguments Parsed(const CommandLine& args) {
  const absl::StatusOr<Arguments> arguments = ParseArguments(args);
  EXPECT_TRUE(arguments.ok()) << arguments.status();
  return arguments.ok() ? *arguments : Arguments();
}

// The message for a command line that must be refused.
std::string Refusal(const CommandLine& args) {
  const absl::StatusOr<Arguments> arguments = ParseArguments(args);
  EXPECT_EQ(arguments.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(arguments.status().message());
}

// The message for `run set s --key k` with further words.
std::string RunRefusal(const CommandLine& more) {
  CommandLine args = {"run", "set", "s", "--key", "k"};
  args.insert(args.end(), more.begin(), more.end());
  return Refusal(args);
}

RunOptions ParsedRun(const CommandLine& more) {
  CommandLine args = {"run", "set", "s", "--key", "k"};
  args.insert(args.end(), more.begin(), more.end());
  return Parsed(args).run;
}

TEST(OptionsTest, CreateTakesTheDefinitionOfASet) {
  const Arguments arguments = Parsed(
      {"create", "set", "public.s", "--member", "public.t", "--owner", "bid, region", "--key",
       "abalance desc, aid", "--carry", "filler", "--insertion", "manual", "--retention=optional"});
  EXPECT_EQ(arguments.command, "create");
  EXPECT_EQ(arguments.words, (CommandLine{"set", "public.s"}));
  EXPECT_EQ(arguments.kind, "set");
  EXPECT_EQ(arguments.name, "public.s");
  EXPECT_EQ(arguments.member, "public.t");
  EXPECT_EQ(arguments.owner, "bid, region");
  EXPECT_EQ(arguments.key, "abalance desc, aid");
  EXPECT_EQ(arguments.carry, "filler");
  EXPECT_EQ(arguments.insertion, Insertion::kManual);
  EXPECT_EQ(arguments.retention, Retention::kOptional);
}

TEST(OptionsTest, RunHasTheDocumentedDefaults) {
  const Arguments arguments = Parsed({"run", "set", "s", "--key", "k"});
  EXPECT_FALSE(arguments.help);
  EXPECT_FALSE(arguments.json);
  EXPECT_FALSE(arguments.carry.has_value());
  EXPECT_EQ(arguments.given, (std::map<std::string, std::string>{{"key", "k"}}));
  const RunOptions& run = arguments.run;
  EXPECT_FALSE(run.workers.has_value());
  EXPECT_EQ(run.batch_target, absl::Milliseconds(100));
  EXPECT_EQ(run.lock_timeout, absl::Milliseconds(50));
  EXPECT_EQ(run.swap_lock_budget, absl::Milliseconds(100));
  EXPECT_EQ(run.lock_patience, absl::Minutes(30));
  EXPECT_EQ(run.snapshot_wait, absl::Minutes(10));
  EXPECT_FALSE(run.soak.has_value());
  EXPECT_FALSE(run.hold_before_swap);
  EXPECT_EQ(run.disconnect, Disconnect::kSteps);
  EXPECT_EQ(run.replica_lag, absl::Seconds(5));
  EXPECT_EQ(run.replica_lag_bytes, 64 << 20);
  EXPECT_EQ(run.active_sessions, 0);
  EXPECT_EQ(run.wait_for_us, absl::Milliseconds(50));
  EXPECT_EQ(run.sample_age, absl::Seconds(10));
  EXPECT_TRUE(run.controller);
  EXPECT_FALSE(run.no_throttle);
  EXPECT_FALSE(run.profile.has_value());
  EXPECT_EQ(run.maintenance_work_mem_bytes, 256 << 20);
  EXPECT_FALSE(run.summary.has_value());
  EXPECT_FALSE(run.quiet);
}

TEST(OptionsTest, RunTakesAllRunOptions) {
  const RunOptions run = ParsedRun({"--workers",
                                    "64",
                                    "--batch-target",
                                    "250ms",
                                    "--lock-timeout",
                                    "1.5s",
                                    "--swap-lock-budget",
                                    "2s",
                                    "--lock-patience",
                                    "2h",
                                    "--snapshot-wait",
                                    "10m",
                                    "--soak",
                                    "0",
                                    "--hold-before-swap",
                                    "--disconnect",
                                    "batches",
                                    "--replica-lag",
                                    "0",
                                    "--replica-lag-bytes",
                                    "1GB",
                                    "--active-sessions",
                                    "20",
                                    "--wait-for-us",
                                    "0",
                                    "--sample-age",
                                    "2s",
                                    "--controller",
                                    "off",
                                    "--no-throttle",
                                    "--profile",
                                    "nights.ini",
                                    "--maintenance-work-mem",
                                    "1048576",
                                    "--summary",
                                    "out.json",
                                    "--quiet"});
  EXPECT_EQ(run.workers, 64);
  EXPECT_EQ(run.batch_target, absl::Milliseconds(250));
  EXPECT_EQ(run.lock_timeout, absl::Milliseconds(1500));
  EXPECT_EQ(run.swap_lock_budget, absl::Seconds(2));
  EXPECT_EQ(run.lock_patience, absl::Hours(2));
  EXPECT_EQ(run.snapshot_wait, absl::Minutes(10));
  EXPECT_EQ(run.soak, absl::ZeroDuration());
  EXPECT_TRUE(run.hold_before_swap);
  EXPECT_EQ(run.disconnect, Disconnect::kBatches);
  EXPECT_EQ(run.replica_lag, absl::ZeroDuration());
  EXPECT_EQ(run.replica_lag_bytes, 1 << 30);
  EXPECT_EQ(run.active_sessions, 20);
  EXPECT_EQ(run.wait_for_us, absl::ZeroDuration());
  EXPECT_EQ(run.sample_age, absl::Seconds(2));
  EXPECT_FALSE(run.controller);
  EXPECT_TRUE(run.no_throttle);
  EXPECT_EQ(run.profile, "nights.ini");
  EXPECT_EQ(run.maintenance_work_mem_bytes, 1 << 20);
  EXPECT_EQ(run.summary, "out.json");
  EXPECT_TRUE(run.quiet);
}

TEST(OptionsTest, ConnectsAsPsqlDoes) {
  const ConnectArguments connect =
      Parsed({"-hlocalhost", "-p", "5433", "status", "-U", "me", "-d", "postgres://x/y", "-w"})
          .connect;
  EXPECT_EQ(connect.host, "localhost");
  EXPECT_EQ(connect.port, "5433");
  EXPECT_EQ(connect.user, "me");
  EXPECT_EQ(connect.dbname, "postgres://x/y");
  EXPECT_TRUE(connect.never_prompt);
  EXPECT_FALSE(connect.force_prompt);
  EXPECT_TRUE(Parsed({"doctor", "-W", "--dbname=dbname=x"}).connect.force_prompt);
  EXPECT_EQ(Parsed({"doctor", "--dbname=dbname=x y=z"}).connect.dbname, "dbname=x y=z");
  EXPECT_FALSE(Parsed({"doctor"}).connect.host.has_value());
}

TEST(OptionsTest, JobsAreNumbers) {
  EXPECT_FALSE(Parsed({"status", "--json"}).job.has_value());
  EXPECT_TRUE(Parsed({"status", "--json"}).json);
  for (const char* command : {"status", "pause", "resume", "abort", "swap", "revert", "finish"}) {
    const Arguments arguments = Parsed({command, "12"});
    EXPECT_EQ(arguments.command, command);
    EXPECT_EQ(arguments.job, 12);
    EXPECT_EQ(arguments.words, CommandLine{"12"});
  }
  EXPECT_EQ(Parsed({"resume", "12", "--workers", "3"}).run.workers, 3);
}

TEST(OptionsTest, TheOtherCommandsTakeTheirOwn) {
  const Arguments verify = Parsed({"verify", "set", "s", "--json", "--workers", "2"});
  EXPECT_EQ(verify.name, "s");
  EXPECT_TRUE(verify.json);
  EXPECT_EQ(verify.run.workers, 2);
  EXPECT_EQ(Parsed({"drop", "set", "s", "--lock-patience", "0"}).run.lock_patience,
            absl::ZeroDuration());
  EXPECT_EQ(Parsed({"plan", "set", "s", "--key", "k", "--show", "a,b"}).show, "a,b");
  EXPECT_TRUE(Parsed({"doctor", "--json"}).json);
  EXPECT_EQ(Parsed({"failpoints"}).command, "failpoints");
  const Arguments demo = Parsed({"demo", "--rows", "3000000", "--keep", "--kind", "set"});
  EXPECT_EQ(demo.demo_rows, 3000000);
  EXPECT_TRUE(demo.demo_keep);
  EXPECT_EQ(Parsed({"demo"}).demo_rows, 2000000);
  EXPECT_EQ(Parsed({"demo"}).kind, "set");
  EXPECT_EQ(Parsed({"demo", "--kind", "index"}).kind, "index");
  EXPECT_EQ(Parsed({"demo", "--kind", "table"}).kind, "table");
}

// So that the default can be given where a profile says otherwise.
TEST(OptionsTest, TheWordsForDefaultsAreValuesToo) {
  const RunOptions run = ParsedRun({"--workers", "auto", "--soak", "never"});
  EXPECT_FALSE(run.workers.has_value());
  EXPECT_FALSE(run.soak.has_value());
}

TEST(OptionsTest, ProfileTakesAVerb) {
  EXPECT_EQ(Parsed({"profile", "list"}).kind, "list");
  const Arguments show = Parsed({"profile", "show", "gentle"});
  EXPECT_EQ(show.kind, "show");
  EXPECT_EQ(show.name, "gentle");
  constexpr char kHint[] =
      "\nHINT: usage: pg_restructure profile list, or pg_restructure profile show NAME";
  EXPECT_EQ(Refusal({"profile"}), std::string("the command profile needs list or show") + kHint);
  EXPECT_EQ(Refusal({"profile", "shoe", "gentle"}),
            std::string("the command profile needs list or show, not \"shoe\"") + kHint);
  EXPECT_EQ(Refusal({"profile", "show"}),
            "the command profile needs \"show\" and a name\n"
            "HINT: usage: pg_restructure profile show NAME");
  EXPECT_EQ(Refusal({"profile", "list", "all"}),
            "\"all\" is too much for the command profile\n"
            "HINT: usage: pg_restructure profile list");
}

TEST(OptionsTest, RefusesASampleAgeBelowTheSamplesOwnPace) {
  EXPECT_EQ(RunRefusal({"--sample-age", "500ms"}),
            "option --sample-age: \"500ms\" is neither 0 nor from 2s to 24h\n"
            "HINT: the load is read twice a second: write 10s, or 0 for no limit");
}

TEST(OptionsTest, WindowsAreCalendars) {
  const absl::Time monday = absl::FromUnixSeconds(1000000);  // 13:46 UTC
  EXPECT_TRUE(ParsedRun({}).window.At(monday).open);
  EXPECT_FALSE(ParsedRun({}).swap_window.has_value());
  const RunOptions run =
      ParsedRun({"--window", "Tue 22:00-05:00 UTC", "--swap-window", "Mon 13:00-14:00 UTC"});
  EXPECT_FALSE(run.window.At(monday).open);
  EXPECT_TRUE(run.swap_window->At(monday).open);
  EXPECT_TRUE(ParsedRun({"--window", "always"}).window.At(monday).open);
  EXPECT_FALSE(ParsedRun({"--swap-window", "same"}).swap_window.has_value());
  EXPECT_EQ(RunRefusal({"--window", "Mon 22:00-05:00 Berlin"}),
            "option --window: there is no time zone \"Berlin\"\n"
            "HINT: write a name of the tz database, e.g. Europe/Berlin or UTC, or local for this "
            "machine's");
  EXPECT_EQ(RunRefusal({"--swap-window", "Mon 22:00-22:00 UTC"}),
            "option --swap-window: window 22:00-22:00 never opens: it ends when it begins\n"
            "HINT: write 00:00-24:00 for a whole day");
}

TEST(OptionsTest, HelpWinsOverEverything) {
  for (const CommandLine& args :
       {CommandLine{"run", "--help"}, CommandLine{"--help", "run", "--nonsense"},
        CommandLine{"run", "-?"}, CommandLine{"help", "run"}}) {
    const Arguments arguments = Parsed(args);
    EXPECT_TRUE(arguments.help);
    EXPECT_EQ(arguments.command, "run");
  }
  EXPECT_EQ(Parsed({"--help"}).command, "help");
  EXPECT_EQ(Parsed({"help"}).command, "help");
  EXPECT_TRUE(Parsed({"help"}).help);
}

TEST(OptionsTest, VersionIsACommand) {
  EXPECT_EQ(Parsed({"--version"}).command, "version");
  EXPECT_EQ(Parsed({"version"}).command, "version");
  EXPECT_FALSE(Parsed({"--version"}).help);
}

TEST(OptionsTest, AWordAfterTwoDashesIsNoOption) {
  EXPECT_EQ(Parsed({"verify", "--", "set", "--help"}).name, "--help");
}

TEST(OptionsTest, RefusesUnknownCommands) {
  EXPECT_EQ(Refusal({}), std::string("no command is given") + kCommandsHint);
  EXPECT_EQ(Refusal({"rum"}), std::string("there is no command \"rum\"") + kCommandsHint);
  EXPECT_EQ(Refusal({"help", "rum"}), std::string("there is no command \"rum\"") + kCommandsHint);
}

TEST(OptionsTest, RefusesUnknownAndMisspeltOptions) {
  EXPECT_EQ(RunRefusal({"--nonsense"}),
            std::string("there is no option --nonsense") + kOptionsHint);
  EXPECT_EQ(RunRefusal({"--nonsense=1"}),
            std::string("there is no option --nonsense") + kOptionsHint);
  EXPECT_EQ(RunRefusal({"--work", "1"}), std::string("there is no option --work") + kOptionsHint);
  EXPECT_EQ(RunRefusal({"--words", "1"}), std::string("there is no option --words") + kOptionsHint);
  EXPECT_EQ(RunRefusal({"-x"}), std::string("there is no option -x") + kOptionsHint);
  EXPECT_EQ(RunRefusal({"--workers"}),
            std::string("option --workers needs a value") + kOptionsHint);
  EXPECT_EQ(RunRefusal({"--workers="}),
            std::string("option --workers needs a value") + kOptionsHint);
  EXPECT_EQ(RunRefusal({"--quiet=yes"}),
            std::string("option --quiet takes no value") + kOptionsHint);
  EXPECT_EQ(RunRefusal({"-p"}), std::string("option --port needs a value") + kOptionsHint);
}

TEST(OptionsTest, AnOptionMustBelongToTheCommand) {
  EXPECT_EQ(Refusal({"status", "--key", "k"}),
            "option --key does not belong to the command status\n"
            "HINT: these do: --json -h -p -U -d -w -W");
  EXPECT_EQ(Refusal({"drop", "set", "s", "--soak", "2h"}),
            "option --soak does not belong to the command drop\n"
            "HINT: these do: --lock-timeout --lock-patience --disconnect --workers --summary "
            "--quiet -h -p -U -d -w -W");
  EXPECT_EQ(Refusal({"demo", "-h", "localhost"}),
            "option --host does not belong to the command demo\n"
            "HINT: these do: --rows --keep --workers --kind");
  EXPECT_EQ(Refusal({"failpoints", "--json"}),
            "option --json does not belong to the command failpoints\n"
            "HINT: failpoints takes no options");
  EXPECT_EQ(
      Refusal({"run", "set", "s", "--key", "k", "--insertion", "manual"}),
      "option --insertion does not belong to the command run\n"
      "HINT: these do: --key --carry --show --profile --workers --batch-target --batch-bytes "
      "--nice --lock-timeout --swap-lock-budget --lock-patience --snapshot-wait --soak "
      "--hold-before-swap "
      "--disconnect --replica-lag --replica-lag-bytes --active-sessions --wait-for-us "
      "--sample-age --require-replica --replica-gone --slot-wal --archiver --signal --throttle "
      "--controller --impact --window --swap-window --outside --no-throttle --maintenance-work-mem "
      "--summary --trace --quiet -h -p -U -d -w -W");
}

TEST(OptionsTest, RefusesMissingAndContradictingOptions) {
  EXPECT_EQ(Refusal({"run", "set", "s"}),
            "the command run needs --key\n"
            "HINT: usage: pg_restructure run set NAME --key KEY");
  EXPECT_EQ(Refusal({"create", "set", "s", "--member", "t", "--key", "k"}),
            "the command create needs --owner\n"
            "HINT: usage: pg_restructure create set NAME --member TABLE --owner COLS "
            "--key KEY");
  EXPECT_EQ(RunRefusal({"--key", "other"}), "option --key is given twice\nHINT: give it once");
  EXPECT_EQ(RunRefusal({"-w", "-W"}),
            "options -w and -W contradict each other\nHINT: give one of them");
}

TEST(OptionsTest, RefusesMissingAndSuperfluousWords) {
  EXPECT_EQ(Refusal({"verify", "set"}),
            "the command verify needs \"set\" and a name\n"
            "HINT: usage: pg_restructure verify set NAME");
  EXPECT_EQ(Refusal({"verify", "view", "i"}),
            "the command verify works on a set or an index, not on \"view\"\n"
            "HINT: usage: pg_restructure verify set NAME");
  EXPECT_EQ(Refusal({"verify", "set", ""}),
            "the name of the set is empty\nHINT: usage: pg_restructure verify set NAME");
  EXPECT_EQ(Refusal({"verify", "set", "s", "t"}),
            "\"t\" is too much for the command verify\n"
            "HINT: usage: pg_restructure verify set NAME");
  EXPECT_EQ(Refusal({"pause"}),
            "the command pause needs the number of a job\nHINT: usage: pg_restructure pause JOB");
  EXPECT_EQ(Refusal({"doctor", "who"}),
            "\"who\" is too much for the command doctor\nHINT: usage: pg_restructure doctor");
}

TEST(OptionsTest, AdjustTakesWhatMayChangeAndForHowLong) {
  const Arguments arguments =
      Parsed({"adjust", "7", "--workers", "4", "--batch-target=200ms", "--for", "10m"});
  EXPECT_EQ(arguments.job, 7);
  EXPECT_EQ(arguments.given.at("workers"), "4");
  EXPECT_EQ(arguments.given.at("batch-target"), "200ms");
  EXPECT_EQ(arguments.lasting, absl::Minutes(10));
  EXPECT_FALSE(arguments.reset);
  EXPECT_TRUE(Parsed({"adjust", "7", "--reset"}).reset);
  EXPECT_EQ(Parsed({"panic", "7"}).job, 7);
}

TEST(OptionsTest, AdjustRefusesWhatItCannotDo) {
  EXPECT_EQ(
      Refusal({"adjust", "7", "--for", "10m"}),
      "the command adjust changes nothing\n"
      "HINT: give it what is to change, --workers --batch-target --replica-lag "
      "--replica-lag-bytes --active-sessions --wait-for-us --controller --impact, a --profile, or "
      "--reset");
  EXPECT_EQ(Refusal({"adjust", "7", "--workers", "auto"}),
            "option --workers: a running job is given a number, not \"auto\"\n"
            "HINT: --reset takes back what was changed");
  EXPECT_EQ(Refusal({"adjust", "7", "--workers", "65"}),
            "option --workers: \"65\" is not a number from 1 to 64\n"
            "HINT: write plain digits, e.g. 4");
  EXPECT_EQ(Refusal({"adjust", "7", "--workers", "4", "--for", "0"}),
            "option --for: \"0\" is not from 1s to 720h\n"
            "HINT: write a number and a unit: 250ms, 2s, 1.5s, 10m, 2h");
  EXPECT_EQ(Refusal({"adjust", "--workers", "4"}),
            "the command adjust needs the number of a job\n"
            "HINT: usage: pg_restructure adjust JOB");
}

TEST(OptionsTest, RefusesJobsThatAreNoNumbers) {
  for (const char* job : {"x", "0", "1.5", " 1", "99999999999999999999"}) {
    EXPECT_EQ(Refusal({"swap", job}), std::string("\"") + job +
                                          "\" is not the number of a job, which swap takes\n"
                                          "HINT: pg_restructure status lists the jobs");
  }
}

TEST(OptionsTest, RefusesNumbersOutOfBounds) {
  for (const char* workers : {"0", "65", "four", "1e1", "+4", ""}) {
    EXPECT_EQ(RunRefusal({"--workers", workers}),
              std::string("option --workers: \"") + workers +
                  "\" is not a number from 1 to 64\nHINT: write plain digits, e.g. 4");
  }
  EXPECT_EQ(Refusal({"demo", "--rows", "10"}),
            "option --rows: \"10\" is not a number from 1000 to 1000000000\n"
            "HINT: write plain digits, e.g. 1000");
}

TEST(OptionsTest, RefusesWhatIsNoDuration) {
  constexpr char kHint[] = "\nHINT: write a number and a unit: 250ms, 2s, 1.5s, 10m, 2h";
  for (const char* duration : {"10", "fast", "", "inf", "5 s", "1d"}) {
    EXPECT_EQ(RunRefusal({"--soak", duration}),
              std::string("option --soak: \"") + duration + "\" is not a duration" + kHint);
  }
  EXPECT_EQ(RunRefusal({"--soak=-5s"}),
            std::string("option --soak: \"-5s\" is not a duration") + kHint);
  EXPECT_EQ(RunRefusal({"--lock-timeout", "0"}),
            std::string("option --lock-timeout: \"0\" is not from 1ms to 1m") + kHint);
  EXPECT_EQ(RunRefusal({"--batch-target", "61s"}),
            std::string("option --batch-target: \"61s\" is not from 1ms to 1m") + kHint);
  EXPECT_EQ(RunRefusal({"--soak", "721h"}),
            std::string("option --soak: \"721h\" is not from 0 to 720h") + kHint);
}

TEST(OptionsTest, ReadsSizesInEveryUnit) {
  const auto bytes = [](const char* size) {
    return ParsedRun({"--replica-lag-bytes", size}).replica_lag_bytes;
  };
  EXPECT_EQ(bytes("0"), 0);
  EXPECT_EQ(bytes("17"), 17);
  EXPECT_EQ(bytes("17B"), 17);
  EXPECT_EQ(bytes("3kB"), 3 << 10);
  EXPECT_EQ(bytes("64mb"), 64 << 20);
  EXPECT_EQ(bytes("5GB"), std::int64_t{5} << 30);
  EXPECT_EQ(bytes("2TB"), std::int64_t{2} << 40);
}

TEST(OptionsTest, RefusesWhatIsNoSize) {
  constexpr char kHint[] = "\nHINT: write a number and a unit, or plain bytes: 64MB, 1GB, 1048576";
  for (const char* size : {"", "MB", "64M", "1.5GB", "64 MB", "9999999999TB", "big"}) {
    EXPECT_EQ(RunRefusal({"--maintenance-work-mem", size}),
              std::string("option --maintenance-work-mem: \"") + size + "\" is not a size" + kHint);
  }
  EXPECT_EQ(
      RunRefusal({"--maintenance-work-mem", "64kB"}),
      std::string("option --maintenance-work-mem: \"64kB\" is not from 1MB to 2047GB") + kHint);
}

TEST(OptionsTest, RefusesWrongChoicesAndEmptyTexts) {
  EXPECT_EQ(RunRefusal({"--disconnect", "slowly"}),
            "option --disconnect: \"slowly\" is neither batches nor steps\n"
            "HINT: write batches or steps");
  EXPECT_EQ(Refusal({"demo", "--kind", "tree"}),
            "option --kind: \"tree\" is not a kind\nHINT: write set, index or table");
  EXPECT_EQ(RunRefusal({"--carry", " "}),
            "option --carry: the value is empty\n"
            "HINT: leave the option out, or give it a value");
}

TEST(HelpTextTest, OfACommandNamesItsOptionsDefaultsAndExitCodes) {
  EXPECT_EQ(HelpText("drop"),
            R"(pg_restructure drop: drop a set and everything that maintains it

Usage: pg_restructure drop set NAME [OPTIONS]

Options, with their defaults:
      --lock-timeout DURATION         longest wait for a lock in one attempt (50ms)
      --lock-patience DURATION        give up after trying for a lock this long (30m)
      --disconnect batches|steps      how the retired structure is emptied (steps)
      --workers N|auto                parallel workers, 1 to 64; auto: from the cores (auto)
      --summary FILE                  write the summary as JSON to this file
      --quiet                         print errors only

Connection, as psql has it:
  -h, --host HOST                     server's host or socket directory
  -p, --port PORT                     server's port
  -U, --username USER                 user name
  -d, --dbname DBNAME                 database name, URI or conninfo string
  -w, --no-password                   never ask for a password
  -W, --password                      ask for the password before connecting

Exit codes:
  0  done
  1  internal error
  2  usage
  3  refused, nothing was changed
  4  failed or interrupted, resumable
  5  verification found differences
  6  lock not obtained within the patience, resumable
  7  aborted
  8  doctor found leftovers
  9  rests outside its window (outside = hibernate), resumable
)");
}

TEST(HelpTextTest, OfTheProgramNamesEveryCommandThatHasOne) {
  const std::string help = HelpText("help");
  EXPECT_EQ(HelpText(""), help);
  EXPECT_EQ(HelpText("no such command"), help);
  for (const char* command :
       {"create", "plan", "run", "status", "pause", "resume", "abort", "swap", "revert", "finish",
        "verify", "drop", "doctor", "profile", "demo", "failpoints", "help", "version"}) {
    EXPECT_TRUE(absl::StrContains(help, std::string("\n  ") + command + " ")) << command;
    const std::string text = HelpText(command);
    EXPECT_TRUE(absl::StrContains(text, "Usage: pg_restructure ")) << command;
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
      EXPECT_LE(line.size(), 100U) << line;
    }
  }
}

}  // namespace
}  // namespace tools
