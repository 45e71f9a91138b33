#include "throttle/batch_size.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace throttle {
namespace {

constexpr std::size_t kBatchesRemembered = 10;  // Batches that are remembered at most.
constexpr std::size_t kEnough = 2;              // Batches that a change needs.
constexpr double kPercentile = 0.9;             // Nearest rank: of ten, one outlier is let pass.
constexpr double kGrowthMax = 1.5;              // A step.
constexpr double kShrinkMax = 0.5;              // A step.
constexpr double kFarOver = 4;                  // Times the target: shrink without a second look.
constexpr double kNearTarget = 0.1;             // Of the target: leave it.
constexpr std::int64_t kOtherSize = 2;  // A size off by more than this factor is another one.

double Percentile(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto rank =
      static_cast<std::size_t>(std::ceil(kPercentile * static_cast<double>(values.size()) - 1e-9));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

BatchSize::BatchSize(Options options) : options_(options), rows_(options.rows_first) {}

void BatchSize::Record(std::int64_t rows, absl::Duration elapsed) {
  if (rows <= 0) return;
  const double of_target = std::max(0.0, absl::FDivDuration(elapsed, aim_ * options_.target));
  const bool smaller = rows < rows_ / kOtherSize;
  if (rows > rows_ * kOtherSize || (smaller && of_target <= 1)) return;

  of_target_.push_back(of_target);
  if (of_target_.size() > kBatchesRemembered) of_target_.erase(of_target_.begin());
  if (of_target_.size() < kEnough && of_target < kFarOver) return;

  const double slow = std::max(Percentile(of_target_), 1e-3);
  if (std::abs(slow - 1) <= kNearTarget) return;
  const double factor = std::clamp(1 / slow, kShrinkMax, kGrowthMax);
  auto next = static_cast<std::int64_t>(static_cast<double>(rows_) * factor);
  if (factor > 1) next = std::max(next, rows_ + 1);
  rows_ = Within(next);
  of_target_.clear();
}

std::int64_t BatchSize::Within(std::int64_t rows) const {
  return std::min(std::clamp(rows, options_.rows_min, options_.rows_max), cap_);
}

void BatchSize::SetRowBytes(double bytes) {
  constexpr double kRowsMax = 1e15;
  cap_ = std::numeric_limits<std::int64_t>::max();
  if (bytes > 0 && options_.bytes_max > 0) {
    const double fit = static_cast<double>(options_.bytes_max) / bytes;
    cap_ = static_cast<std::int64_t>(std::clamp(fit, 1.0, kRowsMax));
  }
  if (Within(rows_) == rows_) return;
  rows_ = Within(rows_);
  of_target_.clear();
}

void BatchSize::SetTarget(absl::Duration target) {
  // Down at once; up as ever, step by step.
  const double factor = std::min(1.0, absl::FDivDuration(target, options_.target));
  const auto scaled = static_cast<std::int64_t>(static_cast<double>(rows_) * factor);
  rows_ = Within(scaled);
  options_.target = target;
  of_target_.clear();
}

void BatchSize::Shrink() {
  rows_ = Within(rows_ / 2);
  of_target_.clear();
}

}  // namespace throttle
