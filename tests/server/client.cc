#include "tests/server/client.h"

#include <libpq-fe.h>

#include <utility>

namespace server {
namespace {

void DropNotice(void*, const PGresult*) {}

std::string Doubled(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += c;
    out += c;
  }
  return out + quote;
}

std::vector<const char*> Pointers(const std::vector<Value>& values) {
  std::vector<const char*> pointers;
  for (const Value& value : values) pointers.push_back(value ? value->c_str() : nullptr);
  return pointers;
}

Rows RowsOf(const PGresult* result) {
  Rows rows;
  for (int i = 0; i < PQntuples(result); ++i) {
    Row row;
    for (int k = 0; k < PQnfields(result); ++k) {
      row.push_back(PQgetisnull(result, i, k) ? Value() : Value(PQgetvalue(result, i, k)));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

void Client::Closer::operator()(pg_conn* connection) const { PQfinish(connection); }

Client::Client(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
  if (!connected()) throw ServerError(kConnectionLost, PQerrorMessage(connection_.get()));
  (void)PQsetNoticeReceiver(connection_.get(), DropNotice, nullptr);
}

Rows Client::Checked(pg_result* result) {
  const std::unique_ptr<PGresult, void (*)(PGresult*)> owned(result, PQclear);
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return RowsOf(result);
  // libpq's own errors have no sqlstate; 57P01 and its neighbours are the server's last words.
  const char* const field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string sqlstate = field == nullptr ? kConnectionLost : field;
  const bool lost = !connected() || sqlstate.rfind("57P0", 0) == 0;
  throw ServerError(lost ? kConnectionLost : sqlstate, PQerrorMessage(connection_.get()));
}

void Client::Exec(const std::string& sql) { (void)Checked(PQexec(connection_.get(), sql.c_str())); }

Rows Client::Query(const std::string& sql, const std::vector<Value>& parameters) {
  return Checked(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(parameters.size()),
                              nullptr, Pointers(parameters).data(), nullptr, nullptr, 0));
}

std::string Client::Text(const std::string& sql, const std::vector<Value>& parameters) {
  const Rows rows = Query(sql, parameters);
  if (rows.size() != 1 || rows[0].size() != 1) {
    throw ServerError("XX000", "not one value: " + sql + "\n" + Shown(rows));
  }
  return rows[0][0].value_or("NULL");
}

std::int64_t Client::Number(const std::string& sql, const std::vector<Value>& parameters) {
  return std::stoll(Text(sql, parameters));
}

bool Client::Holds(const std::string& condition) { return Text("SELECT " + condition) == "t"; }

std::string Client::Try(const std::string& sql) {
  try {
    Exec(sql);
    return "";
  } catch (const ServerError& error) {
    return error.sqlstate();
  }
}

void Client::Prepare(const std::string& name, const std::string& sql) {
  (void)Checked(PQprepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr));
}

Rows Client::QueryPrepared(const std::string& name, const std::vector<Value>& parameters) {
  return Checked(PQexecPrepared(connection_.get(), name.c_str(),
                                static_cast<int>(parameters.size()), Pointers(parameters).data(),
                                nullptr, nullptr, 0));
}

void Client::CopyIn(const std::string& sql, const std::string& lines) {
  PGconn* const connection = connection_.get();
  PGresult* const begun = PQexec(connection, sql.c_str());
  if (PQresultStatus(begun) != PGRES_COPY_IN) {
    (void)Checked(begun);
    throw ServerError("XX000", "not a COPY FROM STDIN: " + sql);
  }
  PQclear(begun);
  (void)PQputCopyData(connection, lines.data(), static_cast<int>(lines.size()));
  (void)PQputCopyEnd(connection, nullptr);
  (void)Checked(PQgetResult(connection));
  while (PGresult* const more = PQgetResult(connection)) PQclear(more);
}

bool Client::connected() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

int Client::backend_pid() const { return PQbackendPID(connection_.get()); }

// standard_conforming_strings is on: a backslash is a character like any other.
std::string Literal(const std::string& text) { return Doubled(text, '\''); }

std::string LiteralOrNull(const Value& value) { return value ? Literal(*value) : "NULL"; }

std::string Quoted(const std::string& name) { return Doubled(name, '"'); }

std::string Shown(const Row& row) {
  std::string text;
  for (const Value& value : row) {
    if (!text.empty()) text += " | ";
    text += value ? value->substr(0, 200) : "NULL";
  }
  return text;
}

std::string Shown(const Rows& rows) {
  std::string text;
  for (const Row& row : rows) text += Shown(row) + "\n";
  return text;
}

}  // namespace server
