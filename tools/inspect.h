// The commands that only look: status, verify, doctor.

#ifndef TOOLS_INSPECT_H_
#define TOOLS_INSPECT_H_

#include "tools/options.h"

namespace tools {

// Each prints to standard output and returns the exit code.
int ShowStatus(const Arguments& arguments);
int VerifySet(const Arguments& arguments);
int VerifyIndex(const Arguments& arguments);
int RunDoctor(const Arguments& arguments);

}  // namespace tools

#endif  // TOOLS_INSPECT_H_
