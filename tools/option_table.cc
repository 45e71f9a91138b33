#include "tools/option_table.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "catalog/names.h"
#include "catalog/process_priority.h"
#include "tools/option_values.h"
#include "tools/simulate_grid.h"

namespace tools {
namespace {

// As it is: nothing is a value too.
absl::Status Take(const std::string& text, std::optional<std::string>& value) {
  value = text;
  return absl::OkStatus();
}

absl::Status Append(const std::string& text, std::vector<std::string>& values) {
  std::optional<std::string> value;
  absl::Status read = ReadText(text, value);
  if (read.ok()) values.push_back(*value);
  return read;
}

// The load is read twice a second: a limit below that would never let anything run.
absl::Status ReadSampleAge(const std::string& text, absl::Duration& value) {
  absl::Duration age;
  absl::Status read = ReadDuration(text, "0", "24h", age);
  if (!read.ok()) return read;
  if (age > absl::ZeroDuration() && age < absl::Seconds(2)) {
    return UsageError(absl::StrCat("\"", text, "\" is neither 0 nor from 2s to 24h"),
                      "the load is read twice a second: write 10s, or 0 for no limit");
  }
  value = age;
  return absl::OkStatus();
}

absl::Status ReadWindow(const std::string& text, throttle::Window& value) {
  absl::StatusOr<throttle::Window> window = throttle::Window::Parse(text);
  if (!window.ok()) return window.status();
  value = *std::move(window);
  return absl::OkStatus();
}

// "50%", or "12ms".
absl::Status ReadImpact(const std::string& text, RunOptions& run) {
  if (!absl::EndsWith(text, "%")) {
    return ReadDuration(text, "1ms", "1m", run.commit_max);
  }
  std::int64_t percent = 0;
  absl::Status read = ReadNumber(text.substr(0, text.size() - 1), 1, 1000, percent);
  if (!read.ok()) return read;
  run.impact = static_cast<double>(percent) / 100;
  run.commit_max = absl::ZeroDuration();
  return read;
}

// "one, two", or none.
absl::Status ReadNames(const std::string& text, std::vector<std::string>& names) {
  names.clear();
  if (text == "none") return absl::OkStatus();
  for (const absl::string_view name : absl::StrSplit(text, ',')) {
    names.emplace_back(absl::StripAsciiWhitespace(name));
    if (!names.back().empty()) continue;
    return UsageError(absl::StrCat("\"", text, "\" has an empty name"),
                      "write application names with commas between them, or none");
  }
  return absl::OkStatus();
}

absl::Status AppendSignal(const std::string& text, Arguments& arguments) {
  if (text == "none") return absl::OkStatus();
  absl::StatusOr<SignalOption> signal = ParseSignal(text);
  if (!signal.ok()) return signal.status();
  for (const SignalOption& other : arguments.run.signals) {
    if (other.limit.name != signal->limit.name) continue;
    return UsageError(absl::StrCat("there are two signals ", other.limit.name),
                      "give each its own name");
  }
  signal->query.origin = arguments.origin.empty() ? "option --signal" : arguments.origin;
  arguments.run.signals.push_back(*std::move(signal));
  return absl::OkStatus();
}

// name=expression; the name as in SQL.
absl::Status AppendPair(const std::string& text,
                        std::vector<std::pair<std::string, std::string>>& pairs) {
  const std::size_t equals = text.find('=');
  const std::string hint = "write NAME=EXPRESSION: 'first_name=split_part(name, $$ $$, 1)'";
  if (equals == std::string::npos || equals + 1 == text.size()) {
    return UsageError(absl::StrCat("\"", text, "\" has no expression"), hint);
  }
  const absl::StatusOr<std::vector<std::string>> name =
      catalog::ParseColumnList(text.substr(0, equals));
  if (!name.ok() || name->size() != 1) {
    return UsageError(absl::StrCat("\"", text.substr(0, equals), "\" is not a column"), hint);
  }
  pairs.emplace_back(name->front(), text.substr(equals + 1));
  return absl::OkStatus();
}

// Sets a flag.
template <typename Owner>
absl::Status Raise(bool Owner::*flag, Owner& owner) {
  owner.*flag = true;
  return absl::OkStatus();
}

const OptionSpec kConnectOptions[] = {
    {"host", 'h', "HOST", "server's host or socket directory",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.connect.host); }},
    {"port", 'p', "PORT", "server's port",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.connect.port); }},
    {"username", 'U', "USER", "user name",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.connect.user); }},
    {"dbname", 'd', "DBNAME", "database name, URI or conninfo string",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.connect.dbname); }},
    {"no-password", 'w', nullptr, "never ask for a password",
     [](const std::string&, Arguments& a) {
       return Raise(&ConnectArguments::never_prompt, a.connect);
     }},
    {"password", 'W', nullptr, "ask for the password before connecting",
     [](const std::string&, Arguments& a) {
       return Raise(&ConnectArguments::force_prompt, a.connect);
     }},
};

const OptionSpec kRunOptions[] = {
    {"profile", 0, "NAME|FILE", "values for the options below, for those not given (balanced)",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.run.profile); }},
    {"workers", 0, "N|auto", "parallel workers, 1 to 64; auto: from the cores",
     [](const std::string& v, Arguments& a) {
       std::int64_t workers = 0;
       a.run.workers.reset();
       if (v == "auto") return absl::OkStatus();
       absl::Status status = ReadNumber(v, 1, 64, workers);
       if (status.ok()) a.run.workers = static_cast<int>(workers);
       return status;
     },
     "auto"},
    {"batch-target", 0, "DURATION", "time that one batch should take",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "1ms", "1m", a.run.batch_target);
     },
     "100ms"},
    {"batch-bytes", 0, "SIZE", "most that one batch should copy, 0: no cap",
     [](const std::string& v, Arguments& a) {
       return ReadSize(v, "0", "1024TB", a.run.batch_bytes);
     },
     "8MB"},
    {"nice", 0, "N", "processor priority of batches: 0 as others, to 19: last",
     [](const std::string& v, Arguments& a) {
       std::int64_t nice = 0;
       absl::Status status = ReadNumber(v, 0, catalog::kNiceMax, nice);
       if (status.ok()) a.run.nice = static_cast<int>(nice);
       return status;
     },
     "10"},
    {"lock-timeout", 0, "DURATION", "longest wait for a lock in one attempt",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "1ms", "1m", a.run.lock_timeout);
     },
     "50ms"},
    {"swap-lock-budget", 0, "DURATION", "longest that writers may be held up by a swap",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "1ms", "1m", a.run.swap_lock_budget);
     },
     "100ms"},
    {"lock-patience", 0, "DURATION", "give up after trying for a lock this long",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "0", "168h", a.run.lock_patience);
     },
     "30m"},
    {"snapshot-wait", 0, "DURATION", "longest wait for old snapshots before the swap",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "0", "168h", a.run.snapshot_wait);
     },
     "10m"},
    {"soak", 0, "DURATION|never", "finish by itself this long after the swap",
     [](const std::string& v, Arguments& a) {
       absl::Duration soak;
       a.run.soak.reset();
       if (v == "never") return absl::OkStatus();
       absl::Status status = ReadDuration(v, "0", "720h", soak);
       if (status.ok()) a.run.soak = soak;
       return status;
     },
     "never"},
    {"hold-before-swap", 0, nullptr, "stop before the exchange and wait for swap",
     [](const std::string&, Arguments& a) { return Raise(&RunOptions::hold_before_swap, a.run); }},
    {"disconnect", 0, "batches|steps", "how the retired structure is emptied",
     [](const std::string& v, Arguments& a) {
       return ReadChoice(v, "batches", Disconnect::kBatches, "steps", Disconnect::kSteps,
                         a.run.disconnect);
     },
     "steps"},
    {"replica-lag", 0, "DURATION", "pause at this lag of a replica, 0 for no limit",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "0", "24h", a.run.replica_lag);
     },
     "5s"},
    {"replica-lag-bytes", 0, "SIZE", "the same in WAL not replayed, 0 for no limit",
     [](const std::string& v, Arguments& a) {
       return ReadSize(v, "0", "1024TB", a.run.replica_lag_bytes);
     },
     "64MB"},
    {"active-sessions", 0, "N", "pause at this many active sessions of others, 0: no limit",
     [](const std::string& v, Arguments& a) {
       std::int64_t sessions = 0;
       absl::Status status = ReadNumber(v, 0, 100000, sessions);
       if (status.ok()) a.run.active_sessions = static_cast<int>(sessions);
       return status;
     },
     "0"},
    {"wait-for-us", 0, "DURATION", "pause when others wait so long for our locks, 0: never",
     [](const std::string& v, Arguments& a) {
       return ReadDuration(v, "0", "1m", a.run.wait_for_us);
     },
     "50ms"},
    {"sample-age", 0, "DURATION", "pause when the load is unknown for so long, 0: never",
     [](const std::string& v, Arguments& a) { return ReadSampleAge(v, a.run.sample_age); }, "10s"},
    {"require-replica", 0, "NAMES|none", "replicas that must be connected: 'one, two'",
     [](const std::string& v, Arguments& a) { return ReadNames(v, a.run.required_replicas); },
     "none"},
    {"replica-gone", 0, "pause|ignore", "when a replica of the start is no longer connected",
     [](const std::string& v, Arguments& a) {
       return ReadChoice(v, "pause", true, "ignore", false, a.run.replicas_must_stay);
     },
     "pause"},
    {"slot-wal", 0, "SIZE|auto", "WAL that a slot may retain; auto: as the server says",
     [](const std::string& v, Arguments& a) {
       a.run.slot_wal = 0;
       return v == "auto" ? absl::OkStatus() : ReadSize(v, "16MB", "1024TB", a.run.slot_wal);
     },
     "auto"},
    {"archiver", 0, "N", "pause when so many WAL segments wait for it, 0: never",
     [](const std::string& v, Arguments& a) {
       std::int64_t segments = 0;
       absl::Status status = ReadNumber(v, 0, 100000, segments);
       if (status.ok()) a.run.archiver = static_cast<int>(segments);
       return status;
     },
     "42"},
    {"signal", 0, "SIGNAL", "'NAME limit N stop N: SELECT ...'; may be repeated",
     [](const std::string& v, Arguments& a) { return AppendSignal(v, a); }, "none", true},
    {"throttle", 0, "on|off", "off: no limit at all, as --no-throttle",
     [](const std::string& v, Arguments& a) {
       bool off = false;
       absl::Status status = ReadChoice(v, "on", false, "off", true, off);
       if (off) a.run.no_throttle = true;
       return status;
     },
     "on"},
    {"controller", 0, "on|off", "as many workers as keep small commits fast",
     [](const std::string& v, Arguments& a) {
       return ReadChoice(v, "on", true, "off", false, a.run.controller);
     },
     "on"},
    {"impact", 0, "PERCENT|DURATION", "how much slower others may get, or commits' time: 12ms",
     [](const std::string& v, Arguments& a) { return ReadImpact(v, a.run); }, "50%"},
    {"window", 0, "WINDOW|always", "work only then: 'Mon-Fri 22:00-05:00 Europe/Berlin'",
     [](const std::string& v, Arguments& a) { return ReadWindow(v, a.run.window); }, "always"},
    {"swap-window", 0, "WINDOW|same", "when the swap may be, if not in the same window",
     [](const std::string& v, Arguments& a) {
       throttle::Window window;
       a.run.swap_window.reset();
       if (v == "same") return absl::OkStatus();
       absl::Status status = ReadWindow(v, window);
       if (status.ok()) a.run.swap_window = window;
       return status;
     },
     "same"},
    {"outside", 0, "pause|hibernate", "outside the window: wait, or end with exit code 9",
     [](const std::string& v, Arguments& a) {
       return ReadChoice(v, "pause", false, "hibernate", true, a.run.hibernate);
     },
     "pause"},
    {"no-throttle", 0, nullptr, "no limit at all but the window and the operator's pause",
     [](const std::string&, Arguments& a) { return Raise(&RunOptions::no_throttle, a.run); }},
    {"maintenance-work-mem", 0, "SIZE", "the most memory for one index build",
     [](const std::string& v, Arguments& a) {
       return ReadSize(v, "1MB", "2047GB", a.run.maintenance_work_mem_bytes);
     },
     "256MB"},
    {"summary", 0, "FILE", "write the summary as JSON to this file",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.run.summary); }},
    {"trace", 0, "FILE", "decisions as CSV: run adds to it, simulate reads it",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.run.trace); }},
    {"quiet", 0, nullptr, "print errors only",
     [](const std::string&, Arguments& a) { return Raise(&RunOptions::quiet, a.run); }},
};

const OptionSpec kOtherOptions[] = {
    {"member", 0, "TABLE", "the table whose rows are the members",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.member); }},
    {"owner", 0, "COLS", "columns that name the owner",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.owner); }},
    {"key", 0, "KEY", "the order: 'abalance desc, aid'",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.key); }},
    {"carry", 0, "COLS", "further columns that the set carries",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.carry); }},
    {"show", 0, "COLS", "columns to append to the set's view",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.show); }},
    {"insertion", 0, "automatic|manual", "who connects a new row (automatic)",
     [](const std::string& v, Arguments& a) {
       return ReadChoice(v, "automatic", Insertion::kAutomatic, "manual", Insertion::kManual,
                         a.insertion);
     }},
    {"retention", 0, "mandatory|optional", "whether a program may disconnect a row (mandatory)",
     [](const std::string& v, Arguments& a) {
       return ReadChoice(v, "mandatory", Retention::kMandatory, "optional", Retention::kOptional,
                         a.retention);
     }},
    {"include", 0, "COLS", "columns that the index carries besides; '' for none",
     [](const std::string& v, Arguments& a) { return Take(v, a.include); }},
    {"where", 0, "CONDITION", "only rows for which this holds; '' for all",
     [](const std::string& v, Arguments& a) { return Take(v, a.where); }},
    {"using", 0, "METHOD", "access method: btree, hash, gist, gin, brin, ...",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.method); }},
    {"unique", 0, nullptr, "no two rows may be equal in the key",
     [](const std::string&, Arguments& a) { return Raise(&Arguments::unique, a); }},
    {"tablespace", 0, "NAME", "where it is to lie",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.tablespace); }},
    {"order-by", 0, "KEY", "lay the rows in this order: 'customer_id, placed_at desc'",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.order_by); }},
    {"primary-key", 0, "COLS", "columns of the primary key",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.primary_key); }},
    {"alter", 0, "SUBCOMMAND", "change columns as ALTER TABLE does; may be repeated",
     [](const std::string& v, Arguments& a) { return Append(v, a.alters); }, nullptr, true},
    {"column", 0, "NAME=EXPRESSION", "fill a new or changed column so; may be repeated",
     [](const std::string& v, Arguments& a) { return AppendPair(v, a.columns); }, nullptr, true},
    {"reverse", 0, "NAME=EXPRESSION", "fill a column of the old table so; may be repeated",
     [](const std::string& v, Arguments& a) { return AppendPair(v, a.reverse); }, nullptr, true},
    {"fillfactor", 0, "N", "how full to fill the pages, 10 to 100 per cent (as it is)",
     [](const std::string& v, Arguments& a) {
       std::int64_t fillfactor = 0;
       absl::Status status = ReadNumber(v, 10, 100, fillfactor);
       if (status.ok()) a.fillfactor = static_cast<int>(fillfactor);
       return status;
     }},
    {"space-max", 0, "SIZE", "refuse if more space than this is needed (no limit)",
     [](const std::string& v, Arguments& a) {
       return ReadSize(v, "1MB", "1024TB", a.space_max_bytes);
     }},
    {"set", 0, "NAME=VALUE", "a storage parameter: fillfactor=90; may be repeated",
     [](const std::string& v, Arguments& a) { return Append(v, a.storage); }, nullptr, true},
    {"try", 0, "SELECT", "show this query's plan before the swap; may be repeated",
     [](const std::string& v, Arguments& a) { return Append(v, a.tries); }, nullptr, true},
    {"for", 0, "DURATION", "take it back after this time (until --reset)",
     [](const std::string& v, Arguments& a) {
       absl::Duration lasting;
       absl::Status status = ReadDuration(v, "1s", "720h", lasting);
       if (status.ok()) a.lasting = lasting;
       return status;
     }},
    {"reset", 0, nullptr, "take back all that was changed, first",
     [](const std::string&, Arguments& a) { return Raise(&Arguments::reset, a); }},
    {"explain-limits", 0, nullptr, "show the limits, what they are measured from, and why",
     [](const std::string&, Arguments& a) { return Raise(&Arguments::explain_limits, a); }},
    {"json", 0, nullptr, "print JSON for machines",
     [](const std::string&, Arguments& a) { return Raise(&Arguments::json, a); }},
    {"scenario", 0, "NAME|all", "what others do: steady, step, ramp, ... (all, or the trace)",
     [](const std::string& v, Arguments& a) {
       a.simulation.scenario = v;
       return absl::OkStatus();
     }},
    {"seeds", 0, "N", "runs of each, 1 to 100000 (50)",
     [](const std::string& v, Arguments& a) {
       std::int64_t seeds = 0;
       absl::Status status = ReadNumber(v, 1, 100000, seeds);
       if (status.ok()) a.simulation.seeds = static_cast<int>(seeds);
       return status;
     }},
    {"weight", 0, "VALUES", "what a worker takes: 1, or from x0.25 to x8 '0.25:8' (1)",
     [](const std::string& v, Arguments& a) {
       a.simulation.weight = v;
       return ParseWeights(v).status();
     }},
    {"grid", 0, "KEY=VALUES ...", "compare run options: 'workers=1:8 batch=10ms:250ms'",
     [](const std::string& v, Arguments& a) {
       a.simulation.grid = v;
       return ParseGrid(v).status();
     }},
    {"html", 0, "FILE", "write timelines and the trade-off as a page",
     [](const std::string& v, Arguments& a) { return ReadText(v, a.simulation.html); }},
    {"rows", 0, "N", "accounts of the demo, 1000 to 1000000000 (2000000)",
     [](const std::string& v, Arguments& a) {
       return ReadNumber(v, 1000, 1000000000, a.demo_rows);
     }},
    {"keep", 0, nullptr, "keep the demo's cluster when it ends",
     [](const std::string&, Arguments& a) { return Raise(&Arguments::demo_keep, a); }},
    {"kind", 0, "set|index|table", "kind of structure of the demo (set)",
     [](const std::string& v, Arguments& a) {
       if (v != "set" && v != "index" && v != "table") {
         return UsageError(absl::StrCat("\"", v, "\" is not a kind"), "write set, index or table");
       }
       a.kind = v;
       return absl::OkStatus();
     }},
};

}  // namespace

absl::Span<const OptionSpec> ConnectOptions() { return kConnectOptions; }
absl::Span<const OptionSpec> RunOptionSpecs() { return kRunOptions; }
absl::Span<const OptionSpec> OtherOptions() { return kOtherOptions; }

const OptionSpec* FindOption(const std::string& name) {
  for (const OptionSpec& option : kConnectOptions) {
    if (option.name == name) return &option;
  }
  for (const OptionSpec& option : kRunOptions) {
    if (option.name == name) return &option;
  }
  for (const OptionSpec& option : kOtherOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::string HelpOf(const OptionSpec& option) {
  if (option.otherwise == nullptr) return option.help;
  return absl::StrCat(option.help, " (", option.otherwise, ")");
}

}  // namespace tools
