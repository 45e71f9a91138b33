#include "throttle/readable.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace throttle {

std::string Readable(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(duration, absl::Milliseconds(1)));
}

std::string ReadableBytes(std::int64_t bytes) {
  constexpr double kKilobyte = 1024;
  const double kilobytes = static_cast<double>(bytes) / kKilobyte;
  if (kilobytes < kKilobyte) return absl::StrFormat("%.1f kB", kilobytes);
  const double megabytes = kilobytes / kKilobyte;
  if (megabytes < kKilobyte) return absl::StrFormat("%.1f MB", megabytes);
  return absl::StrFormat("%.1f GB", megabytes / kKilobyte);
}

std::string ReadableNumber(double number) { return absl::StrFormat("%.6g", number); }

std::string ReadableShare(double share) { return absl::StrFormat("%.3g %%", share * 100); }

}  // namespace throttle
