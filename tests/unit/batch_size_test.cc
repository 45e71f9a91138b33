#include "throttle/batch_size.h"

#include <cstdint>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace throttle {
namespace {

// 100 ms of target, 1000 rows to begin with.
BatchSize::Options SmallOptions() {
  BatchSize::Options options;
  options.target = absl::Milliseconds(100);
  options.rows_first = 1000;
  options.rows_min = 100;
  options.rows_max = 5000;
  return options;
}

// Records `count` batches of the present size that took `fixed` and `per_row`.
void RecordFull(BatchSize& size, absl::Duration fixed, absl::Duration per_row, int count = 1) {
  for (int i = 0; i < count; ++i) size.Record(size.rows(), fixed + size.rows() * per_row);
}

constexpr absl::Duration kNone = absl::ZeroDuration();

TEST(BatchSizeTest, StartsWithTheFirstSize) { EXPECT_EQ(BatchSize(SmallOptions()).rows(), 1000); }

TEST(BatchSizeTest, GrowsByAtMostHalfAStepEveryTwoBatches) {
  BatchSize size(SmallOptions());
  RecordFull(size, absl::Milliseconds(1), kNone);
  EXPECT_EQ(size.rows(), 1000);
  RecordFull(size, absl::Milliseconds(1), kNone);
  EXPECT_EQ(size.rows(), 1500);
  RecordFull(size, absl::Milliseconds(1), kNone, 2);
  EXPECT_EQ(size.rows(), 2250);
}

TEST(BatchSizeTest, SettlesNearTheTarget) {
  BatchSize size(SmallOptions());
  RecordFull(size, kNone, absl::Microseconds(50), 40);
  EXPECT_NEAR(static_cast<double>(size.rows()), 2000, 220);
}

TEST(BatchSizeTest, AFixedCostUnderTheTargetDoesNotShrinkIt) {
  BatchSize size(SmallOptions());
  size.Shrink();
  size.Shrink();
  size.Shrink();
  ASSERT_EQ(size.rows(), 125);
  RecordFull(size, absl::Milliseconds(60), absl::Microseconds(10), 60);
  EXPECT_GT(size.rows(), 3000);
}

TEST(BatchSizeTest, ASecondSlowBatchShrinksIt) {
  BatchSize size(SmallOptions());
  RecordFull(size, absl::Milliseconds(150), kNone);
  EXPECT_EQ(size.rows(), 1000);
  RecordFull(size, absl::Milliseconds(150), kNone);
  EXPECT_NEAR(static_cast<double>(size.rows()), 667, 1);
}

TEST(BatchSizeTest, ABatchFarOverTheTargetHalvesItAtOnce) {
  BatchSize size(SmallOptions());
  RecordFull(size, absl::Seconds(1), kNone);
  EXPECT_EQ(size.rows(), 500);
}

TEST(BatchSizeTest, OneSlowBatchOfTenIsLetPass) {
  BatchSize size(SmallOptions());
  RecordFull(size, absl::Milliseconds(100), kNone, 9);
  RecordFull(size, absl::Milliseconds(200), kNone);
  EXPECT_EQ(size.rows(), 1000);
}

TEST(BatchSizeTest, StaysWithinItsBounds) {
  BatchSize size(SmallOptions());
  RecordFull(size, kNone, kNone, 40);
  EXPECT_EQ(size.rows(), 5000);
  RecordFull(size, absl::Hours(1), kNone, 40);
  EXPECT_EQ(size.rows(), 100);
}

TEST(BatchSizeTest, IgnoresBatchesOfAnotherSize) {
  BatchSize size(SmallOptions());
  size.Record(2001, absl::Hours(1));
  size.Record(499, absl::Milliseconds(1));
  size.Record(499, absl::Milliseconds(1));
  size.Record(0, absl::Hours(1));
  size.Record(-1, absl::Hours(1));
  EXPECT_EQ(size.rows(), 1000);
}

TEST(BatchSizeTest, HeedsASmallerBatchThatWasTooSlow) {
  BatchSize size(SmallOptions());
  size.Record(10, absl::Seconds(1));
  EXPECT_EQ(size.rows(), 500);
}

TEST(BatchSizeTest, ATimeThatRunsBackwardsCountsAsNone) {
  BatchSize size(SmallOptions());
  RecordFull(size, absl::Seconds(-5), kNone, 2);
  EXPECT_EQ(size.rows(), 1500);
}

TEST(BatchSizeTest, ShrinkHalvesDownToTheMinimum) {
  BatchSize size(SmallOptions());
  size.Shrink();
  EXPECT_EQ(size.rows(), 500);
  for (int i = 0; i < 10; ++i) size.Shrink();
  EXPECT_EQ(size.rows(), 100);
}

// 8 MiB in rows of 20 kB.
constexpr double kWide = 20 << 10;
constexpr std::int64_t kWideRows = (8 << 20) / (20 << 10);

TEST(BatchSizeTest, WideRowsAreCappedByTheirBytes) {
  BatchSize size(SmallOptions());
  EXPECT_EQ(size.rows_max(), 5000);
  size.SetRowBytes(kWide);
  EXPECT_EQ(size.rows(), kWideRows);
  EXPECT_EQ(size.rows_max(), kWideRows);
  RecordFull(size, kNone, kNone, 40);
  EXPECT_EQ(size.rows(), kWideRows) << "however fast they are";
  RecordFull(size, absl::Milliseconds(200), kNone, 2);
  EXPECT_EQ(size.rows(), kWideRows / 2) << "the time still counts below the cap";
}

TEST(BatchSizeTest, TheCapGoesBelowTheSmallestBatchButNotBelowARow) {
  BatchSize size(SmallOptions());
  size.SetRowBytes(1 << 20);
  EXPECT_EQ(size.rows(), 8);
  for (int i = 0; i < 10; ++i) size.Shrink();
  EXPECT_EQ(size.rows(), 8);
  size.SetTarget(absl::Milliseconds(10));
  EXPECT_EQ(size.rows(), 8);
  size.SetRowBytes(1e9);
  EXPECT_EQ(size.rows(), 1);
  RecordFull(size, kNone, kNone, 40);
  EXPECT_EQ(size.rows(), 1);
}

TEST(BatchSizeTest, NarrowRowsAndNoCapLeaveItAsItIs) {
  BatchSize size(SmallOptions());
  size.SetRowBytes(100);
  EXPECT_EQ(size.rows(), 1000);
  EXPECT_EQ(size.rows_max(), 5000);
  size.SetRowBytes(0);
  EXPECT_EQ(size.rows_max(), 5000);
  BatchSize::Options options = SmallOptions();
  options.bytes_max = 0;
  BatchSize free(options);
  free.SetRowBytes(1e9);
  EXPECT_EQ(free.rows(), 1000);
  EXPECT_EQ(free.rows_max(), 5000);
}

TEST(BatchSizeTest, GrowsFromASingleRow) {
  BatchSize::Options options = SmallOptions();
  options.rows_first = 1;
  options.rows_min = 1;
  BatchSize size(options);
  RecordFull(size, kNone, kNone, 2);
  EXPECT_EQ(size.rows(), 2);
}

}  // namespace
}  // namespace throttle
