// What a writer knows: the state of each of its rows after every change that the server
// acknowledged. Rolled-back changes leave it alone.

#ifndef TESTS_SERVER_LEDGER_H_
#define TESTS_SERVER_LEDGER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/client.h"

namespace server {

// A row of the member table as text, except for its key.
struct Member {
  Value owner;
  Value rank;
  Value label;
  Value payload;
  int hits = 0;
};
bool operator==(const Member& a, const Member& b);
std::string Shown(const Member& member);

using Ledger = std::map<std::int64_t, Member>;

// A transaction's changes on top of a ledger. A copy is a savepoint.
class Draft {
 public:
  explicit Draft(const Ledger& ledger) : ledger_(&ledger) {}

  void Put(std::int64_t id, const Member& member) { changes_[id] = member; }
  void Erase(std::int64_t id) { changes_[id] = std::nullopt; }

  // The row as this transaction sees it; nullptr if there is none.
  const Member* Find(std::int64_t id) const;

  // An existing key at or after `from`, starting again at the first; 0 if there is none.
  std::int64_t KeyFrom(std::int64_t from) const;

  // All keys whose rows have that owner.
  std::vector<std::int64_t> KeysOfOwner(const std::string& owner) const;

  // Makes the changes the ledger's state.
  void ApplyTo(Ledger& ledger) const;

  // Empty: no row.
  const std::map<std::int64_t, std::optional<Member>>& changes() const { return changes_; }

 private:
  const Ledger* ledger_;
  std::map<std::int64_t, std::optional<Member>> changes_;
};

// The rows of the residue classes `residues` as the member table has them.
Ledger ReadLedger(Client& client, const std::vector<int>& residues);

// A line for each of the first differences between the ledger and the member table's rows of
// those residue classes; empty: equal.
std::vector<std::string> CheckLedger(Client& client, const Ledger& ledger,
                                     const std::vector<int>& residues);

}  // namespace server

#endif  // TESTS_SERVER_LEDGER_H_
