#include "tools/report.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace tools {
namespace {

using restructure::ProgressSnapshot;

constexpr absl::Duration kRefresh = absl::Milliseconds(500);
constexpr absl::Duration kLineInterval = absl::Seconds(5);
constexpr int kBarMin = 10;
constexpr int kBarMax = 40;

constexpr char kClearLine[] = "\x1b[K";
constexpr char kClearBelow[] = "\x1b[J";

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

TerminalSize SizeOf(std::FILE* file) {
  TerminalSize size;
  winsize window = {};
  if (ioctl(fileno(file), TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
    size.columns = window.ws_col;
    size.rows = window.ws_row;
  }
  return size;
}

// One character of UTF-8 at the start of `text`: its bytes, and the columns that it takes.
struct Character {
  std::size_t bytes = 1;
  int columns = 1;
  bool printable = false;
};

Character FirstCharacter(const char* text, std::size_t size) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {1, 1, byte(0) >= 0x20 && byte(0) != 0x7f};
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || length > size) return {};
  std::uint32_t code = byte(0) & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  const bool control = code < 0xa0;
  const bool direction = (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                         (code >= 0x2066 && code <= 0x2069);
  // Every script above may be wide: a line that is cut too early is better than one that wraps.
  return {length, code >= 0x1100 ? 2 : 1, !control && !direction};
}

// How many terminal columns `text` takes, once it went through FitColumns.
int Columns(const std::string& text) {
  int columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Character character = FirstCharacter(text.data() + i, text.size() - i);
    columns += character.printable ? character.columns : 1;
    i += character.bytes;
  }
  return columns;
}

std::string JobTitle(const ProgressSnapshot& snapshot) {
  if (snapshot.name.empty()) return "pg_restructure";
  if (snapshot.job_id == 0) return absl::StrCat(snapshot.kind, " ", snapshot.name);
  return absl::StrCat("job ", snapshot.job_id, ": ", snapshot.kind, " ", snapshot.name);
}

std::string PhaseAndStep(const ProgressSnapshot& snapshot) {
  const std::string phase = snapshot.phase.empty() ? "plan" : snapshot.phase;
  return snapshot.step.empty() ? phase : absl::StrCat(phase, ": ", snapshot.step);
}

// "plan > build > [connect] > verify", or where that is too wide "[connect] 3 of 7".
std::string PhaseChain(const std::string& phase, const std::vector<std::string>& phases,
                       int columns) {
  const std::string present = absl::StrCat("[", phase.empty() ? "plan" : phase, "]");
  std::vector<std::string> chain;
  std::size_t position = 0;
  for (const std::string& name : phases) {
    const bool here = absl::StrCat("[", name, "]") == present;
    chain.push_back(here ? present : name);
    if (here) position = chain.size();
  }
  if (position == 0) return present;
  const std::string whole = absl::StrJoin(chain, " > ");
  if (Columns(whole) <= columns) return whole;
  return absl::StrCat(present, " ", position, " of ", chain.size());
}

// Of the step, from 0 to 1. The total is an estimate: more rows than that are still all.
double Fraction(const ProgressSnapshot& snapshot) {
  if (snapshot.rows_total <= 0) return 0;
  return std::clamp(
      static_cast<double>(snapshot.rows_done) / static_cast<double>(snapshot.rows_total), 0.0, 1.0);
}

std::string Rows(const ProgressSnapshot& snapshot) {
  if (snapshot.rows_total <= 0)
    return absl::StrCat(FormatCount(snapshot.rows_done), " ", snapshot.unit);
  return absl::StrCat(FormatCount(snapshot.rows_done), " / ", FormatCount(snapshot.rows_total), " ",
                      snapshot.unit);
}

std::string Percent(const ProgressSnapshot& snapshot) {
  // Rounded down: 100% is said when the last row is there.
  return absl::StrCat(static_cast<int>(std::floor(Fraction(snapshot) * 100)), "%");
}

std::string Rate(const ProgressSnapshot& snapshot) {
  return absl::StrCat(FormatCount(std::llround(snapshot.rows_per_second)), " ", snapshot.unit,
                      "/s");
}

std::string TimeLeft(const ProgressSnapshot& snapshot) {
  if (!snapshot.time_left.has_value()) return "";
  return absl::StrCat(FormatTimeSpan(*snapshot.time_left), " left");
}

// "[######........]  45%  900 / 2,000 rows  123 rows/s  8.9 s left"; the bar takes what is over.
std::string BarLine(const ProgressSnapshot& snapshot, int columns) {
  std::vector<std::string> parts = {Rows(snapshot), Rate(snapshot)};
  if (snapshot.time_left.has_value()) parts.push_back(TimeLeft(snapshot));
  if (snapshot.rows_total <= 0) return absl::StrJoin(parts, "  ");
  parts.insert(parts.begin(), absl::StrFormat("%4s", Percent(snapshot)));
  const std::string figures = absl::StrJoin(parts, "  ");
  const int room = columns - static_cast<int>(figures.size()) - 3;
  if (room < kBarMin) return figures.substr(figures.find_first_not_of(' '));
  const int bar = std::min(room, kBarMax);
  const int filled = static_cast<int>(Fraction(snapshot) * bar);
  return absl::StrCat("[", std::string(static_cast<std::size_t>(filled), '#'),
                      std::string(static_cast<std::size_t>(bar - filled), '.'), "] ", figures);
}

std::string WorkersLine(const ProgressSnapshot& snapshot) {
  std::string line = absl::StrCat("workers ", snapshot.workers_busy, "/", snapshot.workers,
                                  "  batch ", FormatCount(snapshot.rows_per_batch),
                                  " rows  backlog ", FormatCount(snapshot.backlog_keys), " keys");
  if (snapshot.retries > 0) absl::StrAppend(&line, "  retries ", FormatCount(snapshot.retries));
  return line;
}

// Two columns, the first as wide as its widest cell; numbers to the right.
std::string TwoColumns(const std::vector<std::pair<std::string, std::string>>& rows) {
  int left = 0;
  int right = 0;
  for (const auto& [name, value] : rows) {
    left = std::max(left, Columns(name));
    right = std::max(right, Columns(value));
  }
  std::string text;
  for (const auto& [name, value] : rows) {
    const int gap = left - Columns(name) + 2 + right - Columns(value);
    absl::StrAppend(&text, "  ", name, std::string(static_cast<std::size_t>(gap), ' '), value,
                    "\n");
  }
  return text;
}

std::string RenderPhases(const std::map<std::string, absl::Duration>& phases) {
  std::vector<std::pair<std::string, absl::Duration>> longest_first(phases.begin(), phases.end());
  std::stable_sort(longest_first.begin(), longest_first.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [phase, time] : longest_first) {
    rows.emplace_back(FitColumns(phase, 40), FormatTimeSpan(time));
  }
  return TwoColumns(rows);
}

std::string RenderReasons(const restructure::Summary& summary) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [reason, share] : ReasonShares(summary)) {
    const std::string time = FormatTimeSpan(summary.reasons.at(reason));
    rows.emplace_back(FitColumns(reason, 60), absl::StrFormat("%s  %5.1f %%", time, 100 * share));
  }
  return TwoColumns(rows);
}

// The holds of one lock mode on one relation, taken together.
struct LockTotal {
  int holds = 0;
  std::int64_t attempts = 0;
  absl::Duration longest_held;
  absl::Duration longest_wait;
};

std::string RenderLocks(const std::vector<restructure::LockHold>& locks) {
  std::map<std::pair<std::string, std::string>, LockTotal> totals;
  for (const restructure::LockHold& lock : locks) {
    LockTotal& total = totals[{lock.relation, lock.mode}];
    ++total.holds;
    total.attempts += lock.attempts;
    total.longest_held = std::max(total.longest_held, lock.times.held);
    total.longest_wait = std::max(total.longest_wait, lock.times.waited);
  }
  std::string text;
  for (const auto& [key, total] : totals) {
    const std::string lock = FitColumns(absl::StrCat(key.second, " on ", key.first), 120);
    absl::StrAppend(&text, "  ", lock, "\n");
    absl::StrAppend(&text, "    held ", FormatCount(total.holds),
                    total.holds == 1 ? " time" : " times", ", longest ",
                    FormatTimeSpan(total.longest_held), "; longest wait ",
                    FormatTimeSpan(total.longest_wait), "; ", FormatCount(total.attempts),
                    total.attempts == 1 ? " attempt" : " attempts", "\n");
  }
  return text;
}

}  // namespace

std::vector<std::pair<std::string, double>> ReasonShares(const restructure::Summary& summary) {
  absl::Duration all;
  for (const auto& [reason, time] : summary.reasons) all += time;
  std::vector<std::pair<std::string, double>> shares;
  for (const auto& [reason, time] : summary.reasons) {
    shares.emplace_back(reason, all > absl::ZeroDuration() ? absl::FDivDuration(time, all) : 0);
  }
  std::stable_sort(shares.begin(), shares.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return shares;
}

std::string FormatCount(std::int64_t count) {
  std::string text = absl::StrCat(count);
  const std::size_t first_digit = count < 0 ? 1 : 0;
  for (std::size_t i = text.size(); i > first_digit + 3;) {
    i -= 3;
    text.insert(i, ",");
  }
  return text;
}

std::string FormatBytes(std::int64_t bytes) {
  constexpr const char* kUnits[] = {"kB", "MB", "GB", "TB", "PB"};
  if (bytes > -1024 && bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.95 is where one decimal would read 1024.0.
  while (std::abs(value) >= 1023.95 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string FormatTimeSpan(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", FormatTimeSpan(-duration));
  if (duration == absl::InfiniteDuration()) return "unlimited";
  if (duration == absl::ZeroDuration()) return "0 ms";
  // Each border is where rounding reaches the next unit: 59.96 s reads 1m00s.
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 0.00095) return absl::StrFormat("%.1f ms", seconds * 1000);
  if (seconds < 0.9995) return absl::StrFormat("%.0f ms", seconds * 1000);
  if (seconds < 59.95) return absl::StrFormat("%.1f s", seconds);
  const std::int64_t whole = std::llround(seconds);
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  const std::int64_t minutes = std::llround(seconds / 60);
  return absl::StrFormat("%dh%02dm", minutes / 60, minutes % 60);
}

std::string FitColumns(const std::string& text, int columns) {
  std::string fitted;
  std::size_t keep = 0;  // Bytes that leave room for the dots.
  int used = 0;
  const int dots = std::clamp(columns, 0, 3);
  for (std::size_t i = 0; i < text.size();) {
    const Character character = FirstCharacter(text.data() + i, text.size() - i);
    const int width = character.printable ? character.columns : 1;
    if (used + width > columns) {
      fitted.resize(keep);
      fitted.append(static_cast<std::size_t>(dots), '.');
      return fitted;
    }
    fitted += character.printable ? text.substr(i, character.bytes) : "?";
    used += width;
    if (used + dots <= columns) keep = fitted.size();
    i += character.bytes;
  }
  return fitted;
}

std::vector<std::string> PanelLines(const ProgressSnapshot& snapshot,
                                    const std::vector<std::string>& phases, int columns) {
  std::string step = absl::StrCat("step: ", snapshot.step.empty() ? "-" : snapshot.step,
                                  "  phase: ", FormatTimeSpan(snapshot.elapsed));
  std::vector<std::string> lines = {
      JobTitle(snapshot),
      PhaseChain(snapshot.phase, phases, columns),
      std::move(step),
      BarLine(snapshot, columns),
      WorkersLine(snapshot),
      absl::StrCat("waiting for: ",
                   snapshot.waiting_for.empty() ? "nothing" : snapshot.waiting_for),
  };
  if (!snapshot.limits.empty()) lines.push_back(absl::StrCat("limits: ", snapshot.limits));
  if (!snapshot.adjusted.empty()) lines.push_back(absl::StrCat("adjusted: ", snapshot.adjusted));
  for (std::string& line : lines) line = FitColumns(line, columns);
  return lines;
}

std::string ProgressLine(const ProgressSnapshot& snapshot) {
  std::vector<std::string> parts = {Rows(snapshot)};
  if (snapshot.rows_total > 0) parts.push_back(Percent(snapshot));
  parts.push_back(Rate(snapshot));
  if (snapshot.time_left.has_value()) parts.push_back(TimeLeft(snapshot));
  parts.push_back(WorkersLine(snapshot));
  if (!snapshot.waiting_for.empty()) {
    parts.push_back(absl::StrCat("waiting for: ", snapshot.waiting_for));
  }
  if (!snapshot.adjusted.empty()) parts.push_back(absl::StrCat("adjusted: ", snapshot.adjusted));
  const std::string line = absl::StrCat(JobTitle(snapshot), "  ", PhaseAndStep(snapshot), "  ",
                                        absl::StrJoin(parts, "  "));
  return FitColumns(line, 1000);
}

std::string RenderSummary(const restructure::Summary& summary) {
  std::string text =
      FitColumns(absl::StrCat("job ", summary.job, ": ", summary.kind, " ", summary.name), 160);
  absl::StrAppend(&text, "\n",
                  TwoColumns({{"rows", FormatCount(summary.rows)},
                              {"rows compared", FormatCount(summary.verified_rows)},
                              {"differences", FormatCount(summary.differences)},
                              {"batches", FormatCount(summary.batches)},
                              {"retries", FormatCount(summary.retries)},
                              {"WAL of the server", FormatBytes(summary.wal_bytes)}}));
  absl::StrAppend(&text, "time, longest first\n");
  absl::StrAppend(&text, summary.phases.empty() ? "  none\n" : RenderPhases(summary.phases));
  if (!summary.reasons.empty()) {
    absl::StrAppend(&text, "pace of the batches, by what set it\n", RenderReasons(summary));
  }
  absl::StrAppend(&text, "locks that others could have felt\n");
  absl::StrAppend(&text, summary.locks.empty() ? "  none\n" : RenderLocks(summary.locks));
  return text;
}

Panel::Panel(restructure::Progress& progress, std::FILE* out, Mode mode,
             std::vector<std::string> phases)
    : progress_(progress), out_(out), mode_(mode), phases_(std::move(phases)) {}

Panel::~Panel() { Stop(); }

void Panel::Start() {
  if (thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = false;
  }
  thread_ = std::thread([this] { Run(); });
}

void Panel::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

void Panel::Print(const std::string& line) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (lines_drawn_ > 0) absl::FPrintF(out_, "\x1b[%dA\r%s", lines_drawn_, kClearBelow);
  absl::FPrintF(out_, "%s\n", line);
  lines_drawn_ = 0;
  if (mode_ == Mode::kTerminal && thread_.joinable()) {
    Redraw(progress_.Snapshot(absl::Now()));
  }
  std::fflush(out_);
}

void Panel::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_) {
    Show(absl::Now(), /*last=*/false);
    stopping_.wait_for(lock, absl::ToChronoMilliseconds(kRefresh), [this] { return stop_; });
  }
  Show(absl::Now(), /*last=*/true);
  lines_drawn_ = 0;  // The last picture stays; what comes next goes below it.
}

void Panel::Show(absl::Time now, bool last) {
  const ProgressSnapshot snapshot = progress_.Snapshot(now);
  if (mode_ == Mode::kTerminal) {
    Redraw(snapshot);
  } else {
    AddLine(snapshot, now, last);
  }
  std::fflush(out_);
}

void Panel::Redraw(const ProgressSnapshot& snapshot) {
  const TerminalSize size = SizeOf(out_);
  // A last column that is filled makes some terminals wrap, so it stays free; and a panel as high
  // as the terminal would scroll away from its own cursor.
  std::vector<std::string> lines = PanelLines(snapshot, phases_, size.columns - 1);
  lines.resize(std::min(lines.size(), static_cast<std::size_t>(std::max(size.rows - 1, 1))));

  std::string picture;
  if (lines_drawn_ > 0) absl::StrAppend(&picture, "\x1b[", lines_drawn_, "A\r");
  for (const std::string& line : lines) absl::StrAppend(&picture, line, kClearLine, "\n");
  absl::StrAppend(&picture, kClearBelow);
  std::fwrite(picture.data(), 1, picture.size(), out_);
  lines_drawn_ = static_cast<int>(lines.size());
}

void Panel::AddLine(const ProgressSnapshot& snapshot, absl::Time now, bool last) {
  const std::string step = PhaseAndStep(snapshot);
  const bool due = !last && now - last_line_at_ >= kLineInterval;
  if (step == last_step_ && !due) return;
  absl::FPrintF(out_, "%s\n", ProgressLine(snapshot));
  last_step_ = step;
  last_line_at_ = now;
}

}  // namespace tools
