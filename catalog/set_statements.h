// The SQL text of a set's objects. Pure: definitions in, statements out; every identifier is
// quoted, every name is schema-qualified.

#ifndef CATALOG_SET_STATEMENTS_H_
#define CATALOG_SET_STATEMENTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "catalog/set_definition.h"

namespace catalog {

// The column of a source view that tells in which block of the member table its row lies.
constexpr char kSourceBlock[] = "source.ctid";

// The side table without any index and the functions that keep it, owned by `owner`. Touches the
// member table with no lock.
std::vector<std::string> CreateStructure(const SetDefinition& set, const Structure& structure,
                                         const std::string& owner);

// The key log without any index, the table of keys taken from it, and the function that logs.
std::vector<std::string> CreateKeyLog(const SetDefinition& set, const Structure& structure,
                                      const std::string& owner);

// The view that turns a row of the member table into a row of the side table.
std::vector<std::string> CreateSourceView(const SetDefinition& set, const Structure& structure,
                                          const std::string& owner);

// The triggers on the member table: log triggers that fire always, sync triggers disabled. Both
// take SHARE ROW EXCLUSIVE on the member table.
inline constexpr const char* kLogTriggers[] = {"log_insert", "log_update", "log_delete"};
inline constexpr const char* kSyncTriggers[] = {"sync_insert", "sync_update", "sync_delete",
                                                "sync_truncate"};
std::vector<std::string> CreateLogTriggers(const SetDefinition& set, const Structure& structure);
std::vector<std::string> CreateSyncTriggers(const SetDefinition& set, const Structure& structure);

// ENABLE ALWAYS TRIGGER a, ENABLE ALWAYS TRIGGER b: for ALTER TABLE.
std::string AlterTriggers(const char* action, const Structure& structure,
                          absl::Span<const char* const> triggers);

// A trigger function with pinned settings; `settings` are further ones: " SET name = value".
std::string CreateTriggerFunction(const QualifiedName& name, const std::string& settings,
                                  const std::string& body);
// Nobody but `owner` may call it; whose rights it has.
std::vector<std::string> GiveFunction(const QualifiedName& function, const std::string& owner);

// For a set whose membership is chosen: makes changes of membership in `live` reach `other`'s key
// log, reach `other` itself, or nothing.
std::vector<std::string> CreateMirrorTriggers(const Structure& live);
std::string MirrorToLog(const SetDefinition& set, const Structure& live, const Structure& other);
std::string MirrorToStructure(const SetDefinition& set, const Structure& live,
                              const Structure& other);
std::string MirrorToNothing(const Structure& live);

// log -> sync, in one ALTER TABLE under SHARE ROW EXCLUSIVE.
std::string SwitchToSync(const SetDefinition& set, const Structure& structure);

// Makes the sync function do nothing, without a lock on the member table.
std::string SwitchOff(const Structure& structure);

std::string CreateKeyIndex(const SetDefinition& set, const Structure& structure);
std::string CreateOrderIndex(const SetDefinition& set, const Structure& structure);
std::string AttachKeyConstraint(const Structure& structure);

// The ordered view, and what a program may do through it. Takes ACCESS EXCLUSIVE on the alias,
// where it exists. `options` are its reloptions, with commas between them.
std::string PointAliasAt(const SetDefinition& set, const Structure& structure,
                         absl::string_view options = "");
// The alias's INSTEAD OF trigger function for `live`.
std::string AliasFunction(const SetDefinition& set, const Structure& live);
std::string CreateAliasTrigger(const SetDefinition& set);
std::string AliasFunctionName(const SetDefinition& set);

// Takes ACCESS EXCLUSIVE on the member table.
std::vector<std::string> DropTriggers(const SetDefinition& set, const Structure& structure,
                                      bool log_only);

// owner, sort key and key: the order of the set, each column once.
std::vector<SortColumn> FullOrder(const SetDefinition& set, const Structure& structure);

// a.k1 = b.k1 AND …, for one row's key.
std::string KeysEqual(const std::vector<std::string>& key, const std::string& left,
                      const std::string& right);

std::vector<std::string> ColumnNames(const Structure& structure);

// What fills a column, where the source's row is called s.
std::string SourceExpression(const Column& column);
std::string SourceExpressions(const Structure& structure);

}  // namespace catalog

#endif  // CATALOG_SET_STATEMENTS_H_
