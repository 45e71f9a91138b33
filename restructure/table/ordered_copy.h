// How the rows of a table come into an order.

#ifndef RESTRUCTURE_TABLE_ORDERED_COPY_H_
#define RESTRUCTURE_TABLE_ORDERED_COPY_H_

#include <cstdint>

#include "restructure/job.h"

namespace restructure {

struct OrderedCopy {
  std::int64_t ranges = 0;  // of the order: each is sorted in one transaction
  bool scattered = false;   // into range tables first; else each range is read out of the source
};

// Reading the source once for each range is the faster way while the ranges are few, or while the
// server's memory holds the source. `cache_bytes`: what it may be taken to hold, its
// effective_cache_size. `range_bytes`: what a range should have, to be sorted in memory.
OrderedCopy ChooseOrderedCopy(std::int64_t table_bytes, std::int64_t cache_bytes,
                              std::int64_t range_bytes);

}  // namespace restructure

#endif  // RESTRUCTURE_TABLE_ORDERED_COPY_H_
