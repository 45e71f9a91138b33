#include "throttle/trace.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace throttle {
namespace {

constexpr char kHint[] = "\nHINT: `pg_restructure run … --trace FILE` writes such a file";

TraceRow Row(double seconds) {
  TraceRow row;
  row.time = absl::UnixEpoch() + absl::Seconds(seconds);
  row.pressure = 0.5;
  row.effective_workers = 1.25;
  row.workers = 2;
  row.rows_per_batch = 2000;
  row.batch = absl::Milliseconds(96);
  row.commit = absl::Microseconds(4300);
  row.busy = 1;
  return row;
}

std::vector<TraceRow> Parsed(const std::string& text) {
  const absl::StatusOr<std::vector<TraceRow>> rows = ParseTrace(text, "x.csv");
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.ok() ? *rows : std::vector<TraceRow>();
}

std::string Refusal(const std::string& text) {
  const absl::StatusOr<std::vector<TraceRow>> rows = ParseTrace(text, "x.csv");
  EXPECT_EQ(rows.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(rows.status().message());
}

std::string WithHeader(const std::string& lines) {
  return absl::StrCat(TraceHeader(), "\n", lines);
}

TEST(TraceTest, ALineIsWhatTheHeaderSays) {
  EXPECT_EQ(TraceHeader(),
            "time,pressure,reason,effective_workers,workers,rows_per_batch,batch_seconds,"
            "commit_seconds,transaction_seconds,busy");
  TraceRow row = Row(1764041281.25);
  EXPECT_EQ(TraceLine(row), "1764041281.250,0.500,,1.250,2,2000,0.0960,0.004300,,1");
  row.transaction = absl::Microseconds(250);
  EXPECT_EQ(TraceLine(row), "1764041281.250,0.500,,1.250,2,2000,0.0960,0.004300,0.000250,1");
}

TEST(TraceTest, WhatIsWrittenIsRead) {
  TraceRow odd = Row(2);
  odd.reason = "1.2 of 4 workers, rising: \"x\"\nnext";
  odd.commit.reset();
  odd.transaction = absl::Microseconds(250);
  odd.busy.reset();
  const std::vector<TraceRow> rows =
      Parsed(WithHeader(absl::StrCat(TraceLine(Row(1.25)), "\r\n", TraceLine(odd), "\n")));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].time, absl::UnixEpoch() + absl::Seconds(1.25));
  EXPECT_EQ(rows[0].reason, "");
  EXPECT_EQ(rows[0].commit, absl::Microseconds(4300));
  EXPECT_EQ(rows[0].busy, 1);
  EXPECT_EQ(rows[0].effective_workers, 1.25);
  EXPECT_EQ(rows[0].workers, 2);
  EXPECT_EQ(rows[0].rows_per_batch, 2000);
  EXPECT_EQ(rows[0].batch, absl::Milliseconds(96));
  EXPECT_EQ(rows[1].reason, "1.2 of 4 workers, rising: \"x\" next");
  EXPECT_FALSE(rows[1].commit.has_value());
  EXPECT_EQ(rows[1].transaction, absl::Microseconds(250));
  EXPECT_FALSE(rows[0].transaction.has_value());
  EXPECT_FALSE(rows[1].busy.has_value());
}

TEST(TraceTest, ALastLineThatWasCutIsLeftOut) {
  EXPECT_EQ(Parsed(WithHeader(absl::StrCat(TraceLine(Row(1)), "\n2.0,0.5"))).size(), 1U);
}

TEST(TraceTest, RefusesWhatIsNoTrace) {
  EXPECT_EQ(Refusal(""), absl::StrCat("trace x.csv, line 1: the file is empty", kHint));
  EXPECT_EQ(Refusal("a,b\n1,2\n"),
            absl::StrCat("trace x.csv, line 1: the header is not \"", TraceHeader(), "\"", kHint));
  EXPECT_EQ(Refusal(WithHeader("")), absl::StrCat("trace x.csv, line 1: there is no row", kHint));
}

TEST(TraceTest, NamesTheLineThatIsWrong) {
  EXPECT_EQ(Refusal(WithHeader("1,2\n")),
            absl::StrCat("trace x.csv, line 2: 2 columns, expected 10", kHint));
  EXPECT_EQ(Refusal(WithHeader("1,0.5,\"x,1,1,1,1,1,1,1\n")),
            absl::StrCat("trace x.csv, line 2: a quote is not closed", kHint));
  EXPECT_EQ(
      Refusal(WithHeader("1,nan,,1,1,1,1,1,1,1\n")),
      absl::StrCat("trace x.csv, line 2: pressure is \"nan\", expected a number from 0", kHint));
  EXPECT_EQ(Refusal(WithHeader("1,0,,1,1,1,-1,1,1,1\n")),
            absl::StrCat("trace x.csv, line 2: batch_seconds is \"-1\", expected a number from 0",
                         kHint));
  EXPECT_EQ(Refusal(WithHeader(absl::StrCat(TraceLine(Row(2)), "\n", TraceLine(Row(1)), "\n"))),
            "trace x.csv, line 3: its time is before that of the line above\n"
            "HINT: rows are in the order of time; a trace is of one run");
}

}  // namespace
}  // namespace throttle
