#include "tests/server/ledger.h"

#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/server/members.h"

namespace server {

bool operator==(const Member& a, const Member& b) {
  return std::tie(a.owner, a.rank, a.label, a.payload, a.hits) ==
         std::tie(b.owner, b.rank, b.label, b.payload, b.hits);
}

std::string Shown(const Member& member) {
  return Shown(
      Row{member.owner, member.rank, member.label, member.payload, std::to_string(member.hits)});
}

const Member* Draft::Find(std::int64_t id) const {
  if (const auto change = changes_.find(id); change != changes_.end()) {
    return change->second ? &*change->second : nullptr;
  }
  const auto known = ledger_->find(id);
  return known == ledger_->end() ? nullptr : &known->second;
}

std::int64_t Draft::KeyFrom(std::int64_t from) const {
  auto known = ledger_->lower_bound(from);
  for (std::size_t i = 0; i < 16 && !ledger_->empty(); ++i, ++known) {
    if (known == ledger_->end()) known = ledger_->begin();
    if (Find(known->first) != nullptr) return known->first;
  }
  return 0;
}

std::vector<std::int64_t> Draft::KeysOfOwner(const std::string& owner) const {
  std::vector<std::int64_t> keys;
  for (const auto& [id, member] : *ledger_) {
    if (changes_.count(id) == 0 && member.owner == owner) keys.push_back(id);
  }
  for (const auto& [id, member] : changes_) {
    if (member && member->owner == owner) keys.push_back(id);
  }
  return keys;
}

void Draft::ApplyTo(Ledger& ledger) const {
  for (const auto& [id, member] : changes_) {
    if (member) {
      ledger[id] = *member;
    } else {
      ledger.erase(id);
    }
  }
}

Ledger ReadLedger(Client& client, const std::vector<int>& residues) {
  Ledger ledger;
  const Rows rows = client.Query(absl::StrCat(
      "SELECT id, owner_id, rank, label, payload, hits FROM public.members WHERE id % ", kResidues,
      " = ANY ('{", absl::StrJoin(residues, ","), "}')"));
  for (const Row& row : rows) {
    ledger[std::stoll(*row[0])] = {row[1], row[2], row[3], row[4], std::stoi(*row[5])};
  }
  return ledger;
}

std::vector<std::string> CheckLedger(Client& client, const Ledger& ledger,
                                     const std::vector<int>& residues) {
  constexpr std::size_t kShown = 5;
  const Ledger found = ReadLedger(client, residues);
  std::vector<std::string> differences;
  const auto add = [&differences](std::int64_t id, const std::string& what) {
    if (differences.size() < kShown) differences.push_back(absl::StrCat("key ", id, ": ", what));
  };
  for (const auto& [id, member] : ledger) {
    const auto row = found.find(id);
    if (row == found.end()) {
      add(id, "lost; acknowledged was " + Shown(member));
    } else if (!(row->second == member)) {
      add(id, "acknowledged was " + Shown(member) + "; found " + Shown(row->second));
    }
  }
  for (const auto& [id, member] : found) {
    if (ledger.count(id) == 0) add(id, "should not be there; found " + Shown(member));
  }
  return differences;
}

}  // namespace server
