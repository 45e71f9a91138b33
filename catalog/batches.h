// The statements that move or compare rows: one batch each, inside the caller's transaction, which
// also holds the ledger's mark for the batch.

#ifndef CATALOG_BATCHES_H_
#define CATALOG_BATCHES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/session.h"
#include "catalog/set_definition.h"

namespace catalog {

// The replacement, and where its rows come from.
struct Target {
  SetDefinition set;
  Structure structure;
  // Says who is a member where membership is chosen; empty: every row with an owner.
  std::optional<Structure> members;
};

// A half-open range of blocks.
struct BlockRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

// Rows whose key is greater than `low` and at most `high`; empty: unbounded. Values as text, one
// for each key column.
struct KeyRange {
  std::int64_t number = 0;
  std::vector<std::string> low, high;
};

struct Comparison {
  std::int64_t rows = 0;  // compared
  std::int64_t differences = 0;
  std::vector<std::string> first_keys;  // of the differences, at most ten
};

// Takes the lock that keeps DDL and TRUNCATE out until the transaction ends (ACCESS SHARE).
absl::Status HoldStructureOfSource(Session& session, const Target& target);

// Blocks of the table whose blocks the copy walks, and of the replacement.
absl::StatusOr<std::int64_t> SourceBlocks(Session& session, const Target& target);
absl::StatusOr<std::int64_t> StructureBlocks(Session& session, const Structure& structure);
// Bytes that the copy of a row is to have, by the statistics of the source: of a set the columns
// that it carries, of a table the values out of line, too. 0: there is no such table.
absl::StatusOr<double> SourceRowBytes(Session& session, const Target& target);
// Heap and TOAST bytes of a row of the replacement, as its statistics have them.
absl::StatusOr<double> MeanRowBytes(Session& session, const Structure& structure);

// Copy: returns the rows inserted.
absl::StatusOr<std::int64_t> CopyBlocks(Session& session, const Target& target, BlockRange blocks);
// The same into another table with the replacement's columns.
absl::StatusOr<std::int64_t> InsertBlocks(Session& session, const Target& target,
                                          const QualifiedName& into, BlockRange blocks);
absl::Status EmptyForCopy(Session& session, std::int64_t job_id, const Structure& structure);

// The key log: moves at most `keys_max` entries that are visible to the present snapshot from the
// log to the table of taken keys. Returns how many it took.
absl::StatusOr<std::int64_t> TakeKeys(Session& session, const Target& target,
                                      std::int64_t keys_max);
// Deletes the rows of taken keys from these blocks of a replacement without index.
absl::StatusOr<std::int64_t> SettleBlocks(Session& session, const Target& target,
                                          BlockRange blocks);
// Brings the first `keys_max` taken keys up to date and forgets them; returns how many.
absl::StatusOr<std::int64_t> ApplyTaken(Session& session, const Target& target,
                                        std::int64_t keys_max);
absl::StatusOr<bool> AnyTaken(Session& session, const Structure& structure);
// Keys logged or taken and not applied, counted up to `at_most`.
absl::StatusOr<std::int64_t> Backlog(Session& session, const Structure& structure,
                                     std::int64_t at_most);

// Verify: cuts the replacement into ranges of about `rows` rows, from a sample.
absl::StatusOr<std::vector<KeyRange>> CutIntoRanges(Session& session, const Target& target,
                                                    std::int64_t rows);
// With `key_log`, in a transaction: what has a key there is left out.
absl::StatusOr<Comparison> CompareRange(Session& session, const Target& target,
                                        const KeyRange& range, bool key_log);
// The bytes that the server may use to compare a range. A join wants little: it is faster in parts
// that fit into the processor's cache (Shatdal et al., Cache Conscious Algorithms, VLDB 1994), even
// by way of temporary files. But where rows lie in another order, a range has some on pages all
// over the heap, and a bitmap that has no place for all of these pages forgets which rows of them
// it wants; and logged keys are looked up one by one unless a hash table has place for all.
std::int64_t ComparisonMemory(std::int64_t heap_blocks, std::int64_t key_log_bytes);

// Disconnect: deletes the rows of these blocks.
absl::StatusOr<std::int64_t> DisconnectBlocks(Session& session, const Structure& structure,
                                              BlockRange blocks);

// The ledger's marks. A mark is unique by its low end: inserting it first makes the batch
// exactly-once, kAlreadyExists says that it was done.
absl::Status MarkBlocks(Session& session, std::int64_t job_id, const std::string& pass,
                        BlockRange blocks, std::int64_t rows);
absl::StatusOr<std::vector<std::pair<BlockRange, std::int64_t>>> MarkedBlocks(
    Session& session, std::int64_t job_id, const std::string& pass);
absl::Status ClearMarks(Session& session, std::int64_t job_id, const std::string& pass);
absl::Status SaveRanges(Session& session, std::int64_t job_id, const std::vector<KeyRange>& ranges);
struct MarkedRange {
  KeyRange range;
  bool done = false;
  std::int64_t rows = 0;
};
absl::StatusOr<std::vector<MarkedRange>> LoadRanges(Session& session, std::int64_t job_id);
absl::Status MarkRange(Session& session, std::int64_t job_id, const KeyRange& range,
                       std::int64_t rows);

}  // namespace catalog

#endif  // CATALOG_BATCHES_H_
