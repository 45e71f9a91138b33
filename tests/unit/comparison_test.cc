// How much memory the server is given to compare a range.

#include "catalog/batches.h"
#include "gtest/gtest.h"

namespace catalog {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

TEST(ComparisonMemoryTest, JoinsStayInTheCache) {
  EXPECT_EQ(ComparisonMemory(0, 0), 4 * kMiB);
  EXPECT_EQ(ComparisonMemory(60000, 0), 4 * kMiB);
}

TEST(ComparisonMemoryTest, ABitmapHasPlaceForEachPage) {
  EXPECT_EQ(ComparisonMemory(1 << 20, 0), 64 * kMiB);
}

TEST(ComparisonMemoryTest, LoggedKeysFitIntoAHashTable) {
  constexpr std::int64_t kLogged = 36;  // bytes of a bigint in a heap: line pointer, header, value
  constexpr std::int64_t kHashed = 32;  // as the planner reckons: subplan_is_hashable
  for (const std::int64_t keys : {200000, 1000000, 3000000}) {
    EXPECT_GE(ComparisonMemory(0, keys * kLogged), keys * kHashed) << keys;
  }
}

TEST(ComparisonMemoryTest, ThereIsAnEnd) {
  EXPECT_EQ(ComparisonMemory(1 << 30, 0), 256 * kMiB);
  EXPECT_EQ(ComparisonMemory(0, std::int64_t{1} << 40), 256 * kMiB);
}

}  // namespace
}  // namespace catalog
