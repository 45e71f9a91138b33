#include "tests/server/writer.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/server/members.h"

namespace server {
namespace {

std::string ApplicationName(int residue) { return absl::StrCat("writer", residue); }

constexpr std::int64_t kOwnOwners = 1000000;  // Each writer has that many owners to itself.

}  // namespace

Writer::Writer(const Target& target, int residue, const WriterOptions& options)
    : target_(target),
      residue_(residue),
      options_(options),
      random_(options.seed * 1000 + static_cast<std::uint32_t>(residue)),
      client_(target.Conninfo(ApplicationName(residue))),
      can_merge_(client_.Number("SHOW server_version_num") >= 150000),
      last_owner_(client_.Number(
          "SELECT coalesce(max(id), $1) FROM public.owners WHERE id > $1 AND id < $2",
          {std::to_string(residue * kOwnOwners), std::to_string((residue + 1) * kOwnOwners)})) {
  report_.ledger = ReadLedger(client_, {residue});
  const std::int64_t last = client_.Number("SELECT coalesce(max(id), 0) FROM public.members");
  last_key_ = (last / kResidues + 1) * kResidues + residue_;
}

void Writer::Step() {
  Draft draft(report_.ledger);
  constexpr Envelope kEnvelopes[] = {
      Envelope::kSingle,      Envelope::kSingle,      Envelope::kSingle,
      Envelope::kTransaction, Envelope::kTransaction, Envelope::kSavepoint,
      Envelope::kRollback,    Envelope::kTwoPhase,    Envelope::kReplica};
  Envelope envelope = random_.OneOf(kEnvelopes);
  if (envelope == Envelope::kTwoPhase && !options_.two_phase) envelope = Envelope::kTransaction;
  if (envelope == Envelope::kReplica && !options_.replica_role) envelope = Envelope::kSingle;
  try {
    Transact(draft, envelope);
    draft.ApplyTo(report_.ledger);
    ++report_.transactions;
  } catch (const ServerError& error) {
    if (error.sqlstate() == kConnectionLost || !client_.connected()) {
      Reconnect(draft);
      return;
    }
    if (error.sqlstate() == "40001" && options_.retries_serialization_failures) {
      ++report_.serialization_failures;
    } else {
      report_.errors.push_back(absl::StrCat(ApplicationName(residue_), ": ", error.what()));
    }
    (void)client_.Try("ROLLBACK");
  }
}

void Writer::Transact(Draft& draft, Envelope envelope) {
  if (envelope == Envelope::kSingle) {
    RunSome(draft, true);
    return;
  }
  Send("BEGIN");
  if (envelope == Envelope::kReplica) Send("SET LOCAL session_replication_role = replica");
  // Foreign keys do nothing in the replica role.
  const bool cascades = envelope != Envelope::kReplica;
  for (std::int64_t i = random_.Between(1, 3); i > 0; --i) RunSome(draft, cascades);
  if (envelope == Envelope::kSavepoint) {
    const Draft savepoint = draft;
    Send("SAVEPOINT here");
    for (std::int64_t i = random_.Between(1, 3); i > 0; --i) RunSome(draft, cascades);
    Send("ROLLBACK TO here");
    draft = savepoint;
    RunSome(draft, cascades);
  }
  if (envelope == Envelope::kRollback) {
    draft = Draft(report_.ledger);
    Send("ROLLBACK");
  } else if (envelope == Envelope::kTwoPhase) {
    PrepareAndEnd(draft);
  } else {
    Send("COMMIT");
  }
}

void Writer::PrepareAndEnd(Draft& draft) {
  prepared_ = absl::StrCat(target_.database, "-", client_.backend_pid(), "-", ++prepared_count_);
  Send("PREPARE TRANSACTION " + Literal(prepared_));
  std::this_thread::sleep_for(milliseconds(random_.Between(0, 20)));
  if (random_.OneIn(3)) {
    draft = Draft(report_.ledger);
    Send("ROLLBACK PREPARED " + Literal(prepared_));
  } else {
    Send("COMMIT PREPARED " + Literal(prepared_));
  }
  prepared_.clear();
}

void Writer::RunSome(Draft& draft, bool cascades) {
  constexpr Operation kPlain[] = {
      &Writer::Insert,     &Writer::InsertMany, &Writer::Copy,           &Writer::Upsert,
      &Writer::UpdateKey,  &Writer::SwapKeys,   &Writer::MoveByCte,      &Writer::UpdateOwner,
      &Writer::UpdateRank, &Writer::UpdateRank, &Writer::UpdateOthers,   &Writer::UpdateMany,
      &Writer::Delete,     &Writer::Delete,     &Writer::DeleteAndInsert};
  if (cascades && random_.OneIn(8)) {
    return random_.OneIn(2) ? CascadeUpdate(draft) : CascadeDelete(draft);
  }
  if (can_merge_ && random_.OneIn(12)) return Merge(draft);
  (this->*random_.OneOf(kPlain))(draft);
}

void Writer::Reconnect(const Draft& draft) {
  ++report_.lost_connections;
  if (!options_.survives_restarts) report_.errors.emplace_back("a writer lost its connection");
  std::map<std::int64_t, std::optional<Member>> before;
  for (const auto& [id, unused] : draft.changes()) {
    const auto known = report_.ledger.find(id);
    before[id] = known == report_.ledger.end() ? std::nullopt : std::make_optional(known->second);
  }
  bool committed = false;
  bool rolled_back = false;
  // The server may go away again at any of these questions.
  const bool resolved = Eventually([&] {
    try {
      client_ = Client(target_.Conninfo(ApplicationName(residue_)));
      // A prepared transaction that nobody ended is rolled back now.
      if (!prepared_.empty() && client_.Holds("EXISTS (SELECT FROM pg_prepared_xacts WHERE gid = " +
                                              Literal(prepared_) + ")")) {
        client_.Exec("ROLLBACK PREPARED " + Literal(prepared_));
      }
      committed = Matches(draft.changes());
      rolled_back = Matches(before);
      return true;
    } catch (const ServerError&) {
      return false;
    }
  });
  prepared_.clear();
  if (!resolved) {
    report_.errors.emplace_back("a writer could not connect again");
  } else if (committed) {
    draft.ApplyTo(report_.ledger);
  } else if (!rolled_back) {
    report_.errors.push_back(absl::StrCat(ApplicationName(residue_),
                                          ": half of a transaction survived a lost connection"));
  }
}

bool Writer::Matches(const std::map<std::int64_t, std::optional<Member>>& rows) {
  for (const auto& [id, expected] : rows) {
    const Rows found = client_.Query(
        "SELECT owner_id, rank, label, payload, hits FROM public.members WHERE id = $1",
        {std::to_string(id)});
    if (found.empty() != !expected.has_value()) return false;
    if (!expected) continue;
    const Row& row = found[0];
    if (!(Member{row[0], row[1], row[2], row[3], std::stoi(*row[4])} == *expected)) return false;
  }
  return true;
}

void Writer::Send(const std::string& sql) {
  const Clock::time_point from = Clock::now();
  client_.Exec(sql);
  Timed(sql, from);
}

void Writer::Timed(const std::string& sql, Clock::time_point from) {
  const auto elapsed = std::chrono::duration_cast<milliseconds>(Clock::now() - from);
  if (elapsed <= report_.longest_statement) return;
  report_.longest_statement = elapsed;
  report_.longest_sql = sql.substr(0, 200);
}

Member Writer::RandomMember() {
  return {random_.Owner(), random_.Rank(), random_.Label(), random_.Payload(), 0};
}

std::int64_t Writer::NewKey() { return last_key_ += kResidues; }

std::int64_t Writer::AnyKey(const Draft& draft) {
  return draft.KeyFrom(random_.Between(1, last_key_));
}

std::string Writer::Values(std::int64_t id, const Member& member) const {
  return absl::StrCat("(", id, ", ", LiteralOrNull(member.owner), ", ", LiteralOrNull(member.rank),
                      ", ", LiteralOrNull(member.label), ", ", LiteralOrNull(member.payload), ", ",
                      member.hits, ")");
}

}  // namespace server
