#include "tools/connection.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "catalog/connect.h"
#include "catalog/session.h"

namespace tools {
namespace {

// From the terminal itself, without echo; standard input may be something else.
absl::StatusOr<std::string> AskPassword() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> terminal(std::fopen("/dev/tty", "r+"),
                                                                 &std::fclose);
  if (terminal == nullptr) {
    return absl::UnavailableError(
        "a password is needed and there is no terminal to ask for it\n"
        "HINT: use ~/.pgpass, PGPASSFILE or a service file.");
  }
  const int descriptor = fileno(terminal.get());
  termios before{};
  if (tcgetattr(descriptor, &before) != 0) return absl::UnavailableError("no terminal");
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  std::fputs("Password: ", terminal.get());
  std::fflush(terminal.get());
  (void)tcsetattr(descriptor, TCSAFLUSH, &silent);
  std::string password;
  for (int c = std::fgetc(terminal.get()); c != EOF && c != '\n'; c = std::fgetc(terminal.get())) {
    password.push_back(static_cast<char>(c));
  }
  (void)tcsetattr(descriptor, TCSAFLUSH, &before);
  std::fputs("\n", terminal.get());
  return password;
}

absl::StatusOr<Connected> Try(const catalog::ConnectParameters& parameters) {
  absl::StatusOr<std::string> conninfo = catalog::Conninfo(parameters);
  if (!conninfo.ok()) return conninfo.status();
  absl::StatusOr<std::unique_ptr<catalog::Session>> session =
      catalog::Session::Open(*conninfo, "pg_restructure");
  if (!session.ok()) {
    return absl::Status(session.status().code(),
                        absl::StrCat("cannot connect: ", session.status().message(),
                                     "\nHINT: -h, -p, -U, -d and the PG* variables work as in "
                                     "psql."));
  }
  return Connected{*std::move(conninfo), *std::move(session)};
}

}  // namespace

absl::StatusOr<Connected> Connect(const ConnectArguments& arguments) {
  catalog::ConnectParameters parameters{arguments.host, arguments.port, arguments.user,
                                        arguments.dbname, std::nullopt};
  const auto ask = [&parameters] {
    absl::StatusOr<std::string> password = AskPassword();
    if (password.ok()) parameters.password = *std::move(password);
    return password.status();
  };
  if (arguments.force_prompt) {
    if (absl::Status asked = ask(); !asked.ok()) return asked;
  }
  absl::StatusOr<Connected> connected = Try(parameters);
  if (connected.ok() || arguments.never_prompt || arguments.force_prompt ||
      !catalog::WantsPassword(std::string(connected.status().message()))) {
    return connected;
  }
  if (absl::Status asked = ask(); !asked.ok()) return asked;
  return Try(parameters);
}

}  // namespace tools
