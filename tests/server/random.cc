#include "tests/server/random.h"

#include "absl/strings/str_cat.h"
#include "tests/server/members.h"

namespace server {

std::int64_t Random::Between(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
}

Value Random::Owner() {
  if (OneIn(8)) return std::nullopt;
  return std::to_string(Between(kQuietOwners + 1, kSharedOwners));
}

Value Random::Rank() {
  static constexpr const char* kSpecial[] = {"NaN", "Infinity", "-Infinity", "0",    "0.000",
                                             "1",   "1.0",      "1.00",      "-1.00"};
  if (OneIn(10)) return std::nullopt;
  if (OneIn(4)) return OneOf(kSpecial);
  return absl::StrCat(Between(-500, 500), ".", Between(0, 9));
}

Value Random::Label() {
  static constexpr const char* kSpecial[] = {"",        " ",      "it's",
                                             "\"odd\"", "größer", "labels that end with a space "};
  if (OneIn(10)) return std::nullopt;
  if (OneIn(4)) return OneOf(kSpecial);
  return absl::StrCat("label ", Between(0, 99));
}

Value Random::Payload() {
  if (OneIn(10)) return std::nullopt;
  std::string text(static_cast<std::size_t>(OneIn(20) ? Between(2000, 5000) : Between(0, 200)),
                   ' ');
  for (char& letter : text) letter = static_cast<char>('a' + Between(0, 25));
  return text;
}

}  // namespace server
