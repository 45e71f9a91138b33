#include "restructure/summary.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "restructure/json_fields.h"

namespace restructure {
namespace {

nlohmann::ordered_json LockToJson(const LockHold& lock) {
  nlohmann::ordered_json json;
  json["relation"] = lock.relation;
  json["mode"] = lock.mode;
  json["held_ms"] = Rounded(absl::ToDoubleMilliseconds(lock.times.held), 3);
  json["waited_ms"] = Rounded(absl::ToDoubleMilliseconds(lock.times.waited), 3);
  json["attempts"] = lock.attempts;
  return json;
}

// {"build": {"seconds": 1.5}, …}; `each` is what one of them is called.
absl::Status ReadTimes(const nlohmann::json& json, const char* each,
                       std::map<std::string, absl::Duration>& times) {
  if (!json.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat("summary: ", each, "s is not an object"));
  }
  for (const auto& item : json.items()) {
    const std::string what = absl::StrCat("summary: ", each, " ", item.key());
    if (!item.value().is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(what, " is not an object"));
    }
    absl::Duration& seconds = times[item.key()];
    JsonFields fields(item.value(), what);
    fields.Read("seconds", absl::Seconds(1), seconds);
    if (!fields.status().ok()) return fields.status();
  }
  return absl::OkStatus();
}

absl::Status ReadLocks(const nlohmann::json& json, Summary& summary) {
  if (!json.is_array()) return absl::InvalidArgumentError("summary: locks is not an array");
  for (const nlohmann::json& element : json) {
    if (!element.is_object()) {
      return absl::InvalidArgumentError("summary: a lock is not an object");
    }
    LockHold lock;
    JsonFields fields(element, "summary: a lock");
    fields.Read("relation", lock.relation);
    fields.Read("mode", lock.mode);
    fields.Read("held_ms", absl::Milliseconds(1), lock.times.held);
    fields.Read("waited_ms", absl::Milliseconds(1), lock.times.waited);
    fields.Read("attempts", lock.attempts);
    if (!fields.status().ok()) return fields.status();
    summary.locks.push_back(std::move(lock));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ToJson(const Summary& summary) {
  nlohmann::ordered_json json;
  json["job"] = summary.job;
  json["kind"] = summary.kind;
  json["name"] = summary.name;
  json["rows"] = summary.rows;
  json["phases"] = nlohmann::ordered_json::object();
  for (const auto& [phase, time] : summary.phases) {
    json["phases"][phase]["seconds"] = Rounded(absl::ToDoubleSeconds(time), 3);
  }
  json["locks"] = nlohmann::ordered_json::array();
  for (const LockHold& lock : summary.locks) json["locks"].push_back(LockToJson(lock));
  json["wal_bytes"] = summary.wal_bytes;
  json["batches"] = summary.batches;
  json["retries"] = summary.retries;
  json["verified_rows"] = summary.verified_rows;
  json["differences"] = summary.differences;
  json["reasons"] = nlohmann::ordered_json::object();
  for (const auto& [reason, time] : summary.reasons) {
    json["reasons"][reason]["seconds"] = Rounded(absl::ToDoubleSeconds(time), 3);
  }
  return OneLine(json);
}

absl::StatusOr<Summary> SummaryFromJson(const std::string& text) {
  const absl::StatusOr<nlohmann::json> json = ParseObject(text, "summary");
  if (!json.ok()) return json.status();
  Summary summary;
  JsonFields fields(*json, "summary");
  fields.Read("job", summary.job);
  fields.Read("kind", summary.kind);
  fields.Read("name", summary.name);
  fields.Read("rows", summary.rows);
  fields.Read("wal_bytes", summary.wal_bytes);
  fields.Read("batches", summary.batches);
  fields.Read("retries", summary.retries);
  fields.Read("verified_rows", summary.verified_rows);
  fields.Read("differences", summary.differences);
  absl::Status status = fields.status();
  const nlohmann::json* phases = fields.Find("phases");
  if (status.ok() && phases != nullptr) status = ReadTimes(*phases, "phase", summary.phases);
  const nlohmann::json* reasons = fields.Find("reasons");
  if (status.ok() && reasons != nullptr) status = ReadTimes(*reasons, "reason", summary.reasons);
  const nlohmann::json* locks = fields.Find("locks");
  if (status.ok() && locks != nullptr) status = ReadLocks(*locks, summary);
  if (!status.ok()) return status;
  return summary;
}

}  // namespace restructure
