// The little lexer under names and sort keys: identifiers (folded or quoted), and punctuation.

#ifndef CATALOG_LEXER_H_
#define CATALOG_LEXER_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace catalog {

struct Token {
  enum class Kind { kName, kPunctuation, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;     // A name as PostgreSQL would store it, or one character.
  bool quoted = false;  // A quoted name is never a keyword.

  bool Is(char punctuation) const;
  bool IsKeyword(absl::string_view lower_case) const;
};

// Not thread-safe. `text` must outlive it.
class Lexer {
 public:
  // `what` names the input in messages, e.g. "sort key".
  Lexer(absl::string_view what, absl::string_view text) : what_(what), text_(text) {}

  // The next token, kEnd at the end; kInvalidArgument where none can be read.
  absl::StatusOr<Token> Next();

  // A syntax error at the last token read: says what was expected, and the hint.
  absl::Status Expected(absl::string_view expected, absl::string_view hint) const;

 private:
  absl::StatusOr<Token> QuotedName();

  const absl::string_view what_;
  const absl::string_view text_;
  std::size_t position_ = 0;
  std::size_t last_ = 0;
};

}  // namespace catalog

#endif  // CATALOG_LEXER_H_
