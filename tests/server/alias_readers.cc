#include "tests/server/alias_readers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/server/members.h"

namespace server {
namespace {

constexpr char kFingerprint[] =
    "SELECT count(*), sum(id), sum(hashtextextended(concat_ws('|', owner_id, label, id, rank), 0)"
    "::numeric) FROM ";

}  // namespace

AliasReaders::AliasReaders(const Target& target, const AliasReadersOptions& options)
    : reads_(static_cast<std::size_t>(options.read_committed + options.repeatable_read)) {
  Client client(target.Conninfo("reader"));
  for (int owner = 1; owner <= kQuietOwners; ++owner) {
    expected_.emplace_back();
    for (const std::string& order : options.orders) {
      expected_.back().push_back(client.Query(absl::StrCat(
          "SELECT owner_id, label, id, rank FROM public.members WHERE owner_id = ", owner,
          " ORDER BY ", order)));
    }
  }
  for (int i = 0; i < options.read_committed + options.repeatable_read; ++i) {
    std::atomic<int>& reads = reads_[static_cast<std::size_t>(i)];
    const bool repeatable = i >= options.read_committed;
    threads_.emplace_back([this, &reads, repeatable, target, age = options.snapshot_age] {
      try {
        while (!stopping_) {
          if (repeatable) {
            RepeatableRead(target, age);
          } else {
            ReadCommitted(target);
          }
          ++reads;
        }
      } catch (const std::exception& error) {
        Complain(absl::StrCat("a reader failed: ", error.what()));
      }
    });
  }
}

AliasReaders::~AliasReaders() { (void)Complaints(); }

// One round with one connection: a statement prepared before the swap must live through it.
void AliasReaders::ReadCommitted(const Target& target) {
  constexpr int kRounds = 400;
  Client client(target.Conninfo("reader"));
  client.Prepare("members", "SELECT * FROM public.members_of_owner WHERE owner_id = $1");
  for (int round = 0; round < kRounds && !stopping_; ++round) {
    const std::size_t owner = static_cast<std::size_t>(round) % kQuietOwners;
    const Rows rows = client.QueryPrepared("members", {std::to_string(owner + 1)});
    const std::vector<Rows>& orders = expected_[owner];
    if (std::find(orders.begin(), orders.end(), rows) == orders.end()) {
      return Complain(absl::StrCat("owner ", owner + 1, " has ", rows.size(),
                                   " members instead of ", orders[0].size(), ", or a wrong order"));
    }
  }
}

void AliasReaders::RepeatableRead(const Target& target, milliseconds snapshot_age) {
  Client client(target.Conninfo("reader"));
  client.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ");
  const std::string members =
      Shown(client.Query(absl::StrCat(kFingerprint, "public.members WHERE owner_id IS NOT NULL")));
  std::this_thread::sleep_for(snapshot_age);
  const std::string alias =
      Shown(client.Query(absl::StrCat(kFingerprint, "public.members_of_owner")));
  client.Exec("COMMIT");
  if (members != alias) {
    Complain(absl::StrCat("one snapshot, two truths: member table ", members, "alias ", alias));
  }
}

void AliasReaders::Complain(const std::string& complaint) {
  constexpr std::size_t kMost = 20;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (complaints_.size() < kMost) complaints_.push_back(complaint);
}

bool AliasReaders::Await(int reads) {
  std::vector<int> goals;
  for (const std::atomic<int>& count : reads_) goals.push_back(count + reads);
  return Eventually([this, &goals] {
    return std::equal(goals.begin(), goals.end(), reads_.begin(),
                      [](int goal, const std::atomic<int>& count) { return count >= goal; });
  });
}

std::vector<std::string> AliasReaders::Complaints() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  const std::lock_guard<std::mutex> lock(mutex_);
  return complaints_;
}

}  // namespace server
