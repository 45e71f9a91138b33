#include "tools/simulate_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/report.h"

namespace tools {
namespace {

constexpr double kUtilisationAim = 0.8;
constexpr double kViolationAim = 0.005;
constexpr double kStepSecondsAim = 5;

std::string What(const SimulationRow& row) {
  if (!row.cell.empty()) return row.cell;
  return row.scenario.empty() ? "as the profile is" : row.scenario;
}

std::string Weight(const SimulationRow& row) {
  return row.weight > 0 ? absl::StrFormat("x%g", row.weight) : "all";
}

nlohmann::json ToJson(const throttle::Figures& figures) {
  return {{"utilisation", figures.utilisation},   {"violation", figures.violation},
          {"step_seconds", figures.step_seconds}, {"settling_seconds", figures.settling},
          {"chatter", figures.chatter},           {"rows_per_second", figures.rows_per_second}};
}

}  // namespace

bool SimulationRow::reaches_aims() const {
  return mean.utilisation >= kUtilisationAim && mean.violation <= kViolationAim &&
         mean.step_seconds <= kStepSecondsAim;
}

void SortBestFirst(std::vector<SimulationRow>& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const SimulationRow& a, const SimulationRow& b) {
    const bool a_is_gentle = a.mean.violation <= kViolationAim;
    const bool b_is_gentle = b.mean.violation <= kViolationAim;
    if (a_is_gentle != b_is_gentle) return a_is_gentle;
    return a.mean.rows_per_second > b.mean.rows_per_second;
  });
}

std::string RenderSimulation(const SimulationReport& report) {
  std::string text = absl::StrCat("profile ", report.profile, ": ", report.settings, "\n");
  if (!report.fit.empty()) absl::StrAppend(&text, report.fit, "\n");
  std::size_t width = 8;
  for (const SimulationRow& row : report.rows) width = std::max(width, What(row).size());
  const auto name = [width](const std::string& what) {
    return what + std::string(width - std::min(width, what.size()), ' ');
  };
  absl::StrAppend(&text, "\n", name(report.has_grid ? "cell" : "scenario"),
                  "  worker    used  (least)  violation  (worst)  after a step  (worst)"
                  "  settles  chatter     rows/s\n");
  for (const SimulationRow& row : report.rows) {
    absl::StrAppendFormat(
        &text,
        "%s  %6s  %5.1f%%  (%4.1f%%)     %5.2f%%  (%4.2f%%)         %3.1f s   (%2.0f s)  %5.1f s"
        "    %4.1f%%  %9s%s\n",
        name(What(row)), Weight(row), 100 * row.mean.utilisation, 100 * row.worst.utilisation,
        100 * row.mean.violation, 100 * row.worst.violation, row.mean.step_seconds,
        row.worst.step_seconds, row.mean.settling, 100 * row.mean.chatter,
        FormatCount(std::llround(row.mean.rows_per_second)), row.reaches_aims() ? "" : "  *");
  }
  const auto reached = std::count_if(report.rows.begin(), report.rows.end(),
                                     [](const SimulationRow& row) { return row.reaches_aims(); });
  absl::StrAppendFormat(
      &text,
      "\nmeans of %d seeds, and the worst of them; %d of %d reach the aims: used >= 80%%, violation"
      " <= 0.5%%,\nat most 5 s after a step (* does not). Worker: what one takes of the server, x1"
      " is %g%%.\n",
      report.seeds, reached, report.rows.size(), 100 * report.worker_takes);
  return text;
}

std::string SimulationToJson(const SimulationReport& report) {
  nlohmann::json rows = nlohmann::json::array();
  for (const SimulationRow& row : report.rows) {
    nlohmann::json json = {{"mean", ToJson(row.mean)},
                           {"worst", ToJson(row.worst)},
                           {"reaches_aims", row.reaches_aims()}};
    if (!row.cell.empty()) json["cell"] = row.cell;
    if (!row.scenario.empty()) json["scenario"] = row.scenario;
    if (row.weight > 0) json["weight"] = row.weight;
    rows.push_back(json);
  }
  nlohmann::json json = {{"profile", report.profile},
                         {"settings", report.settings},
                         {"seeds", report.seeds},
                         {"rows", rows}};
  if (!report.fit.empty()) json["fit"] = report.fit;
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace tools
