// plan KIND: what would be done, and, with --explain-limits, which limits hold and why.

#ifndef TOOLS_SHOW_PLAN_H_
#define TOOLS_SHOW_PLAN_H_

#include "tools/options.h"

namespace tools {

// For people, or with --json for machines. Changes nothing; returns the exit code.
int ShowPlan(const Arguments& arguments);

}  // namespace tools

#endif  // TOOLS_SHOW_PLAN_H_
