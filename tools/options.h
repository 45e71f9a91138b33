// The command line: what the user asked for, checked and typed.
//
// Boost.Program_options is used here and nowhere else. Nothing here touches a server or a file.
//
//   absl::StatusOr<tools::Arguments> arguments = tools::ParseArguments({argv + 1, argv + argc});
//   if (!arguments.ok()) { print arguments.status().message(); return kExitUsage; }
//   if (arguments->help) { print HelpText(arguments->command); return kExitDone; }

#ifndef TOOLS_OPTIONS_H_
#define TOOLS_OPTIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "throttle/window.h"
#include "tools/signal_option.h"

namespace tools {

// As psql has them. What is empty is left to libpq (PG* variables, .pgpass, service files).
struct ConnectArguments {
  std::optional<std::string> host;
  std::optional<std::string> port;
  std::optional<std::string> user;
  std::optional<std::string> dbname;  // A name, a URI or a conninfo string.
  bool never_prompt = false;          // -w
  bool force_prompt = false;          // -W
};

enum class Insertion { kAutomatic, kManual };
enum class Retention { kMandatory, kOptional };
enum class Disconnect { kSteps, kBatches };

// How a job works. The values here are the documented defaults.
struct RunOptions {
  std::optional<std::string> profile;  // A built-in one's name or a file; see profile.h.
  std::optional<int> workers;          // Empty: from the server's and the client's cores.
  absl::Duration batch_target = absl::Milliseconds(100);
  std::int64_t batch_bytes = 8 * 1024 * 1024;  // 0: no cap.
  int nice = 10;                               // 0: as everybody.
  absl::Duration lock_timeout = absl::Milliseconds(50);
  absl::Duration swap_lock_budget = absl::Milliseconds(100);
  absl::Duration lock_patience = absl::Minutes(30);
  absl::Duration snapshot_wait = absl::Minutes(10);
  std::optional<absl::Duration> soak;  // Empty: until `finish`. 0: finish at once.
  bool hold_before_swap = false;
  Disconnect disconnect = Disconnect::kSteps;
  absl::Duration replica_lag = absl::Seconds(5);        // 0: no limit.
  std::int64_t replica_lag_bytes = 64 * 1024 * 1024;    // 0: no limit.
  int active_sessions = 0;                              // 0: no limit.
  absl::Duration wait_for_us = absl::Milliseconds(50);  // 0: no limit.
  absl::Duration sample_age = absl::Seconds(10);        // 0: no limit.
  std::vector<std::string> required_replicas;           // application names
  bool replicas_must_stay = true;
  std::int64_t slot_wal = 0;  // 0: from the server's max_slot_wal_keep_size
  int archiver = 42;          // segments; 0: no limit
  std::vector<SignalOption> signals;
  bool controller = true;
  double impact = 0.5;                               // of a commit's time without us
  absl::Duration commit_max = absl::ZeroDuration();  // 0: by `impact`
  bool hibernate = false;                            // outside the window
  throttle::Window window;                           // Always open.
  std::optional<throttle::Window> swap_window;       // Empty: as the window.
  bool no_throttle = false;
  std::int64_t maintenance_work_mem_bytes = 256 * 1024 * 1024;
  std::optional<std::string> summary;  // The file to write.
  std::optional<std::string> trace;    // The file to add to; simulate reads it.
  bool quiet = false;
};

struct SimulateArguments {
  std::string scenario;  // Empty: the trace's, or all.
  int seeds = 50;
  std::string weight = "1";         // See simulate_grid.h.
  std::string grid;                 // The same.
  std::optional<std::string> html;  // The file to write.
};

struct Arguments {
  std::string command;             // "run"; "version" also for --version.
  std::vector<std::string> words;  // What follows the command: {"set", "public.x"}, {"12"}.
  bool help = false;               // Show HelpText(command); the rest has not been checked.
  bool json = false;
  ConnectArguments connect;

  // From `words`, for the commands that take them.
  std::string kind;                 // "set", "index", "table"; or a verb: "show"
  std::string name;                 // As the user wrote it.
  std::optional<std::int64_t> job;  // At least 1.

  // Column lists and sort keys as the user wrote them.
  std::optional<std::string> member;
  std::optional<std::string> owner;
  std::optional<std::string> key;
  std::optional<std::string> carry;
  std::optional<std::string> show;
  Insertion insertion = Insertion::kAutomatic;
  Retention retention = Retention::kMandatory;

  // Of an index; what is not given stays as it is.
  std::optional<std::string> include;
  std::optional<std::string> where;
  std::optional<std::string> method;
  std::optional<std::string> tablespace;
  bool unique = false;
  std::vector<std::string> storage;  // fillfactor=90
  std::vector<std::string> tries;

  // Of a table; what is not given stays as it is. `tablespace` above counts, too.
  std::optional<std::string> order_by;
  std::optional<std::string> primary_key;
  std::optional<int> fillfactor;
  std::vector<std::string> alters;
  std::vector<std::pair<std::string, std::string>> columns;  // name, expression
  std::vector<std::pair<std::string, std::string>> reverse;
  std::int64_t space_max_bytes = 0;  // 0: no limit

  RunOptions run;
  bool explain_limits = false;

  SimulateArguments simulation;

  // demo
  std::int64_t demo_rows = 2000000;
  bool demo_keep = false;

  // adjust
  std::optional<absl::Duration> lasting;  // Empty: until it is reset.
  bool reset = false;

  // The options that were on the command line, by their long names, as they were written:
  // {"workers", "4"}. A resumed job keeps its own value for an option that is not here.
  std::map<std::string, std::string> given;

  // Of the profile's file, the keys that it has itself, and where: "profile nights.ini, line 3".
  std::map<std::string, std::string> said_in_file;
  // Where the value that is being read stands; for values that are looked at later.
  std::string origin;
};

// `args` is argv without the program's name. kInvalidArgument, with a HINT, for whatever a user
// can get wrong.
absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& args);

// The help of one command; of the program for "help", "" and whatever is no command. Ends with a
// newline; no line is wider than 100 columns.
std::string HelpText(const std::string& command);

}  // namespace tools

#endif  // TOOLS_OPTIONS_H_
