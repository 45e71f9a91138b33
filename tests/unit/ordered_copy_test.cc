#include "restructure/table/ordered_copy.h"

#include "gtest/gtest.h"

namespace restructure {
namespace {

constexpr std::int64_t kMB = 1 << 20;
constexpr std::int64_t kGB = 1 << 30;

TEST(OrderedCopyTest, ASmallTableIsReadOnceARange) {
  const OrderedCopy small = ChooseOrderedCopy(10 * kMB, kGB, 64 * kMB);
  EXPECT_FALSE(small.scattered);
  EXPECT_EQ(small.ranges, 16);  // more than workers
  const OrderedCopy larger = ChooseOrderedCopy(20 * 64 * kMB, 0, 64 * kMB);
  EXPECT_FALSE(larger.scattered);
  EXPECT_EQ(larger.ranges, 21);
}

TEST(OrderedCopyTest, ALargeOneIsTooWhereMemoryHoldsIt) {
  const OrderedCopy held = ChooseOrderedCopy(16 * kGB, 32 * kGB, 64 * kMB);
  EXPECT_FALSE(held.scattered);
  EXPECT_EQ(held.ranges, 32);
  EXPECT_TRUE(ChooseOrderedCopy(16 * kGB + 1, 32 * kGB, 64 * kMB).scattered);
}

TEST(OrderedCopyTest, ElseItIsScatteredIntoNoMoreTablesThanABatchMayLock) {
  const OrderedCopy scattered = ChooseOrderedCopy(4 * kGB, kGB, 64 * kMB);
  EXPECT_TRUE(scattered.scattered);
  EXPECT_EQ(scattered.ranges, 65);
  EXPECT_EQ(ChooseOrderedCopy(4000 * kGB, kGB, 64 * kMB).ranges, 256);
}

}  // namespace
}  // namespace restructure
