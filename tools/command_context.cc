#include "tools/command_context.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "restructure/phases.h"
#include "tools/exit_codes.h"

namespace tools {
namespace {

int PositiveFromEnvironment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  int value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) && value > 0 ? value : otherwise;
}

}  // namespace

void PrintError(const std::string& message) {
  absl::FPrintF(stderr, "pg_restructure: %s\n", message);
}

int Refuse(const absl::Status& status) {
  PrintError(std::string(status.message()));
  return absl::IsUnavailable(status) ? kExitResumable : kExitRefused;
}

restructure::Settings SettingsFrom(const RunOptions& run) {
  restructure::Settings settings;
  const int cores = static_cast<int>(std::max(2u, std::thread::hardware_concurrency()));
  settings.workers = run.workers.value_or(std::clamp(cores, 2, 4));
  settings.nice = run.no_throttle ? 0 : run.nice;
  settings.lock_timeout = run.lock_timeout;
  settings.lock_patience = run.lock_patience;
  settings.swap_lock_budget = run.swap_lock_budget;
  settings.snapshot_wait = run.snapshot_wait;
  settings.soak = run.soak;
  settings.disconnect_in_batches = run.disconnect == Disconnect::kBatches;
  settings.maintenance_work_mem_bytes = run.maintenance_work_mem_bytes;
  settings.limits.replica_lag_max = run.replica_lag;
  settings.limits.replica_lag_bytes_max = run.replica_lag_bytes;
  settings.limits.active_sessions_max = run.active_sessions;
  settings.limits.wait_for_us_max = run.wait_for_us;
  settings.limits.sample_age_max = run.sample_age;
  settings.limits.heed_commits = run.controller;
  settings.limits.heed_knee = run.controller;
  settings.limits.impact = run.impact;
  settings.limits.commit_max = run.commit_max;
  settings.hibernate = run.hibernate;
  settings.limits.required_replicas = run.required_replicas;
  settings.limits.replicas_must_stay = run.replicas_must_stay;
  settings.limits.slot_wal_max = run.slot_wal;
  settings.limits.archiver_segments_max = run.archiver;
  for (const SignalOption& signal : run.signals) {
    settings.limits.custom.push_back(signal.limit);
    settings.custom_signals.push_back(signal.query);
  }
  if (run.no_throttle) {
    settings.limits = throttle::Limits::Unlimited();
    settings.custom_signals.clear();
  }
  settings.windows = {run.window, run.swap_window};
  settings.batch_size.target = run.batch_target;
  settings.batch_size.bytes_max = run.batch_bytes;
  // For tests, which hit boundaries with tiny batches and short leases.
  if (const int rows = PositiveFromEnvironment("PG_RESTRUCTURE_JOB_BATCH_ROWS", 0); rows > 0) {
    settings.batch_size.rows_first = settings.batch_size.rows_min = settings.batch_size.rows_max =
        rows;
  }
  settings.order_range_bytes =
      PositiveFromEnvironment("PG_RESTRUCTURE_ORDER_RANGE_BYTES", 64 << 20);
  settings.lease = absl::Seconds(PositiveFromEnvironment("PG_RESTRUCTURE_LEASE_SECONDS", 15));
  return settings;
}

std::vector<std::string> PhaseNames(const std::string& kind) {
  std::vector<std::string> names;
  for (const restructure::Phase& phase : restructure::KindNamed(kind).phases) {
    names.push_back(phase.name);
  }
  return names;
}

}  // namespace tools
