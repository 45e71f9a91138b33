// Values as statements take them for parameters.

#ifndef CATALOG_PARAMETERS_H_
#define CATALOG_PARAMETERS_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace catalog {

inline std::string Id(std::int64_t id) { return absl::StrCat(id); }

inline std::string Seconds(absl::Duration duration) {
  return absl::StrCat(absl::ToDoubleSeconds(duration));
}

}  // namespace catalog

#endif  // CATALOG_PARAMETERS_H_
