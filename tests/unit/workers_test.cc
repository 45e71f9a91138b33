#include "restructure/workers.h"

#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace restructure {
namespace {

using catalog::BlockRange;

std::vector<std::pair<std::int64_t, std::int64_t>> All(BlockCursor& cursor, std::int64_t rows) {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  while (const auto range = cursor.Next(rows)) ranges.push_back({range->low, range->high});
  return ranges;
}

TEST(BlockCursor, CoversEveryBlockOnceInOrder) {
  BlockCursor cursor(10, {}, 1.0);
  EXPECT_EQ(All(cursor, 4),
            (std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 4}, {4, 8}, {8, 10}}));
}

TEST(BlockCursor, LeavesOutWhatIsMarked) {
  BlockCursor cursor(10, {{{0, 2}, 2}, {{4, 5}, 1}}, 1.0);
  EXPECT_EQ(All(cursor, 3),
            (std::vector<std::pair<std::int64_t, std::int64_t>>{{2, 4}, {5, 8}, {8, 10}}));
}

TEST(BlockCursor, HasNothingToDoOnceAllIsMarked) {
  BlockCursor cursor(10, {{{0, 4}, 4}, {{4, 10}, 6}}, 1.0);
  EXPECT_FALSE(cursor.Next(1).has_value());
  BlockCursor empty(0, {}, 1.0);
  EXPECT_FALSE(empty.Next(1).has_value());
}

TEST(BlockCursor, TakesAtLeastOneBlock) {
  BlockCursor cursor(2, {}, 1000.0);
  EXPECT_EQ(All(cursor, 7), (std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 1}, {1, 2}}));
}

TEST(BlockCursor, LearnsHowManyRowsABlockHas) {
  BlockCursor cursor(1000000, {}, 1.0);
  for (int i = 0; i < 30; ++i) {
    const auto range = cursor.Next(500);
    ASSERT_TRUE(range.has_value());
    cursor.Record(*range, 50 * (range->high - range->low));
  }
  const auto range = cursor.Next(500);
  EXPECT_NEAR(static_cast<double>(range->high - range->low), 10, 1);
}

TEST(BlockCursor, MarksBeyondTheEndAreHarmless) {
  BlockCursor cursor(5, {{{0, 3}, 3}, {{7, 9}, 2}}, 1.0);
  EXPECT_EQ(All(cursor, 10), (std::vector<std::pair<std::int64_t, std::int64_t>>{{3, 5}}));
}

}  // namespace
}  // namespace restructure
