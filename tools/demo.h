// `pg_restructure demo`: a set, an index or a table restructured under traffic, on a PostgreSQL
// server of its own.

#ifndef TOOLS_DEMO_H_
#define TOOLS_DEMO_H_

#include <cstdint>
#include <string>

namespace tools {

struct DemoOptions {
  std::string kind = "set";     // or "index", "table"
  std::int64_t rows = 2000000;  // Accounts; rounded up to a multiple of 100,000.
  bool keep = false;            // Leave the server running at the end.
  int workers = 0;              // For `run`; 0: its own default.
  std::string program;          // The path of our own executable; empty: /proc/self/exe.
};

// Makes a throw-away cluster with pgbench's tables, keeps pgbench's TPC-B traffic running, and
// under it restructures a set that it creates first, an index or a table; reverts, swaps again,
// finishes, verifies, and asks doctor; each step is this same program, run as a user would. Ends
// with a table of what the traffic felt. Whatever happens, Ctrl-C included, the cluster and its
// folder are gone afterwards, unless `keep`.
//
// Returns an exit code (tools/exit_codes.h): 0 only if no transaction of the traffic failed, no
// row differs and doctor found nothing. 128 + the signal after an interrupt.
//
// Call it from a program with a single thread.
int RunDemo(const DemoOptions& options);

}  // namespace tools

#endif  // TOOLS_DEMO_H_
