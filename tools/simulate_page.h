// The page of `simulate --html`: timelines and the trade-off, in one file that needs no other.

#ifndef TOOLS_SIMULATE_PAGE_H_
#define TOOLS_SIMULATE_PAGE_H_

#include <string>

#include "tools/simulate_report.h"

namespace tools {

// HTML with inline SVG. All text of the report is escaped.
std::string SimulationPage(const SimulationReport& report);

}  // namespace tools

#endif  // TOOLS_SIMULATE_PAGE_H_
