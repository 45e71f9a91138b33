#include "throttle/window.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace throttle {
namespace {

Window WindowOf(const std::string& text) {
  const absl::StatusOr<Window> window = Window::Parse(text);
  EXPECT_TRUE(window.ok()) << window.status();
  return window.ok() ? *window : Window();
}

std::string WindowRefusal(const std::string& text) {
  const absl::StatusOr<Window> window = Window::Parse(text);
  EXPECT_EQ(window.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(window.status().message());
}

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone)) << "tzdata is missing";
  return zone;
}

// "2026-03-20 21:59", by Berlin's clocks. The second of the two where there are two: with "Z".
absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  const bool utc = text.back() == 'Z';
  EXPECT_TRUE(absl::ParseTime(utc ? "%Y-%m-%d %H:%MZ" : "%Y-%m-%d %H:%M", text,
                              utc ? absl::UTCTimeZone() : Berlin(), &time, &error))
      << error;
  return time;
}

// "open until Sat 2026-03-21 05:00 CET", "closed until …".
std::string State(const std::string& window, const std::string& now) {
  const Window::State state = WindowOf(window).At(At(now));
  const std::string until = state.until == absl::InfiniteFuture()
                                ? "ever"
                                : absl::FormatTime("%a %Y-%m-%d %H:%M %Z", state.until, Berlin());
  return absl::StrCat(state.open ? "open" : "closed", " until ", until);
}

constexpr char kNights[] = "Mon-Fri 22:00-05:00 Europe/Berlin";

TEST(WindowTest, OneThatIsNotNamedIsAlwaysOpen) {
  EXPECT_TRUE(Window().At(At("2026-03-20 12:00")).open);
  EXPECT_EQ(State("always", "2026-03-20 12:00"), "open until ever");
}

TEST(WindowTest, GoesOverMidnight) {
  EXPECT_EQ(State(kNights, "2026-03-18 21:59"), "closed until Wed 2026-03-18 22:00 CET");
  EXPECT_EQ(State(kNights, "2026-03-18 22:00"), "open until Thu 2026-03-19 05:00 CET");
  EXPECT_EQ(State(kNights, "2026-03-19 04:59"), "open until Thu 2026-03-19 05:00 CET");
  EXPECT_EQ(State(kNights, "2026-03-19 05:00"), "closed until Thu 2026-03-19 22:00 CET");
}

TEST(WindowTest, TheDayIsTheOneOnWhichItBegins) {
  EXPECT_EQ(State(kNights, "2026-03-20 23:00"), "open until Sat 2026-03-21 05:00 CET");
  EXPECT_EQ(State(kNights, "2026-03-21 04:00"), "open until Sat 2026-03-21 05:00 CET");
  EXPECT_EQ(State(kNights, "2026-03-21 23:00"), "closed until Mon 2026-03-23 22:00 CET");
  EXPECT_EQ(State(kNights, "2026-03-23 04:00"), "closed until Mon 2026-03-23 22:00 CET");
}

TEST(WindowTest, DaysAreNamesListsAndRanges) {
  EXPECT_EQ(State("mon,WED 10:00-12:00 Europe/Berlin", "2026-03-17 09:00"),
            "closed until Wed 2026-03-18 10:00 CET");
  EXPECT_EQ(State("Mon, Wed 10:00-12:00 Europe/Berlin", "2026-03-18 12:00"),
            "closed until Mon 2026-03-23 10:00 CET");
  EXPECT_EQ(State("Fri-Mon 10:00-12:00 Europe/Berlin", "2026-03-16 12:00"),
            "closed until Fri 2026-03-20 10:00 CET");
  EXPECT_EQ(State("Fri-Mon,Wed 10:00-12:00 Europe/Berlin", "2026-03-16 12:00"),
            "closed until Wed 2026-03-18 10:00 CET");
  EXPECT_EQ(State("Sun 10:00-12:00 Europe/Berlin", "2026-03-16 12:00"),
            "closed until Sun 2026-03-22 10:00 CET");
  EXPECT_EQ(State("10:00-12:00 Europe/Berlin", "2026-03-16 12:00"),
            "closed until Tue 2026-03-17 10:00 CET");
}

TEST(WindowTest, SpansThatTouchOrOverlapAreOne) {
  constexpr char kText[] = "Mon-Fri 22:00-05:00 Europe/Berlin; Sat,Sun 00:00-24:00 Europe/Berlin";
  EXPECT_EQ(State(kText, "2026-03-20 22:00"), "open until Mon 2026-03-23 00:00 CET");
  EXPECT_EQ(State(kText, "2026-03-23 00:00"), "closed until Mon 2026-03-23 22:00 CET");
  EXPECT_EQ(State("00:00-24:00 Europe/Berlin", "2026-03-20 22:00"), "open until ever");
  EXPECT_EQ(State("06:00-18:00; 17:00-06:00 UTC", "2026-03-20 22:00"), "open until ever");
}

TEST(WindowTest, IsOpenSinceTheFirstOfTheSpansThatTouch) {
  const Window window = WindowOf("10:00-11:00; 11:00-11:05; 20:00-21:00 UTC");
  EXPECT_EQ(window.At(At("2026-03-18 11:02Z")).since, At("2026-03-18 10:00Z"));
  EXPECT_EQ(window.At(At("2026-03-18 20:00Z")).since, At("2026-03-18 20:00Z"));
  EXPECT_EQ(Window().At(At("2026-03-18 20:00Z")).since, absl::InfinitePast());
}

TEST(WindowTest, EachSpanMayHaveAZoneOfItsOwn) {
  constexpr char kText[] = "Mon 10:00-11:00 America/New_York; Mon 10:00-11:00 Europe/Berlin";
  EXPECT_EQ(State(kText, "2026-01-05 09:00"), "closed until Mon 2026-01-05 10:00 CET");
  EXPECT_EQ(State(kText, "2026-01-05 12:00"), "closed until Mon 2026-01-05 16:00 CET");
  EXPECT_EQ(State("Mon 10:00-11:00; Tue 10:00-11:00 America/New_York", "2026-01-05 12:00"),
            "closed until Mon 2026-01-05 16:00 CET");
  EXPECT_TRUE(Window::Parse("10:00-11:00 local").ok());
}

// 29 March 2026: after 01:59 CET comes 03:00 CEST.
TEST(WindowTest, TheNightOf23Hours) {
  constexpr char kDaily[] = "22:00-05:00 Europe/Berlin";
  EXPECT_EQ(State(kDaily, "2026-03-28 22:00"), "open until Sun 2026-03-29 05:00 CEST");
  const Window window = WindowOf(kDaily);
  const absl::Time opens = window.At(At("2026-03-28 21:00")).until;
  EXPECT_EQ(window.At(opens).until - opens, absl::Hours(6));
  EXPECT_EQ(State(kDaily, "2026-03-29 12:00"), "closed until Sun 2026-03-29 22:00 CEST");
}

TEST(WindowTest, ATimeThatDoesNotExistIsTheMomentOfTheChange) {
  EXPECT_EQ(State("Sun 02:30-06:00 Europe/Berlin", "2026-03-28 12:00"),
            "closed until Sun 2026-03-29 03:00 CEST");
  EXPECT_EQ(State("Sat 22:00-02:30 Europe/Berlin", "2026-03-28 23:00"),
            "open until Sun 2026-03-29 03:00 CEST");
  // Nothing is left of it in that night.
  EXPECT_EQ(State("02:10-02:50 Europe/Berlin", "2026-03-28 12:00"),
            "closed until Mon 2026-03-30 02:10 CEST");
  EXPECT_EQ(State("Sun 02:10-02:50 Europe/Berlin", "2026-03-28 12:00"),
            "closed until Sun 2026-04-05 02:10 CEST");
}

// 25 October 2026: after 02:59 CEST comes 02:00 CET.
TEST(WindowTest, TheNightOf25Hours) {
  const Window window = WindowOf("22:00-05:00 Europe/Berlin");
  const absl::Time opens = window.At(At("2026-10-24 21:00")).until;
  EXPECT_EQ(window.At(opens).until - opens, absl::Hours(8));
  EXPECT_EQ(State("22:00-05:00 Europe/Berlin", "2026-10-25 01:30Z"),
            "open until Sun 2026-10-25 05:00 CET");
}

TEST(WindowTest, OfATimeThatExistsTwiceTheFirstCounts) {
  EXPECT_EQ(State("Sun 02:30-06:00 Europe/Berlin", "2026-10-24 12:00"),
            "closed until Sun 2026-10-25 02:30 CEST");
  EXPECT_EQ(State("Sat 22:00-02:30 Europe/Berlin", "2026-10-24 23:00"),
            "open until Sun 2026-10-25 02:30 CEST");
  const Window window = WindowOf("02:10-02:50 Europe/Berlin");
  const absl::Time opens = window.At(At("2026-10-24 12:00")).until;
  EXPECT_EQ(opens, At("2026-10-25 00:10Z"));
  EXPECT_EQ(window.At(opens).until, At("2026-10-25 00:50Z"));
  EXPECT_FALSE(window.At(At("2026-10-25 01:20Z")).open);
}

// Whatever it says until when, holds until then and no longer.
TEST(WindowTest, WhatItSaysHoldsThroughAYear) {
  for (const char* text :
       {kNights, "02:30-03:30 Europe/Berlin", "Sun 00:00-24:00 America/New_York",
        "Sat,Sun 00:00-24:00; Mon-Fri 22:00-05:00 Australia/Lord_Howe", "Sun 02:10-02:50 CET"}) {
    const Window window = WindowOf(text);
    absl::Time now = At("2026-01-01 12:00");
    const absl::Time end = At("2027-01-01 12:00");
    int changes = 0;
    while (now < end && ++changes < 2000) {
      const Window::State state = window.At(now);
      ASSERT_GT(state.until, now) << text;
      ASSERT_LT(state.until - now, absl::Hours(24 * 15)) << text;
      for (const absl::Duration early : {absl::Seconds(1), (state.until - now) / 2}) {
        const Window::State before = window.At(state.until - early);
        EXPECT_EQ(before.open, state.open) << text << " " << state.until;
        EXPECT_EQ(before.until, state.until) << text;
      }
      EXPECT_NE(window.At(state.until).open, state.open) << text << " " << state.until;
      now = state.until;
    }
    EXPECT_GE(now, end) << text;
  }
}

TEST(WindowTest, RefusesBadSyntax) {
  constexpr char kWindowHint[] =
      "\nHINT: write [DAYS] HH:MM-HH:MM ZONE, e.g. Mon-Fri 22:00-05:00 Europe/Berlin; a semicolon "
      "separates several";
  for (const char* text : {"", "nights", "22-05 UTC", "Mon UTC", "10:00-12:00 UTC UTC",
                           "10:00 - 12:00 UTC", "Always"}) {
    EXPECT_EQ(WindowRefusal(text), absl::StrCat("\"", text, "\" is not a window", kWindowHint));
  }
  EXPECT_EQ(WindowRefusal("10:00-12:00 UTC;"), absl::StrCat("\"\" is not a window", kWindowHint));
  EXPECT_EQ(WindowRefusal("10:00 UTC"),
            absl::StrCat("\"10:00\" is not a beginning and an end", kWindowHint));
}

TEST(WindowTest, RefusesBadDaysAndTimes) {
  constexpr char kDays[] =
      "\nHINT: write Mon, Tue, Wed, Thu, Fri, Sat or Sun; lists are Mon,Wed and ranges Mon-Fri";
  EXPECT_EQ(WindowRefusal("Fry 10:00-12:00 UTC"), absl::StrCat("\"Fry\" is not a day", kDays));
  EXPECT_EQ(WindowRefusal("Mon, 10:00-12:00 UTC"), absl::StrCat("\"\" is not a day", kDays));
  EXPECT_EQ(WindowRefusal("Mon-Tue-Wed 10:00-12:00 UTC"),
            absl::StrCat("\"Tue-Wed\" is not a day", kDays));
  for (const char* time : {"24:00", "25:00", "9:00", "10:60", "+1:00", "ab:cd", "10:000"}) {
    EXPECT_EQ(WindowRefusal(absl::StrCat(time, "-12:00 UTC")),
              absl::StrCat("\"", time, "\" is not a time of day\n",
                           "HINT: write HH:MM from 00:00 to 23:59; as an end, 24:00 too"));
  }
  EXPECT_EQ(WindowRefusal("10:00-24:01 UTC"),
            "\"24:01\" is not a time of day\n"
            "HINT: write HH:MM from 00:00 to 23:59; as an end, 24:00 too");
}

TEST(WindowTest, RefusesUnknownAndMissingZones) {
  for (const char* zone : {"Europe/Berln", "/etc/passwd", "../../etc/passwd", "+2", "\xff"}) {
    EXPECT_EQ(WindowRefusal(absl::StrCat("22:00-05:00 ", zone)),
              absl::StrCat("there is no time zone \"", zone, "\"\n",
                           "HINT: write a name of the tz database, e.g. Europe/Berlin or UTC, or "
                           "local for this machine's"));
  }
  EXPECT_EQ(WindowRefusal("22:00-05:00 UTC; 10:00-12:00"),
            "window \"22:00-05:00 UTC; 10:00-12:00\" does not end in a time zone\n"
            "HINT: write [DAYS] HH:MM-HH:MM ZONE, e.g. Mon-Fri 22:00-05:00 Europe/Berlin; a "
            "semicolon separates several");
}

TEST(WindowTest, RefusesOneThatNeverOpensOrHasTooManySpans) {
  EXPECT_EQ(WindowRefusal("Mon 10:00-10:00 UTC"),
            "window 10:00-10:00 never opens: it ends when it begins\n"
            "HINT: write 00:00-24:00 for a whole day");
  std::string many = "00:00-00:10 UTC";
  for (int i = 1; i < 33; ++i) absl::StrAppend(&many, ";00:00-00:10 UTC");
  EXPECT_EQ(WindowRefusal(many),
            "a window of 33 spans, more than 32\n"
            "HINT: lists and ranges of days make it shorter");
}

class WindowsTest : public testing::Test {
 protected:
  std::string Reason(Work work, const std::string& now,
                     absl::Duration batch = absl::Milliseconds(100)) const {
    return windows_.Reason(work, At(now), batch);
  }

  std::string ReasonBefore(Work work, absl::Duration close,
                           absl::Duration batch = absl::Milliseconds(100)) const {
    return windows_.Reason(work, At("2026-03-19 05:00") - close, batch);
  }

  Windows windows_{WindowOf(kNights), std::nullopt};
};

TEST_F(WindowsTest, OutsideTheWindowNothingBeginsAndItSaysWhenItOpens) {
  for (const Work work : {Work::kBatch, Work::kStep, Work::kExchange}) {
    EXPECT_EQ(Reason(work, "2026-03-16 19:00"), "outside the window, opens Mon 22:00 CET in 3h");
    EXPECT_EQ(Reason(work, "2026-03-18 23:00"), "");
  }
  EXPECT_EQ(Reason(Work::kBatch, "2026-03-28 05:00"),
            "outside the window, opens Mon 22:00 CEST in 64h");
  EXPECT_EQ(windows_.Reason(Work::kBatch, At("2026-03-16 19:00") + absl::Seconds(1),
                            absl::ZeroDuration()),
            "outside the window, opens Mon 22:00 CET in 3h");
  EXPECT_EQ(windows_.Reason(Work::kBatch, At("2026-03-16 22:00") - absl::Milliseconds(300),
                            absl::ZeroDuration()),
            "outside the window, opens Mon 22:00 CET in 1s");
}

TEST_F(WindowsTest, NoBatchBeginsThatMayOutlastTheWindow) {
  EXPECT_EQ(ReasonBefore(Work::kBatch, absl::Milliseconds(200)), "");
  EXPECT_EQ(ReasonBefore(Work::kBatch, absl::Milliseconds(199)),
            "the window closes in 1s: too soon for another batch");
  EXPECT_EQ(ReasonBefore(Work::kBatch, absl::Seconds(39), absl::Seconds(20)),
            "the window closes in 39s: too soon for another batch");
}

// Comparing a large index is one batch of hours: it must not keep everything from ever beginning.
TEST_F(WindowsTest, ABatchOfHoursNeedsNoMoreThanAStep) {
  EXPECT_EQ(ReasonBefore(Work::kBatch, absl::Minutes(5), absl::Hours(9)), "");
  EXPECT_EQ(ReasonBefore(Work::kBatch, absl::Minutes(4), absl::Hours(9)),
            "the window closes in 4m: too soon for another batch");
}

TEST_F(WindowsTest, NothingLongBeginsInTheLastMinutes) {
  EXPECT_EQ(ReasonBefore(Work::kStep, absl::Minutes(5)), "");
  EXPECT_EQ(ReasonBefore(Work::kStep, absl::Seconds(299)),
            "the window closes in 5m: too soon for a long step");
  EXPECT_EQ(ReasonBefore(Work::kExchange, absl::Minutes(5)), "");
  EXPECT_EQ(ReasonBefore(Work::kExchange, absl::Minutes(4)),
            "the window closes in 4m: no swap in its last 5m");
  EXPECT_EQ(ReasonBefore(Work::kBatch, absl::Minutes(4)), "");
}

TEST_F(WindowsTest, OfAShortWindowTheSecondHalfIsForBatchesAlone) {
  windows_.work = WindowOf("10:00-10:01; 10:02-10:03 UTC");
  const absl::Time close = At("2026-03-18 10:03Z");
  const auto reason = [&](Work work, absl::Duration before) {
    return windows_.Reason(work, close - before, absl::Milliseconds(100));
  };
  for (const Work work : {Work::kBatch, Work::kStep, Work::kExchange}) {
    EXPECT_EQ(reason(work, absl::Seconds(61)), "outside the window, opens Wed 10:02 UTC in 1s");
    EXPECT_EQ(reason(work, absl::Seconds(30)), "");
    EXPECT_EQ(reason(work, absl::ZeroDuration()),
              "outside the window, opens Thu 10:00 UTC in 23h57m");
  }
  EXPECT_EQ(reason(Work::kStep, absl::Seconds(29)),
            "the window closes in 29s: too soon for a long step");
  EXPECT_EQ(reason(Work::kExchange, absl::Seconds(29)),
            "the window closes in 29s: no swap in its last 30s");
  EXPECT_EQ(reason(Work::kBatch, absl::Milliseconds(200)), "");
  EXPECT_EQ(reason(Work::kBatch, absl::Milliseconds(199)),
            "the window closes in 1s: too soon for another batch");
}

TEST_F(WindowsTest, TheSwapMayHaveAWindowOfItsOwn) {
  windows_.exchange = WindowOf("Tue 10:00-12:00 Europe/Berlin");
  EXPECT_EQ(Reason(Work::kExchange, "2026-03-16 23:00"),
            "outside the swap window, opens Tue 10:00 CET in 11h");
  EXPECT_EQ(Reason(Work::kBatch, "2026-03-16 23:00"), "");
  EXPECT_EQ(Reason(Work::kExchange, "2026-03-17 10:00"), "");
  EXPECT_EQ(Reason(Work::kExchange, "2026-03-17 11:56"),
            "the swap window closes in 4m: no swap in its last 5m");
  EXPECT_EQ(Reason(Work::kStep, "2026-03-17 10:00"),
            "outside the window, opens Tue 22:00 CET in 12h");
}

TEST_F(WindowsTest, WithoutAWindowEverythingBegins) {
  for (const Work work : {Work::kBatch, Work::kStep, Work::kExchange}) {
    EXPECT_EQ(Windows().Reason(work, At("2026-03-16 19:00"), absl::Hours(1)), "");
  }
}

}  // namespace
}  // namespace throttle
