#include "tests/server/lock_meter.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "tests/server/client.h"

namespace server {
namespace {

constexpr milliseconds kSample{20};

// A wait is known by who waits and since when: both stay the same from sample to sample.
constexpr char kWaits[] =
    "SELECT w.pid || ' since ' || l.waitstart, format('%s: %s WAITS for %s on %s BEHIND %s: %s',"
    "  w.application_name, left(w.query, 120), l.mode,"
    "  coalesce(l.relation::regclass::text, l.locktype), h.application_name, left(h.query, 200))"
    " FROM pg_locks l JOIN pg_stat_activity w ON w.pid = l.pid"
    "  CROSS JOIN LATERAL unnest(pg_blocking_pids(l.pid)) b(pid)"
    "  JOIN pg_stat_activity h ON h.pid = b.pid"
    " WHERE NOT l.granted AND l.waitstart IS NOT NULL"
    "  AND w.application_name NOT LIKE 'pg\\_restructure%'"
    "  AND w.datname = current_database() AND h.application_name LIKE 'pg\\_restructure%'";

constexpr char kSnapshots[] =
    "SELECT (extract(epoch FROM clock_timestamp() - greatest(xact_start, query_start)) * "
    "1000)::int,"
    "  left(query, 200) FROM pg_stat_activity WHERE application_name LIKE 'pg\\_restructure%'"
    "  AND datname = current_database() AND backend_xmin IS NOT NULL"
    " ORDER BY 1 DESC LIMIT 1";

}  // namespace

LockMeter::LockMeter(const Target& target) : thread_([this, target] { Run(target); }) {}

LockMeter::~LockMeter() { (void)Stop(); }

const LockMeter::Report& LockMeter::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  return report_;
}

void LockMeter::Run(const Target& target) {
  std::map<std::string, Clock::time_point> first_seen;
  try {
    Client client(target.Conninfo("lock_meter"));
    client.Prepare("waits", kWaits);
    client.Prepare("snapshots", kSnapshots);
    while (!stopping_) {
      const Clock::time_point now = Clock::now();
      for (const Row& row : client.QueryPrepared("waits")) {
        const Clock::time_point since = first_seen.emplace(*row[0], now).first->second;
        const auto waited = std::chrono::duration_cast<milliseconds>(now - since) + kSample;
        if (waited <= report_.longest_wait) continue;
        report_.longest_wait = waited;
        report_.longest = row[1].value_or("?");
      }
      for (const Row& row : client.QueryPrepared("snapshots")) {
        const milliseconds age(std::stoi(*row[0]));
        if (age <= report_.oldest_snapshot) continue;
        report_.oldest_snapshot = age;
        report_.oldest = row[1].value_or("?");
      }
      ++report_.samples;
      std::this_thread::sleep_until(now + kSample);
    }
  } catch (const std::exception& error) {
    report_.error = error.what();
  }
}

}  // namespace server
