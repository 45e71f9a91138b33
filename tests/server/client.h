// An application's connection, for tests: plain libpq, nothing pinned but an upper bound on every
// statement. A client belongs to one thread.

#ifndef TESTS_SERVER_CLIENT_H_
#define TESTS_SERVER_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

struct pg_conn;
struct pg_result;

namespace server {

using Value = std::optional<std::string>;  // NULL is empty.
using Row = std::vector<Value>;
using Rows = std::vector<Row>;

class ServerError : public std::runtime_error {
 public:
  // sqlstate 08006 stands for a lost connection, whatever the server managed to say of it.
  ServerError(std::string sqlstate, const std::string& message)
      : std::runtime_error(sqlstate + ": " + message), sqlstate_(std::move(sqlstate)) {}
  const std::string& sqlstate() const { return sqlstate_; }

 private:
  std::string sqlstate_;
};

constexpr char kConnectionLost[] = "08006";

class Client {
 public:
  // Throws ServerError, as all that follows does.
  explicit Client(const std::string& conninfo);

  // One or more statements without parameters.
  void Exec(const std::string& sql);

  // One statement with $1, $2 …
  Rows Query(const std::string& sql, const std::vector<Value>& parameters = {});

  // The only value of the only row; "NULL" for NULL.
  std::string Text(const std::string& sql, const std::vector<Value>& parameters = {});
  std::int64_t Number(const std::string& sql, const std::vector<Value>& parameters = {});
  bool Holds(const std::string& condition);

  // The sqlstate that `sql` ends with; empty if it succeeds.
  std::string Try(const std::string& sql);

  // Prepared statements, planned and described once by the server.
  void Prepare(const std::string& name, const std::string& sql);
  Rows QueryPrepared(const std::string& name, const std::vector<Value>& parameters = {});

  // COPY … FROM STDIN with `lines` in the text format.
  void CopyIn(const std::string& sql, const std::string& lines);

  bool connected() const;
  int backend_pid() const;

 private:
  struct Closer {
    void operator()(pg_conn* connection) const;
  };
  Rows Checked(pg_result* result);

  std::unique_ptr<pg_conn, Closer> connection_;
};

// 'it''s' and "odd""name".
std::string Literal(const std::string& text);
std::string LiteralOrNull(const Value& value);
std::string Quoted(const std::string& name);

// One row or one value a line, for messages.
std::string Shown(const Row& row);
std::string Shown(const Rows& rows);

}  // namespace server

#endif  // TESTS_SERVER_CLIENT_H_
