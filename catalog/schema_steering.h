// The versions of the schema that brought live control and the record of decisions, and the impact
// as a part of it: SQL text, parts of schema.cc's list.

#ifndef CATALOG_SCHEMA_STEERING_H_
#define CATALOG_SCHEMA_STEERING_H_

namespace catalog {

extern const char kSchemaSteering[];
extern const char kSchemaImpact[];

}  // namespace catalog

#endif  // CATALOG_SCHEMA_STEERING_H_
