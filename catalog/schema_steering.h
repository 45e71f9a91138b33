// The version of the schema that brought live control and the record of decisions: SQL text, a part
// of schema.cc's list.

#ifndef CATALOG_SCHEMA_STEERING_H_
#define CATALOG_SCHEMA_STEERING_H_

namespace catalog {

extern const char kSchemaSteering[];

}  // namespace catalog

#endif  // CATALOG_SCHEMA_STEERING_H_
