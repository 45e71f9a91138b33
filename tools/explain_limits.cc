#include "tools/explain_limits.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "throttle/controller.h"
#include "throttle/readable.h"
#include "tools/command_context.h"
#include "tools/report.h"

namespace tools {
namespace {

// Where an option was said: "option --signal"; empty: it has its default, or a built-in profile's.
std::string OriginOf(const Arguments& arguments, const std::string& option) {
  if (arguments.given.count(option) > 0) return absl::StrCat("option --", option);
  const auto in_file = arguments.said_in_file.find(option);
  return in_file == arguments.said_in_file.end() ? ""
                                                 : absl::StrCat(in_file->second, ": key ", option);
}

absl::Status CheckOwnSignals(const Arguments& arguments, const throttle::Load& load) {
  for (std::size_t i = 0; i < load.custom.size(); ++i) {
    const throttle::CustomLoad& read = load.custom[i];
    if (read.failure.empty()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        arguments.run.signals[i].query.origin, ": signal ", read.name, ": ", read.failure,
        "\nHINT: its query is to return one row with one number, within 300ms; it runs in a "
        "read-only transaction, and names need their schema."));
  }
  return absl::OkStatus();
}

absl::Status CheckReplicas(const Arguments& arguments, const throttle::Load& load) {
  throttle::Limits limits;
  limits.replicas_must_stay = false;
  limits.required_replicas = arguments.run.required_replicas;
  const std::vector<std::string> missing = throttle::Baseline().Missing(load, limits);
  if (missing.empty()) return absl::OkStatus();
  const std::vector<std::string> there = load.replicas.value_or(std::vector<std::string>());
  return absl::FailedPreconditionError(
      absl::StrCat(OriginOf(arguments, "require-replica"), ": replica ", missing.front(),
                   " is not connected\nHINT: connected are ",
                   there.empty() ? "none" : absl::StrJoin(there, ", "),
                   "; a replica's name is the application_name in its primary_conninfo."));
}

absl::Status CheckPrivileges(const Arguments& arguments, const Look& look) {
  if (look.sources.sees_others) return absl::OkStatus();
  const bool replicas = look.load.replicas && !look.load.replicas->empty();
  struct Demand {
    const char* option;
    bool demands;
    const char* what;
  };
  const Demand demands[] = {
      {"active-sessions", arguments.run.active_sessions > 0, "the sessions of others"},
      {"replica-lag", replicas && arguments.run.replica_lag > absl::ZeroDuration(),
       "how far the replicas are behind"},
      {"replica-lag-bytes", replicas && arguments.run.replica_lag_bytes > 0,
       "how far the replicas are behind"},
  };
  for (const Demand& demand : demands) {
    const std::string origin = OriginOf(arguments, demand.option);
    if (!demand.demands || origin.empty()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(origin, ": role ", look.sources.role, " may not see ", demand.what,
                     "\nHINT: GRANT pg_monitor TO ", look.sources.role, ", or leave it out."));
  }
  return absl::OkStatus();
}

std::vector<std::size_t> Widths(const std::vector<throttle::Signal>& limits) {
  std::vector<std::size_t> widths = {6, 3, 4, 4};
  for (const throttle::Signal& limit : limits) {
    widths[0] = std::max(widths[0], limit.name.size());
    widths[1] = std::max(widths[1], limit.now.size());
    widths[2] = std::max(widths[2], limit.soft.size());
    widths[3] = std::max(widths[3], limit.hard.size());
  }
  return widths;
}

// What they take now is known only after a while.
throttle::Signal OfTransactions(const throttle::Limits& limits) {
  const absl::Duration alone = absl::Seconds(1);
  const double soft = absl::FDivDuration(
      throttle::Controller::SoftLimitOfTransactions(alone, limits.impact), alone);
  throttle::Signal signal;
  signal.name = "transactions of others";
  signal.now = "-";
  signal.soft = absl::StrCat("+", throttle::ReadableShare(soft - 1));
  signal.hard = absl::StrCat("+", throttle::ReadableShare(1.6 * soft - 1));
  signal.why = "their mean in this database; the job learns it in a quiet time";
  return signal;
}

// No limit, but it says as much of what others will feel.
throttle::Signal PriorityOfBatches(int nice, const absl::Status& may_be_nice) {
  throttle::Signal signal;
  signal.name = "priority of batches";
  signal.now = may_be_nice.ok() ? absl::StrCat("nice ", nice) : "as others";
  signal.why = may_be_nice.ok() ? "the server's processes that run them give way to all others"
                                : std::string(may_be_nice.message());
  return signal;
}

}  // namespace

absl::StatusOr<Look> LookAtServer(const std::string& conninfo, const Arguments& arguments) {
  const restructure::Settings settings = SettingsFrom(arguments.run);
  restructure::SignalReader reader(conninfo, "pg_restructure", settings.custom_signals, {});
  if (absl::Status read = reader.Read(absl::Now()); !read.ok()) return read;
  Look look{reader.load(), reader.sources()};
  if (arguments.run.no_throttle) return look;
  absl::Status status = CheckOwnSignals(arguments, look.load);
  if (status.ok()) status = CheckReplicas(arguments, look.load);
  if (status.ok()) status = CheckPrivileges(arguments, look);
  if (!status.ok()) return status;
  return look;
}

std::vector<throttle::Signal> ExplainLimits(const Look& look, const restructure::Settings& settings,
                                            absl::Duration commit,
                                            const absl::Status& may_be_nice) {
  std::vector<throttle::Signal> limits;
  if (settings.limits.heed_commits) {
    const throttle::Limits& chosen = settings.limits;
    const bool by_time = chosen.commit_max > absl::ZeroDuration();
    const absl::Duration soft =
        throttle::Controller::SoftLimit(commit, chosen.impact, chosen.commit_max);
    throttle::Signal signal;
    signal.name = "commit time";
    signal.now = FormatTimeSpan(commit);
    signal.soft = FormatTimeSpan(soft);
    signal.hard = FormatTimeSpan(1.6 * soft);
    signal.why = absl::StrCat(
        by_time ? "impact, as a time"
                : absl::StrCat(throttle::ReadableShare(chosen.impact), " of the median now, or ",
                               FormatTimeSpan(chosen.impact * absl::Milliseconds(10)),
                               " more, at most twice the share"),
        "; the job learns it anew before its first batch");
    limits.push_back(std::move(signal));
    if (!by_time && look.sources.version >= 150000) limits.push_back(OfTransactions(chosen));
  }
  const std::vector<throttle::Signal> signals =
      throttle::Signals(look.load, settings.limits, throttle::Baseline());
  limits.insert(limits.end(), signals.begin(), signals.end());
  if (settings.nice > 0) limits.push_back(PriorityOfBatches(settings.nice, may_be_nice));
  return limits;
}

std::string RenderLimits(const std::vector<throttle::Signal>& limits) {
  const std::vector<std::size_t> widths = Widths(limits);
  const auto line = [&](const std::string& name, const std::string& now, const std::string& soft,
                        const std::string& hard, const std::string& why) {
    return absl::StrFormat("  %-*s  %*s  %*s  %*s  %s\n", static_cast<int>(widths[0]), name,
                           static_cast<int>(widths[1]), now, static_cast<int>(widths[2]), soft,
                           static_cast<int>(widths[3]), hard, why);
  };
  std::string text =
      "Limits: the pace begins to fall at the soft point, nothing runs at the hard one\n";
  absl::StrAppend(&text, line("signal", "now", "soft", "hard", "why"));
  for (const throttle::Signal& limit : limits) {
    absl::StrAppend(&text, line(limit.name, limit.now, limit.soft.empty() ? "-" : limit.soft,
                                limit.hard.empty() ? "-" : limit.hard, limit.why));
  }
  if (limits.empty()) absl::StrAppend(&text, "  none: the throttle is off\n");
  absl::StrAppend(
      &text,
      "  A pause stops batches. It does not stop what each write of the source costs for "
      "the capture,\n  nor an index build under way, which is ended after 10 s over a "
      "limit if it is concurrent.\n");
  return text;
}

std::string WithLimits(const std::string& plan, const std::vector<throttle::Signal>& limits) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(plan);
  nlohmann::ordered_json& list = json["limits"] = nlohmann::ordered_json::array();
  for (const throttle::Signal& limit : limits) {
    list.push_back({{"signal", limit.name},
                    {"now", limit.now},
                    {"soft", limit.soft},
                    {"hard", limit.hard},
                    {"why", limit.why},
                    {"reason", limit.reason}});
  }
  return json.dump(2);
}

}  // namespace tools
