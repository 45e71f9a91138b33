#include "catalog/index_build.h"

#include "gtest/gtest.h"

namespace catalog {
namespace {

constexpr std::int64_t kMB = 1 << 20;
constexpr std::int64_t kGB = 1 << 30;

TEST(SortMemoryTest, RunsOfASmallTableStayInTheCache) {
  EXPECT_EQ(SortMemory(0, 1, 256 * kMB), 8 * kMB);
  EXPECT_LE(SortMemory(500 * kMB, 1, 256 * kMB), 17 * kMB);
  EXPECT_EQ(SortMemory(0, 2, 256 * kMB), 64 * kMB) << "the least for two processes";
  EXPECT_EQ(SortMemory(500 * kMB, 3, 256 * kMB), 96 * kMB);  // each process has its own run
}

TEST(SortMemoryTest, RunsOfALargeTableAreSoFewThatOneMergeIsEnough) {
  constexpr std::int64_t kMergeBuffer = 264 << 10;
  for (const std::int64_t heap : {20 * kGB, 100 * kGB, 1000 * kGB}) {
    const std::int64_t memory = SortMemory(heap, 1, 1000 * kGB);
    EXPECT_GT(memory, 32 * kMB);
    EXPECT_LE(2 * heap / memory, memory / kMergeBuffer + 1) << heap;
    EXPECT_GE(2 * heap / (memory / 2), memory / 2 / kMergeBuffer) << "not more than it takes";
  }
}

TEST(SortMemoryTest, TheProfileHasTheLastWord) {
  EXPECT_EQ(SortMemory(1000 * kGB, 4, 256 * kMB), 256 * kMB);
  EXPECT_EQ(SortMemory(0, 1, kMB), kMB);
}

}  // namespace
}  // namespace catalog
