#include "tools/report.h"

#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace tools {
namespace {

using restructure::Progress;
using restructure::ProgressSnapshot;

const std::vector<std::string>& Phases() {
  static const auto& phases = *new std::vector<std::string>{"plan", "build", "connect",    "verify",
                                                            "swap", "soak",  "disconnect", "drop"};
  return phases;
}

ProgressSnapshot CopyHalfDone() {
  ProgressSnapshot snapshot;
  snapshot.job_id = 12;
  snapshot.kind = "set";
  snapshot.name = "public.s";
  snapshot.phase = "connect";
  snapshot.step = "copy";
  snapshot.rows_done = 1000000;
  snapshot.rows_total = 2000000;
  snapshot.rows_per_second = 123456.7;
  snapshot.time_left = absl::Milliseconds(8100);
  snapshot.workers = 4;
  snapshot.workers_busy = 3;
  snapshot.rows_per_batch = 5000;
  snapshot.backlog_keys = 1234;
  snapshot.elapsed = absl::Seconds(9);
  return snapshot;
}

TEST(FormatTest, CountsHaveThousandsSeparators) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
  EXPECT_EQ(FormatCount(-123), "-123");
  EXPECT_EQ(FormatCount(-123456), "-123,456");
  EXPECT_EQ(FormatCount(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(FormatTest, BytesChooseTheirUnit) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.0 kB");
  EXPECT_EQ(FormatBytes(12897485), "12.3 MB");
  EXPECT_EQ(FormatBytes((1 << 20) - 1), "1.0 MB");
  EXPECT_EQ(FormatBytes(std::int64_t{5} << 30), "5.0 GB");
  EXPECT_EQ(FormatBytes(std::numeric_limits<std::int64_t>::max()), "8192.0 PB");
  EXPECT_EQ(FormatBytes(-2048), "-2.0 kB");
}

TEST(FormatTest, TimeSpansChooseTheirUnit) {
  EXPECT_EQ(FormatTimeSpan(absl::ZeroDuration()), "0 ms");
  EXPECT_EQ(FormatTimeSpan(absl::Microseconds(400)), "0.4 ms");
  EXPECT_EQ(FormatTimeSpan(absl::Microseconds(980)), "1 ms");
  EXPECT_EQ(FormatTimeSpan(absl::Milliseconds(12)), "12 ms");
  EXPECT_EQ(FormatTimeSpan(absl::Microseconds(999600)), "1.0 s");
  EXPECT_EQ(FormatTimeSpan(absl::Milliseconds(3400)), "3.4 s");
  EXPECT_EQ(FormatTimeSpan(absl::Milliseconds(59960)), "1m00s");
  EXPECT_EQ(FormatTimeSpan(absl::Seconds(125)), "2m05s");
  EXPECT_EQ(FormatTimeSpan(absl::Milliseconds(3599600)), "1h00m");
  EXPECT_EQ(FormatTimeSpan(absl::Minutes(62)), "1h02m");
  EXPECT_EQ(FormatTimeSpan(absl::Hours(100)), "100h00m");
  EXPECT_EQ(FormatTimeSpan(absl::Seconds(-2)), "-2.0 s");
  EXPECT_EQ(FormatTimeSpan(absl::InfiniteDuration()), "unlimited");
}

TEST(FitColumnsTest, CutsWithDots) {
  EXPECT_EQ(FitColumns("abcdef", 6), "abcdef");
  EXPECT_EQ(FitColumns("abcdefg", 6), "abc...");
  EXPECT_EQ(FitColumns("abcdef", 2), "..");
  EXPECT_EQ(FitColumns("abcdef", 0), "");
  EXPECT_EQ(FitColumns("abcdef", -1), "");
}

TEST(FitColumnsTest, CountsCharactersNotBytes) {
  EXPECT_EQ(FitColumns("äöüß", 4), "äöüß");
  EXPECT_EQ(FitColumns("äöüßé", 4), "ä...");
  EXPECT_EQ(FitColumns("表表", 4), "表表") << "two columns each";
  EXPECT_EQ(FitColumns("表表表", 5), "表...");
}

TEST(FitColumnsTest, LetsNothingThroughThatMovesTheCursor) {
  EXPECT_EQ(FitColumns("a\x1b[2J\n\t\x7f", 80), "a?[2J???");
  EXPECT_EQ(FitColumns("\xff\xc3 \xc2\x9b\xe2\x80\xae", 80), "?? ??");
}

TEST(PanelLinesTest, ShowTheWholeStateAtEightyColumns) {
  EXPECT_EQ(PanelLines(CopyHalfDone(), Phases(), 80),
            (std::vector<std::string>{
                "job 12: set public.s",
                "plan > build > [connect] > verify > swap > soak > disconnect > drop",
                "step: copy  phase: 9.0 s",
                "[########.........]  50%  1,000,000 / 2,000,000 rows  "
                "123,457 rows/s  8.1 s left",
                "workers 3/4  batch 5,000 rows  backlog 1,234 keys",
                "waiting for: nothing",
            }));
}

TEST(PanelLinesTest, WhatIsAdjustedIsALineMore) {
  ProgressSnapshot snapshot = CopyHalfDone();
  snapshot.adjusted = "workers 4 until 14:05";
  const std::vector<std::string> lines = PanelLines(snapshot, Phases(), 80);
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_EQ(lines[6], "adjusted: workers 4 until 14:05");
  EXPECT_NE(ProgressLine(snapshot).find("adjusted: workers 4 until 14:05"), std::string::npos);
}

TEST(PanelLinesTest, TheLimitsInForceAreALineMore) {
  ProgressSnapshot snapshot = CopyHalfDone();
  snapshot.limits = "commit time +50 %, replica lag 5s";
  const std::vector<std::string> lines = PanelLines(snapshot, Phases(), 80);
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_EQ(lines[6], "limits: commit time +50 %, replica lag 5s");
}

TEST(PanelLinesTest, NeverExceedTheWidth) {
  ProgressSnapshot snapshot = CopyHalfDone();
  snapshot.name = std::string(100, 'x');
  snapshot.waiting_for = "replica lag 12s >= 5s, and a reason that goes on and on and on and on";
  for (int columns = 1; columns <= 200; ++columns) {
    const std::vector<std::string> lines = PanelLines(snapshot, Phases(), columns);
    EXPECT_EQ(lines.size(), 6U);
    for (const std::string& line : lines) {
      EXPECT_LE(line.size(), static_cast<std::size_t>(columns)) << line;
    }
  }
}

TEST(PanelLinesTest, ANarrowTerminalShowsThePhaseByItsPosition) {
  const std::vector<std::string> lines = PanelLines(CopyHalfDone(), Phases(), 40);
  EXPECT_EQ(lines[1], "[connect] 3 of 8");
  EXPECT_EQ(lines[3], "50%  1,000,000 / 2,000,000 rows  123,...");
}

TEST(PanelLinesTest, APhaseOutsideTheChainStandsAlone) {
  ProgressSnapshot snapshot = CopyHalfDone();
  snapshot.phase = "done";
  EXPECT_EQ(PanelLines(snapshot, Phases(), 80)[1], "[done]");
}

TEST(PanelLinesTest, WithoutATotalThereIsNoBar) {
  ProgressSnapshot snapshot = CopyHalfDone();
  snapshot.rows_total = 0;
  snapshot.time_left.reset();
  snapshot.retries = 2;
  snapshot.waiting_for = "old snapshots";
  const std::vector<std::string> lines = PanelLines(snapshot, Phases(), 80);
  EXPECT_EQ(lines[3], "1,000,000 rows  123,457 rows/s");
  EXPECT_EQ(lines[4], "workers 3/4  batch 5,000 rows  backlog 1,234 keys  retries 2");
  EXPECT_EQ(lines[5], "waiting for: old snapshots");
}

TEST(PanelLinesTest, MoreRowsThanEstimatedAreStillAllOfThem) {
  ProgressSnapshot snapshot = CopyHalfDone();
  snapshot.rows_done = 3000000;
  snapshot.time_left.reset();
  EXPECT_EQ(PanelLines(snapshot, Phases(), 70)[3],
            "[###################] 100%  3,000,000 / 2,000,000 rows  123,457 rows/s");
}

TEST(PanelLinesTest, BeforeTheJobThereIsAPlan) {
  const std::vector<std::string> lines = PanelLines(ProgressSnapshot(), Phases(), 80);
  EXPECT_EQ(lines[0], "pg_restructure");
  EXPECT_EQ(lines[1], "[plan] > build > connect > verify > swap > soak > disconnect > drop");
  EXPECT_EQ(lines[2], "step: -  phase: 0 ms");
}

TEST(ProgressLineTest, SaysItAllInOneLine) {
  ProgressSnapshot snapshot = CopyHalfDone();
  EXPECT_EQ(ProgressLine(snapshot),
            "job 12: set public.s  connect: copy  1,000,000 / 2,000,000 rows  50%  "
            "123,457 rows/s  8.1 s left  workers 3/4  batch 5,000 rows  backlog 1,234 keys");
  snapshot.waiting_for = "replica lag 12s >= 5s\nand more";
  EXPECT_TRUE(
      absl::EndsWith(ProgressLine(snapshot), "waiting for: replica lag 12s >= 5s?and more"));
}

TEST(RenderSummaryTest, IsATable) {
  restructure::Summary summary;
  summary.job = 12;
  summary.kind = "set";
  summary.name = "public.s";
  summary.rows = 2000000;
  summary.verified_rows = 2000000;
  summary.batches = 400;
  summary.retries = 1;
  summary.wal_bytes = 12897485;
  summary.phases["build"] = absl::Milliseconds(12);
  summary.phases["connect"] = absl::Seconds(62);
  summary.reasons["full speed"] = absl::Seconds(45);
  summary.reasons["commits"] = absl::Seconds(15);
  summary.locks = {
      {"public.t", "SHARE ROW EXCLUSIVE", {absl::Milliseconds(12), absl::Milliseconds(3)}, 2},
      {"public.t", "SHARE ROW EXCLUSIVE", {absl::Milliseconds(9), absl::Milliseconds(40)}, 1},
      {"public.s", "ACCESS EXCLUSIVE", {absl::Milliseconds(2), absl::ZeroDuration()}, 1},
  };
  EXPECT_EQ(RenderSummary(summary),
            "job 12: set public.s\n"
            "  rows               2,000,000\n"
            "  rows compared      2,000,000\n"
            "  differences                0\n"
            "  batches                  400\n"
            "  retries                    1\n"
            "  WAL of the server    12.3 MB\n"
            "time, longest first\n"
            "  connect  1m02s\n"
            "  build    12 ms\n"
            "pace of the batches, by what set it\n"
            "  full speed  45.0 s   75.0 %\n"
            "  commits     15.0 s   25.0 %\n"
            "locks that others could have felt\n"
            "  ACCESS EXCLUSIVE on public.s\n"
            "    held 1 time, longest 2 ms; longest wait 0 ms; 1 attempt\n"
            "  SHARE ROW EXCLUSIVE on public.t\n"
            "    held 2 times, longest 12 ms; longest wait 40 ms; 3 attempts\n");
}

TEST(RenderSummaryTest, SaysThatThereWasNone) {
  EXPECT_EQ(RenderSummary(restructure::Summary()),
            "job 0:  \n"
            "  rows                 0\n"
            "  rows compared        0\n"
            "  differences          0\n"
            "  batches              0\n"
            "  retries              0\n"
            "  WAL of the server  0 B\n"
            "time, longest first\n"
            "  none\n"
            "locks that others could have felt\n"
            "  none\n");
}

class PanelTest : public testing::Test {
 protected:
  void SetUp() override {
    out_ = std::tmpfile();
    ASSERT_NE(out_, nullptr);
    progress_.SetJob(12, "set", "public.s");
  }

  void TearDown() override { std::fclose(out_); }

  // What the panel wrote so far; call it while no panel runs.
  std::string Written() {
    std::rewind(out_);
    std::string text;
    for (int c = std::fgetc(out_); c != EOF; c = std::fgetc(out_)) {
      text.push_back(static_cast<char>(c));
    }
    return text;
  }

  Progress progress_;
  std::FILE* out_ = nullptr;
};

TEST_F(PanelTest, LinesModePrintsALineForEachStepThatItSees) {
  progress_.StartPhase("build", absl::Now());
  Panel panel(progress_, out_, Panel::Mode::kLines, Phases());
  panel.Start();
  panel.Start();
  panel.Print("note: something");
  progress_.StartPhase("connect", absl::Now());
  progress_.StartStep("copy", 10, absl::Now());
  panel.Stop();
  panel.Stop();
  const std::string text = Written();
  EXPECT_TRUE(absl::StrContains(text, "note: something\n")) << text;
  EXPECT_TRUE(absl::EndsWith(text,
                             "job 12: set public.s  connect: copy  0 / 10 rows  0%  0 rows/s  "
                             "workers 0/0  batch 0 rows  backlog 0 keys\n"))
      << text;
  EXPECT_FALSE(absl::StrContains(text, "\x1b"));
}

TEST_F(PanelTest, LinesModeDoesNotRepeatItself) {
  progress_.StartPhase("build", absl::Now());
  Panel panel(progress_, out_, Panel::Mode::kLines, Phases());
  panel.Start();
  panel.Stop();
  const std::string text = Written();
  EXPECT_EQ(text,
            "job 12: set public.s  build  0 rows  0 rows/s  workers 0/0  batch 0 rows  "
            "backlog 0 keys\n");
}

TEST_F(PanelTest, TerminalModeRedrawsInPlaceAndLeavesTheLastPicture) {
  progress_.StartPhase("swap", absl::Now());
  {
    Panel panel(progress_, out_, Panel::Mode::kTerminal, Phases());
    panel.Start();
    panel.Print("note: something");
    progress_.SetWaitingFor("old snapshots");
  }  // Stops.
  const std::string text = Written();
  EXPECT_TRUE(absl::StrContains(text, "note: something\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "\x1b[6A\r")) << text;
  EXPECT_TRUE(absl::EndsWith(text, "waiting for: old snapshots\x1b[K\n\x1b[J")) << text;
}

}  // namespace
}  // namespace tools
