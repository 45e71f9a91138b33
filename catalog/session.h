// One connection to PostgreSQL, pinned: search_path, time zone, formats, isolation level,
// timeouts, row_security and the application's name are set once and the same whatever the role's
// or database's own settings are. It never reconnects by itself: a lost session is replaced by a
// new one.
//
// A session belongs to one thread at a time. libpqxx's exceptions stop here; codes mean actions:
//   kUnavailable         the connection is gone: open a new session
//   kAborted             deadlock or serialization failure: redo the transaction
//   kDeadlineExceeded    a lock or the statement's time was not granted: back off
//   kUnknown             the connection was lost during COMMIT: look first, never retry
//   kPermissionDenied, kNotFound, kAlreadyExists, kResourceExhausted, kFailedPrecondition:
//                        the operator must act
//   kInternal            anything else the server says

#ifndef CATALOG_SESSION_H_
#define CATALOG_SESSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace catalog {

using Value = std::optional<std::string>;  // NULL is empty.
using Row = std::vector<Value>;
using Rows = std::vector<Row>;

// A value as a number or text; 0, false or "" for NULL.
std::int64_t ToInt(const Value& value);
double ToDouble(const Value& value);
bool ToBool(const Value& value);
std::string ToText(const Value& value);

// What sessions did: how long statements of theirs ran, and the transactions that ended.
struct Usage {
  absl::Duration active;
  std::int64_t transactions = 0;
};

// By the server's clock: on a busy machine its answers are heard late.
struct LockTimes {
  absl::Duration held;    // from the end of the first Lock until the COMMIT has released all
  absl::Duration waited;  // in the first Lock
};

class Session {
 public:
  // Connects and pins. `application_name` is what pg_stat_activity shows of it. `conninfo` may
  // hold a password: it is never part of a message.
  static absl::StatusOr<std::unique_ptr<Session>> Open(const std::string& conninfo,
                                                       const std::string& application_name);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs one statement with $1, $2 … and returns its rows. Used by this folder only: elsewhere,
  // what a session can do has a name.
  absl::StatusOr<Rows> Query(const std::string& sql, const std::vector<Value>& parameters = {});

  // The same for what is asked again and again: the server parses it once, and soon plans it once.
  // Not for a statement whose best plan depends on the parameters.
  absl::StatusOr<Rows> QueryPrepared(const std::string& sql,
                                     const std::vector<Value>& parameters = {});

  // Runs statements without parameters, several separated by semicolons.
  absl::Status Execute(const std::string& sql);

  // The same, in a transaction, for what takes a lock that others feel.
  absl::Status Lock(const std::string& sql);
  // Of the present transaction, or the last one. Zero where there was no Lock.
  LockTimes lock_times() const;

  // Rows inserted, updated or deleted by the last Query.
  std::int64_t affected_rows() const;

  // Of all sessions of this process so far, as the server counts it (pg_stat_database): a
  // transaction when it has ended. Thread-safe.
  static Usage OfAll();

  int backend_pid() const;
  int socket() const;
  // The schemas that an unqualified name is looked for in, before the pinning.
  const std::vector<std::string>& search_path() const;
  bool in_transaction() const;

  // Shuts the socket, in one or both directions: for failpoints.
  void Cut();
  void CutReceiving();

 private:
  friend class Transaction;
  struct Implementation;
  explicit Session(std::unique_ptr<Implementation> implementation);

  std::unique_ptr<Implementation> implementation_;
};

// A READ COMMITTED transaction on a session; rolled back when it goes out of scope uncommitted.
class Transaction {
 public:
  struct Timeouts {
    absl::Duration lock = absl::ZeroDuration();       // zero: no limit
    absl::Duration statement = absl::ZeroDuration();  // zero: no limit
  };

  // `label` is one of the names in failpoint.cc. Requires: no transaction open on `session`.
  static absl::StatusOr<Transaction> Begin(Session& session, absl::string_view label,
                                           Timeouts timeouts);
  static absl::StatusOr<Transaction> Begin(Session& session, absl::string_view label) {
    return Begin(session, label, Timeouts());
  }
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // kUnknown if the connection was lost before the answer came, or if a transaction with a Lock was
  // cancelled in it. After any other error the transaction has not taken effect.
  absl::Status Commit();

  // REPEATABLE READ. Requires: no statement yet.
  absl::Status KeepSnapshot();

 private:
  Transaction(Session& session, absl::string_view label) : session_(&session), label_(label) {}

  Session* session_;  // nullptr: moved from, or ended.
  std::string label_;
};

// Limits each further statement of the transaction that is open.
absl::Status LimitTransaction(Session& session, absl::Duration limit);

// For a transaction that holds a lock which others feel: its COMMIT does not wait for the disk (or
// a synchronous standby) while it holds it. A crash of the server then undoes all of the
// transaction or nothing; the next synchronous commit of anybody makes it durable.
absl::Status CommitWithoutFlush(Session& session);

}  // namespace catalog

#endif  // CATALOG_SESSION_H_
