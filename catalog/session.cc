#include "catalog/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "catalog/failpoint.h"
#include "catalog/names.h"
#include "catalog/pqxx_compat.h"

namespace catalog {
namespace {

// The server's message and its details, without "ERROR:  " and without the piece of our statement
// that it shows, which tells an operator nothing.
std::string ServerMessage(absl::string_view what) {
  for (absl::string_view prefix : {"ERROR:  ", "FATAL:  ", "PANIC:  "}) {
    if (absl::StartsWith(what, prefix)) what.remove_prefix(prefix.size());
  }
  std::vector<std::string> lines;
  bool caret_follows = false;
  for (absl::string_view line : absl::StrSplit(what, '\n')) {
    const bool caret = caret_follows;
    caret_follows = absl::StartsWith(line, "LINE ");
    if (caret || caret_follows || absl::StripAsciiWhitespace(line).empty()) continue;
    if (absl::StartsWith(line, "CONTEXT:")) break;
    lines.push_back(std::string(line));
  }
  return absl::StrReplaceAll(absl::StrJoin(lines, "\n"),
                             {{"HINT:  ", "HINT: "}, {"DETAIL:  ", "DETAIL: "}});
}

absl::StatusCode CodeFor(absl::string_view sqlstate) {
  if (sqlstate == "55P03" || sqlstate == "57014") return absl::StatusCode::kDeadlineExceeded;
  if (absl::StartsWith(sqlstate, "57P") || absl::StartsWith(sqlstate, "08")) {
    return absl::StatusCode::kUnavailable;
  }
  // 25P03: idle in transaction for too long; the backend is gone.
  if (sqlstate == "25P03" || sqlstate == "25P04") return absl::StatusCode::kUnavailable;
  if (absl::StartsWith(sqlstate, "40")) return absl::StatusCode::kAborted;
  if (absl::StartsWith(sqlstate, "53")) return absl::StatusCode::kResourceExhausted;
  if (sqlstate == "42501") return absl::StatusCode::kPermissionDenied;
  if (sqlstate == "42P01" || sqlstate == "42703" || sqlstate == "42883" || sqlstate == "3F000" ||
      sqlstate == "42704") {
    return absl::StatusCode::kNotFound;
  }
  if (sqlstate == "42P07" || sqlstate == "42710" || sqlstate == "23505" || sqlstate == "23P01") {
    return absl::StatusCode::kAlreadyExists;
  }
  // A value that cannot be computed, NULL where there must be one, a failed CHECK.
  if (absl::StartsWith(sqlstate, "22") || sqlstate == "23502" || sqlstate == "23514") {
    return absl::StatusCode::kOutOfRange;
  }
  if (sqlstate == "25006" || sqlstate == "23503") return absl::StatusCode::kFailedPrecondition;
  return absl::StatusCode::kInternal;
}

// Turns the exception that is being handled into a status. `open` tells whether the connection
// still stands.
absl::Status CurrentExceptionStatus(bool open) {
  try {
    throw;
  } catch (const pqxx::broken_connection& error) {
    return absl::UnavailableError(ServerMessage(error.what()));
  } catch (const pqxx::transaction_rollback& error) {
    return absl::AbortedError(ServerMessage(error.what()));
  } catch (const pqxx::in_doubt_error& error) {
    return absl::UnknownError(ServerMessage(error.what()));
  } catch (const pqxx::sql_error& error) {
    if (!open) return absl::UnavailableError(ServerMessage(error.what()));
    return absl::Status(CodeFor(error.sqlstate()), ServerMessage(error.what()));
  } catch (const std::exception& error) {
    if (!open) return absl::UnavailableError(ServerMessage(error.what()));
    return absl::InternalError(ServerMessage(error.what()));
  }
}

std::string Milliseconds(absl::Duration duration) {
  return absl::StrCat("'", absl::ToInt64Milliseconds(duration), "ms'");
}

constexpr char kPins[] =
    "SET search_path = pg_catalog, pg_temp; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD';"
    "SET IntervalStyle = 'postgres'; SET extra_float_digits = 1; SET bytea_output = 'hex';"
    "SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = "
    "off;"
    "SET lock_timeout = 0; SET row_security = off; SET jit = off;"
    "SET idle_in_transaction_session_timeout = '60s'; SET default_tablespace = '';"
    "SET client_min_messages = warning; SET standard_conforming_strings = on;"
    "SET client_encoding = 'UTF8'; SET check_function_bodies = on;"
    "SET enable_tidscan = on; SET enable_indexscan = on; SET enable_indexonlyscan = on;"
    "SET enable_hashjoin = on; SET enable_mergejoin = on; SET enable_nestloop = on;"
    "SET enable_seqscan = on; SET enable_sort = on; SET plan_cache_mode = auto;"
    // How many processes work is for us to say, not for the planner, and not for VACUUM.
    "SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0";

}  // namespace

std::int64_t ToInt(const Value& value) {
  std::int64_t number = 0;
  if (value) (void)absl::SimpleAtoi(*value, &number);
  return number;
}

double ToDouble(const Value& value) {
  double number = 0;
  if (value) (void)absl::SimpleAtod(*value, &number);
  return number;
}

bool ToBool(const Value& value) { return value && *value == "t"; }

std::string ToText(const Value& value) { return value.value_or(""); }

namespace {

constexpr char kMicroseconds[] =
    "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint";

// In nanoseconds, which are atomic.
std::atomic<std::int64_t> active_of_all{0};
std::atomic<std::int64_t> transactions_of_all{0};

}  // namespace

struct Session::Implementation {
  std::unique_ptr<pqxx::connection> connection;
  Notices notices;  // Before the transaction: both need the connection.
  std::unique_ptr<pqxx::nontransaction> channel;
  std::vector<std::string> search_path;
  std::map<std::string, std::string> prepared;  // statement to name
  std::int64_t affected_rows = 0;
  bool in_transaction = false;
  bool lost = false;

  std::int64_t locked_at = 0;  // in microseconds; 0: there was no Lock in the transaction
  LockTimes lock_times;

  // Of the present transaction; and the least that any answer took, which is not the server's time.
  absl::Duration active;
  absl::Duration way = absl::InfiniteDuration();

  bool Open() const { return !lost && connection->is_open(); }

  void Count(absl::Duration elapsed) {
    way = std::min(way, elapsed);
    active += elapsed - way;
    if (!in_transaction) TransactionEnded();
  }

  void TransactionEnded() {
    active_of_all += absl::ToInt64Nanoseconds(active);
    ++transactions_of_all;
    active = absl::ZeroDuration();
  }

  // The name of the statement.
  const std::string& Prepared(const std::string& sql) {
    const auto found = prepared.find(sql);
    if (found != prepared.end()) return found->second;
    const std::string name = absl::StrCat("s", prepared.size());
    connection->prepare(name, sql);
    if (!in_transaction) ++transactions_of_all;  // Parsing is one, too.
    return prepared.emplace(sql, name).first->second;
  }

  // With the time at which a Lock was released: the same message has the question for it.
  absl::StatusOr<Rows> Commit() {
    // The server counts what a session did up to a second late, unless it is told not to.
    std::string sql = connection->server_version() >= 150000
                          ? "SELECT pg_catalog.pg_stat_force_next_flush(); COMMIT"
                          : "COMMIT";
    if (locked_at != 0) absl::StrAppend(&sql, "; SELECT ", kMicroseconds);
    absl::StatusOr<Rows> rows = Fetch([&] { return channel->exec(sql); });
    if (!rows.ok() || locked_at == 0) return rows;
    ++transactions_of_all;  // The question was one, too.
    lock_times.held =
        absl::Microseconds(std::max<std::int64_t>(ToInt(rows->front()[0]) - locked_at, 0));
    return rows;
  }

  template <typename Run>
  absl::StatusOr<Rows> Fetch(Run run) {
    Rows rows;
    absl::Status status = Guarded([&] {
      const pqxx::result result = run();
      affected_rows = static_cast<std::int64_t>(result.affected_rows());
      rows.reserve(static_cast<std::size_t>(result.size()));
      for (const auto& from : result) {
        Row row;
        row.reserve(static_cast<std::size_t>(from.size()));
        for (const auto& field : from) {
          row.push_back(field.is_null() ? Value()
                                        : Value(std::string(field.c_str(), field.size())));
        }
        rows.push_back(std::move(row));
      }
    });
    if (!status.ok()) return status;
    return rows;
  }

  template <typename Run>
  absl::Status Guarded(Run run) {
    if (lost) return absl::UnavailableError("the connection to the server was lost");
    absl::Status status;
    const absl::Time start = absl::Now();
    try {
      run();
    } catch (...) {
      status = CurrentExceptionStatus(Open());
      if (absl::IsUnavailable(status)) lost = true;
    }
    Count(absl::Now() - start);
    return status;
  }
};

Session::Session(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
Session::~Session() = default;

absl::StatusOr<std::unique_ptr<Session>> Session::Open(const std::string& conninfo,
                                                       const std::string& application_name) {
  auto implementation = std::make_unique<Implementation>();
  try {
    implementation->connection = std::make_unique<pqxx::connection>(conninfo);
    ForbidReconnecting(*implementation->connection);
    implementation->notices = DropNotices(*implementation->connection);
    implementation->channel = std::make_unique<pqxx::nontransaction>(*implementation->connection);
  } catch (const std::exception& error) {
    return absl::UnavailableError(ServerMessage(error.what()));
  }
  auto session = std::unique_ptr<Session>(new Session(std::move(implementation)));
  // First of all: on a server that is busy, the role's own limit may be too short for what follows.
  if (absl::Status set = session->Execute("SET statement_timeout = 0"); !set.ok()) return set;
  absl::StatusOr<Rows> before = session->Query(
      "SELECT s, pg_catalog.current_setting('server_version_num')::int,"
      " pg_catalog.current_setting('session_replication_role')"
      " FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) s UNION ALL"
      " SELECT NULL, pg_catalog.current_setting('server_version_num')::int,"
      " pg_catalog.current_setting('session_replication_role')");
  if (!before.ok()) return before.status();
  for (const Row& row : *before) {
    if (row[0]) session->implementation_->search_path.push_back(*row[0]);
  }
  if (absl::Status pinned = session->Execute(kPins); !pinned.ok()) return pinned;
  const std::int64_t version = ToInt(before->back()[1]);
  std::string more = absl::StrCat("SET application_name = ", QuoteLiteral(application_name));
  if (version >= 140000) absl::StrAppend(&more, "; SET client_connection_check_interval = '1s'");
  if (version >= 170000) absl::StrAppend(&more, "; SET transaction_timeout = 0");
  if (ToText(before->back()[2]) != "origin") {
    absl::StrAppend(&more, "; SET session_replication_role = origin");
  }
  if (absl::Status pinned = session->Execute(more); !pinned.ok()) return pinned;
  return session;
}

absl::StatusOr<Rows> Session::Query(const std::string& sql, const std::vector<Value>& parameters) {
  return implementation_->Fetch(
      [&] { return ExecWithParameters(*implementation_->channel, sql, parameters); });
}

absl::StatusOr<Rows> Session::QueryPrepared(const std::string& sql,
                                            const std::vector<Value>& parameters) {
  return implementation_->Fetch([&] {
    return ExecPrepared(*implementation_->channel, implementation_->Prepared(sql), parameters);
  });
}

absl::Status Session::Execute(const std::string& sql) {
  return implementation_->Guarded([&] { implementation_->channel->exec(sql); });
}

absl::Status Session::Lock(const std::string& sql) {
  if (implementation_->locked_at != 0) return Execute(sql);
  // The statement began when the server received it.
  absl::StatusOr<Rows> granted = implementation_->Fetch([&] {
    return implementation_->channel->exec(absl::StrCat(
        sql, "; SELECT ", kMicroseconds,
        ", (extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())"
        " * 1000000)::bigint"));
  });
  if (!granted.ok()) return granted.status();
  implementation_->locked_at = ToInt(granted->front()[0]);
  implementation_->lock_times.waited = absl::Microseconds(ToInt(granted->front()[1]));
  return absl::OkStatus();
}

LockTimes Session::lock_times() const { return implementation_->lock_times; }

std::int64_t Session::affected_rows() const { return implementation_->affected_rows; }
Usage Session::OfAll() {
  return {absl::Nanoseconds(active_of_all.load()), transactions_of_all.load()};
}
int Session::backend_pid() const { return implementation_->connection->backendpid(); }
int Session::socket() const { return implementation_->connection->sock(); }
const std::vector<std::string>& Session::search_path() const {
  return implementation_->search_path;
}
bool Session::in_transaction() const { return implementation_->in_transaction; }
void Session::Cut() { (void)shutdown(socket(), SHUT_RDWR); }
void Session::CutReceiving() { (void)shutdown(socket(), SHUT_RD); }

absl::StatusOr<Transaction> Transaction::Begin(Session& session, absl::string_view label,
                                               Timeouts timeouts) {
  Session::Implementation& implementation = *session.implementation_;
  implementation.in_transaction = true;
  implementation.locked_at = 0;
  implementation.lock_times = {};
  absl::Status begun = session.Execute(
      absl::StrCat("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = ",
                   Milliseconds(timeouts.lock),
                   "; SET LOCAL statement_timeout = ", Milliseconds(timeouts.statement)));
  implementation.in_transaction = begun.ok();
  if (!begun.ok()) return begun;
  return Transaction(session, label);
}

Transaction::Transaction(Transaction&& other) noexcept
    : session_(std::exchange(other.session_, nullptr)), label_(std::move(other.label_)) {}

Transaction::~Transaction() {
  if (session_ == nullptr) return;
  if (!session_->implementation_->lost) (void)session_->Execute("ROLLBACK");
  session_->implementation_->in_transaction = false;
  session_->implementation_->TransactionEnded();
}

absl::Status Transaction::Commit() {
  Session& session = *session_;
  if (absl::Status status =
          FailpointHit(absl::StrCat(label_, ".before_commit"), [&] { session.Cut(); });
      !status.ok()) {
    return status;
  }
  if (absl::Status status =
          FailpointHit(absl::StrCat(label_, ".commit_unanswered"), [&] { session.CutReceiving(); });
      !status.ok()) {
    return status;
  }
  Session::Implementation& implementation = *session.implementation_;
  absl::StatusOr<Rows> committed = implementation.Commit();
  if (absl::IsUnavailable(committed.status())) {
    return absl::UnknownError(
        absl::StrCat("the connection was lost during COMMIT (", committed.status().message(), ")"));
  }
  // The COMMIT may have been done, and the question after it been cancelled.
  if (absl::IsDeadlineExceeded(committed.status()) && implementation.locked_at != 0) {
    return absl::UnknownError(
        absl::StrCat("a COMMIT was cancelled (", committed.status().message(), ")"));
  }
  if (!committed.ok()) return committed.status();
  implementation.in_transaction = false;
  implementation.TransactionEnded();
  session_ = nullptr;
  return FailpointHit(absl::StrCat(label_, ".after_commit"), [&] { session.Cut(); });
}

absl::Status CommitWithoutFlush(Session& session) {
  return session.Execute("SET LOCAL synchronous_commit = off");
}

absl::Status Transaction::KeepSnapshot() {
  return session_->Execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
}

absl::Status LimitTransaction(Session& session, absl::Duration limit) {
  return session.Execute(absl::StrCat("SET LOCAL statement_timeout = ", Milliseconds(limit)));
}

}  // namespace catalog
