#include "tools/simulate_page.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "throttle/decisions.h"

namespace tools {
namespace {

using throttle::Moment;

constexpr char kStyle[] = R"(
:root { --ink: #1d2530; --soft: #66717f; --line: #d9dee5; --paper: #fbfcfd; --card: #fff;
  --commit: #c2410c; --limit: #64748b; --work: #2563eb; --fill: #2563eb22; --bad: #dc262622; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #98a3b3; --line: #2c3542;
  --paper: #12161c; --card: #1a2028; --commit: #fb923c; --limit: #94a3b8; --work: #60a5fa;
  --fill: #60a5fa26; --bad: #f8717133; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
p { margin: .25rem 0; color: var(--soft); } pre { white-space: pre-wrap; color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.2rem; margin: 1.2rem 0; overflow-x: auto; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--line); } .commit { stroke: var(--commit); } .limit { stroke: var(--limit);
  stroke-dasharray: 5 4; } .work { stroke: var(--work); } .safe { stroke: var(--limit); }
.fill { fill: var(--fill); stroke: none; } .bad { fill: var(--bad); }
path { fill: none; stroke-width: 1.6; } .key { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem;
  font-size: .85rem; color: var(--soft); margin-top: .4rem; }
.key i { display: inline-block; width: 14px; height: 10px; border-radius: 2px;
  margin-right: .4rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
.miss { color: var(--commit); }
)";

constexpr double kWidth = 900;
constexpr double kLeft = 44;
constexpr double kRight = 878;

// Of reasons, in the order in which they are met; the last is for all others.
constexpr const char* kColors[] = {"#94a3b8", "#2563eb", "#16a34a", "#dc2626",
                                   "#a855f7", "#eab308", "#0891b2", "#78716c"};

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

// Where a value lies in a box, from its bottom to its top.
struct Scale {
  double low, high;  // values
  double from, to;   // pixels
  double operator()(double value) const {
    const double share = std::clamp((value - low) / std::max(high - low, 1e-9), 0.0, 1.0);
    return from + share * (to - from);
  }
};

// A round number of about this size.
double Round(double value) {
  const double power = std::pow(10, std::floor(std::log10(std::max(value, 1e-6))));
  for (const double step : {1.0, 2.0, 5.0, 10.0}) {
    if (value <= step * power * (1 + 1e-9)) return step * power;
  }
  return value;
}

std::string Path(const std::vector<Moment>& moments, double Moment::*value, const Scale& x,
                 const Scale& y, const char* style) {
  std::string path;
  for (const Moment& moment : moments) {
    absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : "L", x(moment.seconds),
                          y(moment.*value));
  }
  return absl::StrCat("<path class=\"", style, "\" d=\"", path, "\"/>\n");
}

// Lines across the box, with what they stand for at the left.
std::string Rules(const Scale& y, const std::string& unit) {
  std::string text;
  const double step = Round((y.high - y.low) / 4);
  for (double value = y.low; value <= y.high * (1 + 1e-9); value += step) {
    absl::StrAppendFormat(&text,
                          "<line class=\"grid\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>"
                          "<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%g%s</text>\n",
                          kLeft, kRight, y(value), y(value), kLeft - 5, y(value) + 4, value, unit);
  }
  return text;
}

std::string Times(const Scale& x, double bottom) {
  std::string text;
  const double step = Round(x.high / 10);
  for (double at = 0; at <= x.high * (1 + 1e-9); at += step) {
    absl::StrAppendFormat(&text, "<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%g s</text>\n",
                          x(at), bottom, at);
  }
  return text;
}

// Seconds in which others feel more than was promised are marked.
std::string Violations(const std::vector<Moment>& moments, const Scale& x, double top,
                       double height) {
  std::string text;
  for (const Moment& moment : moments) {
    if (!throttle::IsViolated(moment)) continue;
    absl::StrAppendFormat(
        &text, "<rect class=\"bad\" x=\"%.1f\" y=\"%g\" width=\"%.1f\" height=\"%g\"/>\n",
        x(moment.seconds - 1), top, std::max(x(1) - x(0), 1.5), height);
  }
  return text;
}

// A strip, and below the drawing what its colours mean.
struct Reasons {
  std::string strip;
  std::string key;
};

Reasons ReasonsOf(const std::vector<Moment>& moments, const Scale& x, double top) {
  Reasons reasons;
  std::vector<std::string> kinds;
  for (std::size_t i = 0; i < moments.size();) {
    std::size_t end = i;
    const std::string kind = throttle::ReasonName(moments[i].reason);
    while (end < moments.size() && throttle::ReasonName(moments[end].reason) == kind) ++end;
    const auto known = std::find(kinds.begin(), kinds.end(), kind);
    const auto number = static_cast<std::size_t>(known - kinds.begin());
    const char* color = kColors[std::min(number, std::size(kColors) - 1)];
    if (known == kinds.end()) {
      kinds.push_back(kind);
      absl::StrAppend(&reasons.key, "<span><i style=\"background:", color, "\"></i>", Escaped(kind),
                      "</span>\n");
    }
    const double from = x(moments[i].seconds - 1);
    absl::StrAppendFormat(
        &reasons.strip,
        "<rect x=\"%.1f\" y=\"%g\" width=\"%.1f\" height=\"12\" fill=\"%s\">"
        "<title>%s</title></rect>\n",
        from, top, x(moments[end - 1].seconds) - from, color,
        Escaped(absl::StrFormat("from %g s: %s", moments[i].seconds - 1,
                                moments[i].reason.empty() ? kind : moments[i].reason)));
    i = end;
  }
  return reasons;
}

std::string Timeline(const SimulatedRun& run) {
  if (run.moments.empty()) return "";
  double limit = 0;
  double workers = 0;
  for (const Moment& moment : run.moments) {
    limit = std::max(limit, moment.limit);
    workers = std::max({workers, moment.allowance, moment.safe});
  }
  const Scale x{0, run.moments.back().seconds, kLeft, kRight};
  const Scale commits{0, Round(1.5 * limit), 150, 12};
  const Scale allowance{0, Round(std::max(workers, 1.0)), 275, 172};
  const Reasons reasons = ReasonsOf(run.moments, x, 288);
  std::string fill = Path(run.moments, &Moment::felt, x, allowance, "fill");
  fill.insert(fill.size() - 4,
              absl::StrFormat("L%g %gL%g %gZ", kRight, allowance(0), kLeft, allowance(0)));
  return absl::StrCat(
      "<section>\n<h2>", Escaped(run.title), "</h2>\n",
      absl::StrFormat("<svg viewBox=\"0 0 %g 322\" role=\"img\" aria-label=\"%s\">\n", kWidth,
                      Escaped(run.title)),
      Violations(run.moments, x, 12, 138), Rules(commits, " ms"),
      Path(run.moments, &Moment::limit, x, commits, "limit"),
      Path(run.moments, &Moment::commit, x, commits, "commit"), Rules(allowance, ""), fill,
      Path(run.moments, &Moment::safe, x, allowance, "limit"),
      Path(run.moments, &Moment::allowance, x, allowance, "work"), reasons.strip, Times(x, 318),
      "</svg>\n<div class=\"key\">"
      "<span><i style=\"background:var(--commit)\"></i>a commit takes</span>"
      "<span><i style=\"background:var(--limit)\"></i>limit, and workers that are safe "
      "(dashed)</span>"
      "<span><i style=\"background:var(--work)\"></i>workers allowed; the area: as the server "
      "feels "
      "them</span><span><i style=\"background:var(--bad)\"></i>others feel more than "
      "promised</span>"
      "</div>\n<div class=\"key\">why it goes the pace it goes: ",
      reasons.key, "</div>\n</section>\n");
}

// Violation over rows per second, a point for each row.
std::string TradeOff(const SimulationReport& report) {
  if (report.rows.size() < 2) return "";
  double violation = 0.01;
  double rows = 1;
  for (const SimulationRow& row : report.rows) {
    violation = std::max(violation, row.mean.violation);
    rows = std::max(rows, report.has_grid ? row.mean.rows_per_second : row.mean.utilisation);
  }
  // A root shows what lies near nothing beside what does not.
  const Scale y{0, std::sqrt(Round(violation)), 260, 12};
  const Scale x{0, report.has_grid ? Round(rows) : 1, kLeft, kRight - 10};
  std::string points;
  for (const SimulationRow& row : report.rows) {
    const std::string name =
        row.cell.empty() ? absl::StrFormat("%s x%g", row.scenario, row.weight) : row.cell;
    absl::StrAppendFormat(
        &points,
        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\" fill-opacity=\".75\"><title>%s</title>"
        "</circle>\n",
        x(report.has_grid ? row.mean.rows_per_second : row.mean.utilisation),
        y(std::sqrt(row.mean.violation)), row.reaches_aims() ? "#16a34a" : "#dc2626",
        Escaped(absl::StrFormat("%s: used %.0f%%, violation %.2f%%, %.0f rows/s", name,
                                100 * row.mean.utilisation, 100 * row.mean.violation,
                                row.mean.rows_per_second)));
  }
  std::string rules;
  for (const double share : {0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0}) {
    if (share > Round(violation)) break;
    absl::StrAppendFormat(&rules,
                          "<line class=\"%s\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>"
                          "<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%g%%</text>\n",
                          share == 0.005 ? "limit" : "grid", kLeft, kRight, y(std::sqrt(share)),
                          y(std::sqrt(share)), kLeft - 5, y(std::sqrt(share)) + 4, 100 * share);
  }
  std::string marks;
  for (int i = 0; i <= 10; i += 2) {
    const double value = x.high * i / 10;
    absl::StrAppendFormat(
        &marks, "<text x=\"%.1f\" y=\"278\" text-anchor=\"middle\">%s</text>\n", x(value),
        report.has_grid ? absl::StrFormat("%.0f", value) : absl::StrFormat("%.0f%%", 100 * value));
  }
  return absl::StrCat(
      "<section>\n<h2>The trade-off</h2>\n<p>",
      report.has_grid
          ? "A point is a cell of the grid: to the right, rows per second; "
          : "A point is a scenario: to the right, the share of the safe work that is done; ",
      "upwards, the share of the time in which others feel more than promised. The dashed line is "
      "the "
      "aim, 0.5 %.</p>\n",
      absl::StrFormat("<svg viewBox=\"0 0 %g 284\" role=\"img\" aria-label=\"trade-off\">\n",
                      kWidth),
      rules, marks, points,
      "</svg>\n<div class=\"key\"><span><i style=\"background:#16a34a\"></i>reaches the aims</span>"
      "<span><i style=\"background:#dc2626\"></i>does not</span></div>\n</section>\n");
}

std::string Table(const SimulationReport& report) {
  std::string text = absl::StrCat(
      "<section>\n<h2>", report.has_grid ? "Cells, best first" : "Scenarios",
      "</h2>\n<table><tr><th>", report.has_grid ? "cell" : "scenario",
      "</th><th>worker</th><th>used</th><th>violation</th><th>worst</th><th>after a step</th>"
      "<th>settles</th><th>chatter</th><th>rows/s</th></tr>\n");
  for (const SimulationRow& row : report.rows) {
    absl::StrAppendFormat(
        &text,
        "<tr%s><td>%s</td><td>%s</td><td>%.1f%%</td><td>%.2f%%</td><td>%.2f%%</td><td>%.1f s</td>"
        "<td>%.1f s</td><td>%.1f%%</td><td>%.0f</td></tr>\n",
        row.reaches_aims() ? "" : " class=\"miss\"",
        Escaped(row.cell.empty() ? row.scenario : row.cell),
        row.weight > 0 ? absl::StrFormat("x%g", row.weight) : "all", 100 * row.mean.utilisation,
        100 * row.mean.violation, 100 * row.worst.violation, row.mean.step_seconds,
        row.mean.settling, 100 * row.mean.chatter, row.mean.rows_per_second);
  }
  return absl::StrCat(text, "</table>\n</section>\n");
}

}  // namespace

std::string SimulationPage(const SimulationReport& report) {
  std::string page = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>pg_restructure: simulation of ",
      Escaped(report.profile), "</title><style>", kStyle, "</style></head>\n<body>\n",
      "<h1>What profile ", Escaped(report.profile), " would cost</h1>\n<p>",
      Escaped(report.settings), "; means of ", report.seeds,
      " seeds. The timelines are of the first.</p>\n");
  if (!report.fit.empty()) absl::StrAppend(&page, "<p>", Escaped(report.fit), "</p>\n");
  absl::StrAppend(&page, TradeOff(report), Table(report));
  for (const SimulatedRun& run : report.runs) absl::StrAppend(&page, Timeline(run));
  return absl::StrCat(page, "</body></html>\n");
}

}  // namespace tools
