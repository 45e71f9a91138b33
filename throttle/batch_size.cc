#include "throttle/batch_size.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace throttle {
namespace {

constexpr std::size_t kWindow = 10;     // Batches that are remembered.
constexpr double kPercentile = 0.9;     // Nearest rank: of ten, one outlier is let pass.
constexpr double kGrowthMax = 1.5;      // A step.
constexpr std::int64_t kOtherSize = 2;  // Feedback from a size off by more than this is ignored.

double Percentile(const std::deque<double>& values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const auto rank =
      static_cast<std::size_t>(std::ceil(kPercentile * static_cast<double>(sorted.size()) - 1e-9));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

BatchSize::BatchSize(Options options) : options_(options), rows_(options.rows_first) {}

void BatchSize::Record(std::int64_t rows, absl::Duration elapsed) {
  if (rows <= 0) return;
  if (rows > rows_ * kOtherSize || rows < rows_ / kOtherSize) return;

  const double seconds = std::max(0.0, absl::ToDoubleSeconds(elapsed));
  seconds_per_row_.push_back(seconds / static_cast<double>(rows));
  if (seconds_per_row_.size() > kWindow) seconds_per_row_.pop_front();

  // Compared as doubles before the cast: the wanted size is infinite when batches take no time.
  const double wanted = absl::ToDoubleSeconds(options_.target) / Percentile(seconds_per_row_);
  const double grown =
      std::max(static_cast<double>(rows_) * kGrowthMax, static_cast<double>(rows_) + 1);
  const auto next = static_cast<std::int64_t>(std::min(wanted, grown));
  rows_ = std::clamp(next, options_.rows_min, options_.rows_max);
}

void BatchSize::Shrink() { rows_ = std::max(rows_ / 2, options_.rows_min); }

}  // namespace throttle
