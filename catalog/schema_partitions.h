// Version 5 of the schema restructure: partitions, one alone or all of a partitioned table. Later
// versions append statements, never change these. Internal to schema.cc.

#ifndef CATALOG_SCHEMA_PARTITIONS_H_
#define CATALOG_SCHEMA_PARTITIONS_H_

namespace catalog {

extern const char kSchemaPartitions[];

}  // namespace catalog

#endif  // CATALOG_SCHEMA_PARTITIONS_H_
