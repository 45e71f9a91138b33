#include "throttle/window.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"

namespace throttle {
namespace {

constexpr int kDayMinutes = 24 * 60;
constexpr std::size_t kSpansMax = 32;
constexpr absl::Duration kLastMinutes = absl::Minutes(5);  // Of a short window, its second half.

// A span that began two days ago may still be open, whatever its zone; what does not open in a
// fortnight, in which every weekly change of clocks is over, does not open at all.
constexpr int kDaysBack = 2;
constexpr int kDaysAhead = 16;
constexpr absl::Duration kHorizon = absl::Hours(24 * 14);

constexpr char kHint[] =
    "write [DAYS] HH:MM-HH:MM ZONE, e.g. Mon-Fri 22:00-05:00 Europe/Berlin; a semicolon separates "
    "several";

// By absl::Weekday.
constexpr const char* kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

absl::Status Bad(const std::string& message, const std::string& hint) {
  return absl::InvalidArgumentError(absl::StrCat(message, "\nHINT: ", hint));
}

absl::StatusOr<std::size_t> ParseDay(const std::string& name) {
  const auto* const day =
      std::find(std::begin(kDays), std::end(kDays), absl::AsciiStrToLower(name));
  if (day != std::end(kDays)) return static_cast<std::size_t>(day - std::begin(kDays));
  return Bad(absl::StrCat("\"", name, "\" is not a day"),
             "write Mon, Tue, Wed, Thu, Fri, Sat or Sun; lists are Mon,Wed and ranges Mon-Fri");
}

absl::StatusOr<std::array<bool, 7>> ParseDays(const std::string& text) {
  std::array<bool, 7> days{};
  if (text.empty()) days.fill(true);
  if (text.empty()) return days;
  for (const std::string& item : std::vector<std::string>(absl::StrSplit(text, ','))) {
    const std::vector<std::string> ends = absl::StrSplit(item, absl::MaxSplits('-', 1));
    const absl::StatusOr<std::size_t> first = ParseDay(ends.front());
    const absl::StatusOr<std::size_t> last = ParseDay(ends.back());
    if (!first.ok()) return first.status();
    if (!last.ok()) return last.status();
    for (std::size_t day = *first;; day = (day + 1) % days.size()) {
      days[day] = true;
      if (day == *last) break;
    }
  }
  return days;
}

// Minutes since midnight.
absl::StatusOr<int> ParseTime(const std::string& text, bool is_end) {
  const auto digit = [&text](std::size_t at) {
    return absl::ascii_isdigit(static_cast<unsigned char>(text[at]));
  };
  const bool shaped =
      text.size() == 5 && digit(0) && digit(1) && text[2] == ':' && digit(3) && digit(4);
  if (shaped) {
    int hour = 0;
    int minute = 0;
    const bool numbers =
        absl::SimpleAtoi(text.substr(0, 2), &hour) && absl::SimpleAtoi(text.substr(3), &minute);
    const int minutes = hour * 60 + minute;
    if (numbers && minute < 60 && (minutes < kDayMinutes || (is_end && minutes == kDayMinutes))) {
      return minutes;
    }
  }
  return Bad(absl::StrCat("\"", text, "\" is not a time of day"),
             "write HH:MM from 00:00 to 23:59; as an end, 24:00 too");
}

absl::StatusOr<absl::TimeZone> ParseZone(const std::string& name) {
  if (name == "local") return absl::LocalTimeZone();
  // absl takes names of files too.
  const bool is_name =
      absl::ascii_isalpha(static_cast<unsigned char>(name.empty() ? ' ' : name[0])) &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_' ||
               c == '-' || c == '+';
      });
  absl::TimeZone zone;
  if (is_name && absl::LoadTimeZone(name, &zone)) return zone;
  return Bad(absl::StrCat("there is no time zone \"", name, "\""),
             "write a name of the tz database, e.g. Europe/Berlin or UTC, or local for this "
             "machine's");
}

absl::Time TimeAt(absl::CivilDay day, int minutes, absl::TimeZone zone) {
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilMinute(day) + minutes);
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

// "3h", "2h59m", "45s": upwards, so that "in 0s" is never said of what is still to come.
std::string TimeLeft(absl::Duration duration) {
  const bool minutes = duration > absl::Minutes(1);
  return absl::FormatDuration(absl::Ceil(duration, minutes ? absl::Minutes(1) : absl::Seconds(1)));
}

// At the end of a window, when nothing long begins any more.
absl::Duration LastMinutes(const Window::State& state) {
  return std::min(kLastMinutes, (state.until - state.since) / 2);
}

}  // namespace

absl::StatusOr<Window::Span> Window::ParseSpan(const std::string& text) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipWhitespace());
  const auto times = std::find_if(words.begin(), words.end(), [](const std::string& word) {
    return word.find(':') != std::string::npos;
  });
  if (times == words.end() || words.end() - times > 2) {
    return Bad(absl::StrCat("\"", absl::StripAsciiWhitespace(text), "\" is not a window"), kHint);
  }
  const std::vector<std::string> ends = absl::StrSplit(*times, absl::MaxSplits('-', 1));
  if (ends.size() != 2) {
    return Bad(absl::StrCat("\"", *times, "\" is not a beginning and an end"), kHint);
  }
  std::string days;
  for (auto word = words.begin(); word != times; ++word) days += *word;
  const absl::StatusOr<std::array<bool, 7>> on = ParseDays(days);
  if (!on.ok()) return on.status();
  const absl::StatusOr<int> begin = ParseTime(ends[0], false);
  if (!begin.ok()) return begin.status();
  const absl::StatusOr<int> end = ParseTime(ends[1], true);
  if (!end.ok()) return end.status();
  if (*begin == *end) {
    return Bad(absl::StrCat("window ", *times, " never opens: it ends when it begins"),
               "write 00:00-24:00 for a whole day");
  }
  Span span{*on, *begin, *end, std::nullopt};
  if (times + 1 != words.end()) {
    const absl::StatusOr<absl::TimeZone> zone = ParseZone(*(times + 1));
    if (!zone.ok()) return zone.status();
    span.zone = *zone;
  }
  return span;
}

absl::StatusOr<Window> Window::Parse(const std::string& text) {
  Window window;
  if (absl::StripAsciiWhitespace(text) == "always") return window;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ';'))) {
    absl::StatusOr<Span> span = ParseSpan(part);
    if (!span.ok()) return span.status();
    window.spans_.push_back(*std::move(span));
  }
  if (window.spans_.size() > kSpansMax) {
    return Bad(absl::StrCat("a window of ", window.spans_.size(), " spans, more than ", kSpansMax),
               "lists and ranges of days make it shorter");
  }
  std::optional<absl::TimeZone> zone;
  for (auto span = window.spans_.rbegin(); span != window.spans_.rend(); ++span) {
    if (!span->zone) span->zone = zone;
    zone = span->zone;
    if (!zone) {
      return Bad(absl::StrCat("window \"", absl::StripAsciiWhitespace(text),
                              "\" does not end in a time zone"),
                 kHint);
    }
  }
  return window;
}

Window::State Window::At(absl::Time now) const {
  if (spans_.empty()) return State();
  std::vector<std::pair<absl::Time, absl::Time>> spans;
  for (const Span& span : spans_) {
    const absl::CivilDay today = absl::ToCivilDay(now, *span.zone);
    for (absl::CivilDay day = today - kDaysBack; day <= today + kDaysAhead; ++day) {
      if (!span.days[static_cast<std::size_t>(absl::GetWeekday(day))]) continue;
      const absl::CivilDay last = span.end > span.begin ? day : day + 1;
      const absl::Time begin = TimeAt(day, span.begin, *span.zone);
      const absl::Time end = TimeAt(last, span.end, *span.zone);
      if (begin < end) spans.emplace_back(begin, end);
    }
  }
  std::sort(spans.begin(), spans.end());
  // The first run of spans without a gap that is not over.
  absl::Time since = absl::InfinitePast();
  absl::Time until = absl::InfinitePast();
  for (const auto& [begin, end] : spans) {
    if (begin > until) {
      if (until > now) break;
      since = begin;
    }
    until = std::max(until, end);
  }
  if (until <= now) return {false, absl::InfinitePast(), absl::InfiniteFuture()};
  if (since > now) return {false, absl::InfinitePast(), since};
  return {true, since, until > now + kHorizon ? absl::InfiniteFuture() : until};
}

std::string Window::Clock(absl::Time time) const {
  const absl::TimeZone zone = spans_.empty() ? absl::UTCTimeZone() : *spans_[0].zone;
  return absl::FormatTime("%a %H:%M %Z", time, zone);
}

std::string Windows::Reason(Work what, absl::Time now, absl::Duration batch) const {
  const bool swap = what == Work::kExchange && exchange.has_value();
  const Window& window = swap ? *exchange : work;
  const char* const name = swap ? "the swap window" : "the window";
  const Window::State state = window.At(now);
  const absl::Duration left = state.until - now;
  if (!state.open) {
    if (state.until == absl::InfiniteFuture()) return absl::StrCat("outside ", name);
    return absl::StrCat("outside ", name, ", opens ", window.Clock(state.until), " in ",
                        TimeLeft(left));
  }
  // What takes longer than that is a step, whatever it is called, and must find its time too.
  const absl::Duration last = LastMinutes(state);
  const absl::Duration needed = what == Work::kBatch ? std::min(2 * batch, last) : last;
  if (left >= needed) return "";
  const std::string closes = absl::StrCat(name, " closes in ", TimeLeft(left), ": ");
  switch (what) {
    case Work::kBatch:
      return absl::StrCat(closes, "too soon for another batch");
    case Work::kStep:
      return absl::StrCat(closes, "too soon for a long step");
    case Work::kExchange:
      break;
  }
  return absl::StrCat(closes, "no swap in its last ", TimeLeft(last));
}

}  // namespace throttle
