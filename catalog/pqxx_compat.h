// What differs between libpqxx 6.4 (Debian 12) and 7.x. Included by session.cc alone.

#ifndef CATALOG_PQXX_COMPAT_H_
#define CATALOG_PQXX_COMPAT_H_

#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "catalog/session.h"

namespace catalog {

#if defined(PQXX_VERSION_MAJOR) && PQXX_VERSION_MAJOR >= 7

inline void ForbidReconnecting(pqxx::connection&) {}  // 7.x never reconnects.

inline pqxx::params Dynamic(const std::vector<Value>& parameters) {
  pqxx::params list;
  for (const Value& value : parameters) list.append(value);
  return list;
}

inline pqxx::result ExecWithParameters(pqxx::transaction_base& transaction, const std::string& sql,
                                       const std::vector<Value>& parameters) {
  return transaction.exec_params(sql, Dynamic(parameters));
}

inline pqxx::result ExecPrepared(pqxx::transaction_base& transaction, const std::string& name,
                                 const std::vector<Value>& parameters) {
  return transaction.exec_prepared(name, Dynamic(parameters));
}

using Notices = std::shared_ptr<void>;
inline Notices DropNotices(pqxx::connection& connection) {
  connection.set_notice_handler([](pqxx::zview) noexcept {});
  return nullptr;
}

#else

// 6.4 reconnects silently, and the new backend has none of our settings or locks.
inline void ForbidReconnecting(pqxx::connection& connection) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
}

inline std::vector<const char*> Pointers(const std::vector<Value>& parameters) {
  std::vector<const char*> list;
  list.reserve(parameters.size());
  for (const Value& value : parameters) list.push_back(value ? value->c_str() : nullptr);
  return list;
}

inline pqxx::result ExecWithParameters(pqxx::transaction_base& transaction, const std::string& sql,
                                       const std::vector<Value>& parameters) {
  const std::vector<const char*> list = Pointers(parameters);
  return transaction.exec_params(sql, pqxx::prepare::make_dynamic_params(list));
}

inline pqxx::result ExecPrepared(pqxx::transaction_base& transaction, const std::string& name,
                                 const std::vector<Value>& parameters) {
  const std::vector<const char*> list = Pointers(parameters);
  return transaction.exec_prepared(name, pqxx::prepare::make_dynamic_params(list));
}

using Notices = std::shared_ptr<pqxx::errorhandler>;
inline Notices DropNotices(pqxx::connection& connection) {
  return std::make_shared<pqxx::quiet_errorhandler>(connection);
}

#endif

}  // namespace catalog

#endif  // CATALOG_PQXX_COMPAT_H_
