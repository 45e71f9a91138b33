// When work may be done: a calendar such as "Mon-Fri 22:00-05:00 Europe/Berlin".
//
//     window = "always" | span { ";" span }
//     span   = [days] HH:MM-HH:MM [zone]
//
// Days are names, lists and ranges: Mon, Mon,Wed, Fri-Mon; none means every day. They are the days
// on which the span begins: one whose end is not after its beginning goes over midnight. 24:00 is
// an end. A zone is a name of the tz database, or `local`; a span without one has the next one's.
//
// When clocks are changed, a time that does not exist is the moment of the change, and one that
// exists twice is its first: "22:00-05:00" has six hours in the one night and eight in the other.
//
// Values; nothing here reads a clock. Only Parse does I/O: absl reads the zone's file.

#ifndef THROTTLE_WINDOW_H_
#define THROTTLE_WINDOW_H_

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace throttle {

class Window {
 public:
  struct State {
    bool open = true;
    absl::Time since = absl::InfinitePast();    // If it is open.
    absl::Time until = absl::InfiniteFuture();  // Infinite: for a fortnight at least.
  };

  // Always open.
  Window() = default;

  // kInvalidArgument, with a HINT: bad syntax, unknown zone, or never open.
  static absl::StatusOr<Window> Parse(const std::string& text);

  // Whether it is open, since when, and when that ends. Spans that overlap or touch are one.
  State At(absl::Time now) const;

  bool AlwaysOpen() const { return spans_.empty(); }

  // As the clocks there show it: "Mon 22:00 CET".
  std::string Clock(absl::Time time) const;

 private:
  struct Span {
    std::array<bool, 7> days{};  // By absl::Weekday.
    int begin = 0;               // Minutes since midnight.
    int end = 0;                 // Of the next day if not after `begin`.
    std::optional<absl::TimeZone> zone;
  };

  static absl::StatusOr<Span> ParseSpan(const std::string& text);

  std::vector<Span> spans_;  // None: always open. Each has a zone.
};

// What is about to begin. The last minutes are five, or the second half of a window that is shorter
// than ten.
enum class Work {
  kBatch,     // Short: may begin while the window is open for twice its time.
  kStep,      // Cannot be ended and gone on with: an index build. Not in the last minutes.
  kExchange,  // The swap. Not in the last minutes either: it may have to be tried again.
};

struct Windows {
  Window work;
  std::optional<Window> exchange;  // For Work::kExchange, instead of `work`.

  // Why `what` must not begin at `now`: "outside the window, opens Mon 22:00 CET in 3h". Empty: it
  // may. `batch` is how long a batch may be expected to take.
  std::string Reason(Work what, absl::Time now, absl::Duration batch) const;
};

}  // namespace throttle

#endif  // THROTTLE_WINDOW_H_
