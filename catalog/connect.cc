#include "catalog/connect.h"

#include <libpq-fe.h>

#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace catalog {

absl::StatusOr<std::string> Conninfo(const ConnectParameters& parameters) {
  std::map<std::string, std::string> settings = {{"connect_timeout", "15"},
                                                 {"keepalives_idle", "10"},
                                                 {"keepalives_interval", "5"},
                                                 {"keepalives_count", "3"},
                                                 {"tcp_user_timeout", "30000"}};
  if (parameters.database) {
    const std::string& database = *parameters.database;
    const bool is_conninfo = absl::StrContains(database, '=') ||
                             absl::StartsWith(database, "postgresql://") ||
                             absl::StartsWith(database, "postgres://");
    if (is_conninfo) {
      char* problem = nullptr;
      const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
          PQconninfoParse(database.c_str(), &problem), &PQconninfoFree);
      const std::unique_ptr<char, decltype(&PQfreemem)> owned(problem, &PQfreemem);
      if (parsed == nullptr) {
        // libpq's message may repeat the string, and with it a password.
        return absl::InvalidArgumentError(
            "the connection string given with -d cannot be read\n"
            "HINT: write postgresql://USER@HOST:PORT/DATABASE or 'host=... dbname=...'.");
      }
      for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr) settings[option->keyword] = option->val;
      }
    } else {
      settings["dbname"] = database;
    }
  }
  if (parameters.host) settings["host"] = *parameters.host;
  if (parameters.port) settings["port"] = *parameters.port;
  if (parameters.user) settings["user"] = *parameters.user;
  if (parameters.password) settings["password"] = *parameters.password;
  std::string conninfo;
  for (const auto& [keyword, value] : settings) {
    absl::StrAppend(&conninfo, conninfo.empty() ? "" : " ", keyword, "='",
                    absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
  }
  return conninfo;
}

bool WantsPassword(const std::string& message) {
  return absl::StrContains(message, "no password supplied");
}

}  // namespace catalog
