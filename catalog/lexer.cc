#include "catalog/lexer.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "catalog/names.h"

namespace catalog {
namespace {

bool StartsName(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

bool ContinuesName(char c) {
  return StartsName(c) || absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '$';
}

}  // namespace

bool Token::Is(char punctuation) const {
  return kind == Kind::kPunctuation && text.size() == 1 && text[0] == punctuation;
}

bool Token::IsKeyword(absl::string_view lower_case) const {
  return kind == Kind::kName && !quoted && text == lower_case;
}

absl::StatusOr<Token> Lexer::Next() {
  while (position_ < text_.size() &&
         absl::ascii_isspace(static_cast<unsigned char>(text_[position_])))
    ++position_;
  last_ = position_;
  Token token;
  if (position_ >= text_.size()) return token;
  const char c = text_[position_];
  if (c == '"') return QuotedName();
  if (StartsName(c)) {
    const std::size_t start = position_;
    while (position_ < text_.size() && ContinuesName(text_[position_])) ++position_;
    token.kind = Token::Kind::kName;
    token.text = absl::AsciiStrToLower(text_.substr(start, position_ - start));
    if (token.text.size() > kNameBytesMax) {
      return absl::InvalidArgumentError(absl::StrCat(
          what_, ": the name ", token.text, " has ", token.text.size(), " bytes, PostgreSQL keeps ",
          kNameBytesMax, "\nHINT: write the name as the server shows it."));
    }
    return token;
  }
  if (c == '.' || c == ',') {
    ++position_;
    token.kind = Token::Kind::kPunctuation;
    token.text = std::string(1, c);
    return token;
  }
  return Expected("a column or object name", "quote unusual names: \"My Column\".");
}

absl::StatusOr<Token> Lexer::QuotedName() {
  Token token;
  token.kind = Token::Kind::kName;
  token.quoted = true;
  for (++position_; position_ < text_.size(); ++position_) {
    const char c = text_[position_];
    if (c == '"') {
      if (position_ + 1 >= text_.size() || text_[position_ + 1] != '"') {
        ++position_;
        if (token.text.empty()) return Expected("a name between the quotes", "\"\" names nothing.");
        if (token.text.size() > kNameBytesMax) {
          return Expected(absl::StrCat("a name of at most ", kNameBytesMax, " bytes"),
                          "write the name as the server shows it.");
        }
        return token;
      }
      ++position_;
    }
    if (c == '\0') return Expected("a name without a NUL byte", "remove it.");
    token.text.push_back(c);
  }
  return Expected("a closing double quote", "write a quote inside a name twice: \"a\"\"b\".");
}

absl::Status Lexer::Expected(absl::string_view expected, absl::string_view hint) const {
  const absl::string_view rest = last_ < text_.size() ? text_.substr(last_) : absl::string_view();
  const std::string near = rest.empty() ? "the end" : absl::StrCat("\"", rest.substr(0, 40), "\"");
  return absl::InvalidArgumentError(absl::StrCat("syntax error in ", what_, " at ", near,
                                                 ": expected ", expected, "\nHINT: ", hint));
}

}  // namespace catalog
