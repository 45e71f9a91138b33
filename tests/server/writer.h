// One application that changes the member table in every way PostgreSQL offers, and keeps a ledger
// of what the server acknowledged.
//
// It owns one residue class of the keys, so that its ledger predicts its rows exactly.

#ifndef TESTS_SERVER_WRITER_H_
#define TESTS_SERVER_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/server/client.h"
#include "tests/server/cluster.h"
#include "tests/server/ledger.h"
#include "tests/server/random.h"
#include "tests/server/wait.h"

namespace server {

struct WriterOptions {
  milliseconds pause{1};           // Between two transactions.
  bool survives_restarts = false;  // A lost connection is no error: connect again and look.
  bool two_phase = true;
  bool replica_role = true;  // Needs a superuser.
  // The application runs in REPEATABLE READ, and does again what ends with 40001: a snapshot that
  // is older than the replacement's last rows cannot be spared that.
  bool retries_serialization_failures = false;
  std::uint32_t seed = 1;
};

struct WriterReport {
  std::int64_t transactions = 0;
  std::int64_t lost_connections = 0;
  std::int64_t serialization_failures = 0;  // Where they are retried.
  std::vector<std::string> errors;          // What an application should never see.
  milliseconds longest_statement{0};
  std::string longest_sql;
  Ledger ledger;
};

// Belongs to one thread.
class Writer {
 public:
  // `residue` is between 1 and kResidues - 1. Starts from the rows that the table has.
  Writer(const Target& target, int residue, const WriterOptions& options);

  // Runs one transaction of a random kind. Whatever goes wrong is in the report.
  void Step();

  const WriterReport& report() const { return report_; }

 private:
  using Operation = void (Writer::*)(Draft&);
  enum class Envelope { kSingle, kTransaction, kSavepoint, kRollback, kTwoPhase, kReplica };

  void Transact(Draft& draft, Envelope envelope);
  void RunSome(Draft& draft, bool cascades);
  void PrepareAndEnd(Draft& draft);
  // After a lost connection: connects again and finds out whether `draft` took effect.
  void Reconnect(const Draft& draft);
  bool Matches(const std::map<std::int64_t, std::optional<Member>>& rows);
  void Send(const std::string& sql);
  void Timed(const std::string& sql, Clock::time_point from);

  // The operations; each is one string of statements, atomic by itself.
  void Insert(Draft& draft);
  void InsertMany(Draft& draft);
  void Copy(Draft& draft);
  void Upsert(Draft& draft);
  void Merge(Draft& draft);
  void UpdateKey(Draft& draft);
  void SwapKeys(Draft& draft);
  void MoveByCte(Draft& draft);
  void UpdateOwner(Draft& draft);
  void UpdateRank(Draft& draft);
  void UpdateOthers(Draft& draft);
  void UpdateMany(Draft& draft);
  void Delete(Draft& draft);
  void DeleteAndInsert(Draft& draft);
  void CascadeUpdate(Draft& draft);
  void CascadeDelete(Draft& draft);

  Member RandomMember();
  std::int64_t NewKey();
  std::int64_t AnyKey(const Draft& draft);  // 0: there is none.
  std::string Values(std::int64_t id, const Member& member) const;

  const Target target_;
  const int residue_;
  const WriterOptions options_;
  Random random_;
  Client client_;
  WriterReport report_;
  bool can_merge_;
  std::string prepared_;  // The global id of a prepared transaction that may be open.
  int prepared_count_ = 0;
  std::int64_t last_key_;
  std::int64_t last_owner_;  // Of the owners that only this writer uses.
};

}  // namespace server

#endif  // TESTS_SERVER_WRITER_H_
