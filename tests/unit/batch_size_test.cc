#include "throttle/batch_size.h"

#include <cstdint>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace throttle {
namespace {

constexpr absl::Duration kNoTime = absl::ZeroDuration();

// 100 ms of target, 1000 rows to begin with.
BatchSize::Options SmallOptions() {
  BatchSize::Options options;
  options.target = absl::Milliseconds(100);
  options.rows_first = 1000;
  options.rows_min = 100;
  options.rows_max = 5000;
  return options;
}

// Records a batch of the present size in which a row took `per_row`.
void RecordFull(BatchSize& size, absl::Duration per_row) {
  size.Record(size.rows(), size.rows() * per_row);
}

TEST(BatchSizeTest, StartsWithTheFirstSize) { EXPECT_EQ(BatchSize(SmallOptions()).rows(), 1000); }

TEST(BatchSizeTest, GrowsByAtMostHalfAStep) {
  BatchSize size(SmallOptions());
  size.Record(1000, absl::Milliseconds(1));
  EXPECT_EQ(size.rows(), 1500);
  size.Record(1500, absl::Milliseconds(1));
  EXPECT_EQ(size.rows(), 2250);
}

TEST(BatchSizeTest, SettlesAtTheTarget) {
  BatchSize size(SmallOptions());
  for (int i = 0; i < 20; ++i) RecordFull(size, absl::Microseconds(50));
  EXPECT_NEAR(static_cast<double>(size.rows()), 2000, 2);
}

TEST(BatchSizeTest, ShrinksAtOnceToTheTarget) {
  BatchSize size(SmallOptions());
  size.Record(1000, absl::Milliseconds(400));
  EXPECT_NEAR(static_cast<double>(size.rows()), 250, 1);
}

TEST(BatchSizeTest, StaysWithinItsBounds) {
  BatchSize size(SmallOptions());
  for (int i = 0; i < 20; ++i) RecordFull(size, kNoTime);
  EXPECT_EQ(size.rows(), 5000);
  size.Record(5000, absl::Hours(1));
  size.Record(5000, absl::Hours(1));
  EXPECT_EQ(size.rows(), 100);
}

TEST(BatchSizeTest, OneSlowBatchOfTenIsLetPass) {
  BatchSize size(SmallOptions());
  for (int i = 0; i < 10; ++i) RecordFull(size, absl::Microseconds(100));
  const std::int64_t before = size.rows();
  RecordFull(size, absl::Milliseconds(10));
  EXPECT_EQ(size.rows(), before);
}

TEST(BatchSizeTest, TwoSlowBatchesOfTenShrinkIt) {
  BatchSize size(SmallOptions());
  for (int i = 0; i < 10; ++i) RecordFull(size, absl::Microseconds(100));
  RecordFull(size, absl::Microseconds(400));
  RecordFull(size, absl::Microseconds(400));
  EXPECT_NEAR(static_cast<double>(size.rows()), 250, 1);
}

TEST(BatchSizeTest, ForgetsBatchesThatLeftTheWindow) {
  BatchSize size(SmallOptions());
  for (int i = 0; i < 10; ++i) RecordFull(size, absl::Microseconds(400));
  for (int i = 0; i < 20; ++i) RecordFull(size, absl::Microseconds(100));
  EXPECT_NEAR(static_cast<double>(size.rows()), 1000, 2);
}

TEST(BatchSizeTest, IgnoresBatchesOfAnotherSize) {
  BatchSize size(SmallOptions());
  size.Record(2001, absl::Hours(1));
  size.Record(499, absl::Hours(1));
  size.Record(0, absl::Hours(1));
  size.Record(-1, absl::Hours(1));
  EXPECT_EQ(size.rows(), 1000);
}

TEST(BatchSizeTest, HeedsBatchesOffByAFactorOfTwo) {
  BatchSize size(SmallOptions());
  size.Record(2000, absl::Milliseconds(400));
  EXPECT_NEAR(static_cast<double>(size.rows()), 500, 1);
  size.Record(250, absl::Milliseconds(100));
  EXPECT_NEAR(static_cast<double>(size.rows()), 250, 1);
}

TEST(BatchSizeTest, ATimeThatRunsBackwardsCountsAsNone) {
  BatchSize size(SmallOptions());
  size.Record(1000, absl::Seconds(-5));
  EXPECT_EQ(size.rows(), 1500);
}

TEST(BatchSizeTest, ShrinkHalvesDownToTheMinimum) {
  BatchSize size(SmallOptions());
  size.Shrink();
  EXPECT_EQ(size.rows(), 500);
  for (int i = 0; i < 10; ++i) size.Shrink();
  EXPECT_EQ(size.rows(), 100);
}

TEST(BatchSizeTest, GrowsFromASingleRow) {
  BatchSize::Options options = SmallOptions();
  options.rows_first = 1;
  options.rows_min = 1;
  BatchSize size(options);
  size.Record(1, kNoTime);
  EXPECT_EQ(size.rows(), 2);
}

}  // namespace
}  // namespace throttle
