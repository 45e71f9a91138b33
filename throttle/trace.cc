#include "throttle/trace.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace throttle {
namespace {

constexpr char kHeader[] =
    "time,pressure,reason,effective_workers,workers,rows_per_batch,batch_seconds,commit_seconds,"
    "transaction_seconds,busy";
constexpr std::size_t kColumns = 10;
constexpr double kSecondsMax = 1e11;  // of a time since 1970: the year 5138

absl::Status Fault(const std::string& file, int line, const std::string& what,
                   const std::string& hint) {
  return absl::InvalidArgumentError(
      absl::StrCat("trace ", file, ", line ", line, ": ", what, "\nHINT: ", hint));
}

std::string Quoted(const std::string& text) {
  const std::string line = absl::StrReplaceAll(text, {{"\r", " "}, {"\n", " "}});
  if (!absl::StrContains(line, ",") && !absl::StrContains(line, "\"")) return line;
  return absl::StrCat("\"", absl::StrReplaceAll(line, {{"\"", "\"\""}}), "\"");
}

// Empty: a quote is not closed.
std::vector<std::string> Fields(absl::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool doubled = quoted && line[i] == '"' && i + 1 < line.size() && line[i + 1] == '"';
    if (doubled) {
      fields.back() += line[i++];
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  if (quoted) fields.clear();
  return fields;
}

// Takes the numbers of a row; says what is wrong with the first that is none.
class Numbers {
 public:
  explicit Numbers(const std::vector<std::string>& fields) : fields_(fields) {}

  double Take(std::size_t column, const char* name, double max) {
    double number = 0;
    const bool read = absl::SimpleAtod(fields_[column], &number) && number >= 0 && number <= max;
    if (!read && fault_.empty()) {
      fault_ = absl::StrCat(name, " is \"", fields_[column], "\", expected a number from 0");
    }
    return read ? number : 0;
  }
  bool Has(std::size_t column) const { return !fields_[column].empty(); }
  const std::string& fault() const { return fault_; }

 private:
  const std::vector<std::string>& fields_;
  std::string fault_;
};

// Of a line; the message alone if it is no row.
absl::StatusOr<TraceRow> ReadRow(absl::string_view line) {
  constexpr double kHour = 3600;
  const std::vector<std::string> fields = Fields(line);
  if (fields.size() != kColumns) {
    return absl::InvalidArgumentError(
        fields.empty() ? "a quote is not closed"
                       : absl::StrCat(fields.size(), " columns, expected ", kColumns));
  }
  Numbers numbers(fields);
  TraceRow row;
  row.time = absl::UnixEpoch() + absl::Seconds(numbers.Take(0, "time", kSecondsMax));
  row.pressure = numbers.Take(1, "pressure", 1e9);
  row.reason = fields[2];
  row.effective_workers = numbers.Take(3, "effective_workers", 1e4);
  row.workers = static_cast<int>(numbers.Take(4, "workers", 1e4));
  row.rows_per_batch = static_cast<std::int64_t>(numbers.Take(5, "rows_per_batch", 1e12));
  row.batch = absl::Seconds(numbers.Take(6, "batch_seconds", kHour));
  if (numbers.Has(7)) row.commit = absl::Seconds(numbers.Take(7, "commit_seconds", kHour));
  if (numbers.Has(8))
    row.transaction = absl::Seconds(numbers.Take(8, "transaction_seconds", kHour));
  if (numbers.Has(9)) row.busy = static_cast<int>(numbers.Take(9, "busy", 1e4));
  if (!numbers.fault().empty()) return absl::InvalidArgumentError(numbers.fault());
  return row;
}

}  // namespace

std::string TraceHeader() { return kHeader; }

std::string TraceLine(const TraceRow& row) {
  const auto seconds = [](std::optional<absl::Duration> time) {
    return time ? absl::StrFormat("%.6f", absl::ToDoubleSeconds(*time)) : "";
  };
  return absl::StrFormat("%.3f,%.3f,%s,%.3f,%d,%d,%.4f,%s,%s,%s",
                         absl::ToDoubleSeconds(row.time - absl::UnixEpoch()), row.pressure,
                         Quoted(row.reason), row.effective_workers, row.workers, row.rows_per_batch,
                         absl::ToDoubleSeconds(row.batch), seconds(row.commit),
                         seconds(row.transaction), row.busy ? absl::StrCat(*row.busy) : "");
}

absl::StatusOr<std::vector<TraceRow>> ParseTrace(const std::string& text, const std::string& file) {
  constexpr char kHint[] = "`pg_restructure run … --trace FILE` writes such a file";
  std::vector<TraceRow> rows;
  int number = 0;
  absl::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const bool is_cut = end == absl::string_view::npos;
    absl::string_view line = rest.substr(0, end);
    rest = is_cut ? absl::string_view() : rest.substr(end + 1);
    if (absl::EndsWith(line, "\r")) line.remove_suffix(1);
    ++number;
    if (number == 1) {
      if (line != kHeader) {
        return Fault(file, 1, absl::StrCat("the header is not \"", kHeader, "\""), kHint);
      }
      continue;
    }
    const absl::StatusOr<TraceRow> row = ReadRow(line);
    if (!row.ok()) {
      if (is_cut) break;
      return Fault(file, number, std::string(row.status().message()), kHint);
    }
    if (!rows.empty() && row->time < rows.back().time) {
      return Fault(file, number, "its time is before that of the line above",
                   "rows are in the order of time; a trace is of one run");
    }
    rows.push_back(*row);
  }
  if (rows.empty()) {
    return Fault(file, std::max(number, 1), number == 0 ? "the file is empty" : "there is no row",
                 kHint);
  }
  return rows;
}

}  // namespace throttle
