#include "tools/simulate_grid.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tools/command_table.h"
#include "tools/option_table.h"
#include "tools/option_values.h"
#include "tools/profile.h"

namespace tools {
namespace {

constexpr std::size_t kCellsMax = 256;
constexpr std::size_t kValuesMax = 64;
constexpr double kWeightMin = 0.01;
constexpr double kWeightMax = 100;

absl::StatusOr<const OptionSpec*> KeyThatBegins(const std::string& text) {
  std::vector<const OptionSpec*> begins;
  for (const OptionSpec* key : ProfileKeys()) {
    if (key->name == text) return key;
    if (!text.empty() && absl::StartsWith(key->name, text)) begins.push_back(key);
  }
  if (begins.size() == 1) return begins[0];
  // Of several the one that a simulation heeds: batch is batch-target, and never batch-bytes.
  std::vector<const OptionSpec*> heeded;
  for (const OptionSpec* key : begins) {
    if (Belongs(*key, *FindCommand("simulate"))) heeded.push_back(key);
  }
  if (heeded.size() == 1) return heeded[0];
  const auto append_name = [](std::string* out, const OptionSpec* key) { *out += key->name; };
  if (begins.empty()) {
    return UsageError(absl::StrCat("\"", text, "\" is no run option that a profile can have"),
                      absl::StrCat("these are: ", absl::StrJoin(ProfileKeys(), ", ", append_name)));
  }
  return UsageError(absl::StrCat("\"", text, "\" is the beginning of several run options"),
                    absl::StrCat("write one of ", absl::StrJoin(begins, ", ", append_name)));
}

// 250 and "ms" of "250ms".
struct Quantity {
  double number = 0;
  std::string unit;
};

bool ReadQuantity(const std::string& text, Quantity* quantity) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  quantity->unit = text.substr(end);
  return absl::SimpleAtod(text.substr(0, end), &quantity->number) && quantity->number > 0;
}

// Doubles from the first to the last, which is there even if it is less than twice the one before.
absl::StatusOr<std::vector<std::string>> ReadValues(const std::string& text) {
  const std::vector<std::string> ends = absl::StrSplit(text, ':');
  if (ends.size() == 1) {
    std::vector<std::string> values = absl::StrSplit(text, ',');
    const bool any_empty = std::count(values.begin(), values.end(), "") > 0;
    if (!any_empty && values.size() <= kValuesMax) return values;
  }
  Quantity from;
  Quantity to;
  const bool is_range = ends.size() == 2 && ReadQuantity(ends[0], &from) &&
                        ReadQuantity(ends[1], &to) && from.unit == to.unit &&
                        from.number <= to.number && to.number / from.number < 1e9;
  if (!is_range) {
    return UsageError(absl::StrCat("\"", text, "\" is neither a list nor a range"),
                      "write 1,2,4 or 1:8 or 10ms:250ms, the same unit on both sides, low to high");
  }
  std::vector<std::string> values;
  for (double number = from.number; number < to.number * (1 - 1e-9); number *= 2) {
    values.push_back(absl::StrCat(number, from.unit));
  }
  values.push_back(ends[1]);
  return values;
}

// Values for one key, each tried.
absl::StatusOr<GridCell> ReadKey(const std::string& text) {
  const std::vector<std::string> sides = absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (sides.size() != 2) {
    return UsageError(absl::StrCat("\"", text, "\" is no key with values"),
                      "write for example 'workers=1:8 batch-target=10ms:250ms'");
  }
  const absl::StatusOr<const OptionSpec*> key = KeyThatBegins(sides[0]);
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::vector<std::string>> values = ReadValues(sides[1]);
  if (!values.ok()) return values.status();
  GridCell settings;
  for (const std::string& value : *values) {
    Arguments tried;
    if (absl::Status read = (*key)->apply(value, tried); !read.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("key ", (*key)->name, ": ", read.message()));
    }
    settings.emplace_back((*key)->name, value);
  }
  return settings;
}

}  // namespace

absl::StatusOr<std::vector<GridCell>> ParseGrid(const std::string& text) {
  std::vector<GridCell> cells = {{}};
  for (const std::string& word : std::vector<std::string>(
           absl::StrSplit(text, absl::ByAnyChar(" \t\n"), absl::SkipWhitespace()))) {
    const absl::StatusOr<GridCell> settings = ReadKey(word);
    if (!settings.ok()) return settings.status();
    std::vector<GridCell> more;
    for (const GridCell& cell : cells) {
      for (const auto& setting : *settings) {
        const bool twice = std::any_of(cell.begin(), cell.end(), [&](const auto& other) {
          return other.first == setting.first;
        });
        if (twice) {
          return UsageError(absl::StrCat("key ", setting.first, " is given twice"), "give it once");
        }
        more.push_back(cell);
        more.back().push_back(setting);
      }
    }
    if (more.size() > kCellsMax) {
      return UsageError(absl::StrCat("the grid has ", more.size(), " cells, at most 256 are run"),
                        "leave out a key, or give a shorter range");
    }
    cells = std::move(more);
  }
  return cells;
}

absl::StatusOr<std::vector<double>> ParseWeights(const std::string& text) {
  const absl::StatusOr<std::vector<std::string>> values = ReadValues(text);
  if (!values.ok()) return values.status();
  std::vector<double> weights;
  for (const std::string& value : *values) {
    double weight = 0;
    if (!absl::SimpleAtod(value, &weight) || !(weight >= kWeightMin && weight <= kWeightMax)) {
      return UsageError(absl::StrCat("\"", value, "\" is not a number from 0.01 to 100"),
                        "a worker of weight 1 takes 5 % of the server: write 1, or 0.25:8");
    }
    weights.push_back(weight);
  }
  return weights;
}

std::string NameOf(const GridCell& cell) {
  return absl::StrJoin(cell, " ", absl::PairFormatter("="));
}

}  // namespace tools
