// Values as people read them in reasons.

#ifndef THROTTLE_READABLE_H_
#define THROTTLE_READABLE_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace throttle {

// "12s", "1.5s", "80ms": finer than a millisecond is noise to the reader.
std::string Readable(absl::Duration duration);

// "1.5 kB", "64.0 MB", "2.0 GB"
std::string ReadableBytes(std::int64_t bytes);

// "80", "0.25"
std::string ReadableNumber(double number);

// "5 %", "0.5 %"
std::string ReadableShare(double share);

}  // namespace throttle

#endif  // THROTTLE_READABLE_H_
