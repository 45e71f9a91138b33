#include "catalog/sql_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace catalog {
namespace {

bool IsWord(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalnum(byte) || c == '_' || byte >= 0x80;
}

// The position after the quoted piece that begins at `start`, npos if it is not closed. A quote
// inside is doubled; `escapes` (E'…') also allows \'.
std::size_t AfterQuoted(absl::string_view text, std::size_t start, bool escapes) {
  const char quote = text[start];
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    if (escapes && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (i + 1 < text.size() && text[i + 1] == quote) {
        ++i;
      } else {
        return i + 1;
      }
    }
  }
  return absl::string_view::npos;
}

// The same for $tag$…$tag$; `start` itself if no such quote begins there.
std::size_t AfterDollarQuoted(absl::string_view text, std::size_t start) {
  std::size_t end = start + 1;
  while (end < text.size() && IsWord(text[end])) ++end;
  const bool is_parameter =
      end > start + 1 && absl::ascii_isdigit(static_cast<unsigned char>(text[start + 1]));
  if (end == text.size() || text[end] != '$' || is_parameter) return start;
  const absl::string_view tag = text.substr(start, end + 1 - start);
  const std::size_t close = text.find(tag, end + 1);
  return close == absl::string_view::npos ? close : close + tag.size();
}

// Walks over a text piece by piece; a quoted piece is one step.
class Scanner {
 public:
  explicit Scanner(absl::string_view text) : text_(text) {}

  bool AtEnd() const { return position_ >= text_.size(); }
  std::size_t position() const { return position_; }

  // The next character, or 0 for a quoted piece. An empty `problem` afterwards: it was read.
  char Next(const char** problem) {
    const std::size_t start = position_;
    const char c = text_[start];
    const absl::string_view rest = text_.substr(start);
    std::size_t after = start + 1;
    const bool prefixed = (c == 'e' || c == 'E') && absl::StartsWith(rest.substr(1), "'") &&
                          (start == 0 || !IsWord(text_[start - 1]));
    if (prefixed) {
      after = AfterQuoted(text_, start + 1, true);
    } else if (c == '\'' || c == '"') {
      after = AfterQuoted(text_, start, false);
    } else if (c == '$' && (start == 0 || !IsWord(text_[start - 1]))) {
      after = AfterDollarQuoted(text_, start);
      if (after == start) {
        *problem = "a parameter ($)";
        after = start + 1;
      }
    } else if (absl::StartsWith(rest, "--") || absl::StartsWith(rest, "/*")) {
      *problem = "a comment";
    } else if (c == ';') {
      *problem = "a semicolon";
    } else if (c == '\0') {
      *problem = "a null byte";
    }
    if (after == absl::string_view::npos) {
      *problem = "a quote that is not closed";
      after = text_.size();
    }
    position_ = after;
    return after == start + 1 ? c : '\0';
  }

 private:
  const absl::string_view text_;
  std::size_t position_ = 0;
};

constexpr absl::string_view kOpening = "([";
constexpr absl::string_view kClosing = ")]";

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitElements(absl::string_view what,
                                                       absl::string_view text) {
  const auto refuse = [&](absl::string_view found) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " \"", text, "\" has ", found,
                     "\nHINT: write columns or expressions, separated by commas, each complete."));
  };
  std::vector<std::string> elements;
  std::string open;  // The closing parentheses that are due.
  std::size_t begin = 0;
  Scanner scanner(text);
  const auto end_element = [&](std::size_t end) {
    elements.emplace_back(absl::StripAsciiWhitespace(text.substr(begin, end - begin)));
    begin = end + 1;
    return !elements.back().empty();
  };
  while (!scanner.AtEnd()) {
    const std::size_t at = scanner.position();
    const char* problem = nullptr;
    const char c = scanner.Next(&problem);
    if (problem != nullptr) return refuse(problem);
    const std::size_t opening = kOpening.find(c);
    if (c != '\0' && opening != absl::string_view::npos) {
      open.push_back(kClosing[opening]);
    } else if (c != '\0' && kClosing.find(c) != absl::string_view::npos) {
      if (open.empty() || open.back() != c) return refuse("a parenthesis that was not opened");
      open.pop_back();
    } else if (c == ',' && open.empty() && !end_element(at)) {
      return refuse("an empty element");
    }
  }
  if (!open.empty()) return refuse("a parenthesis that is not closed");
  if (!end_element(text.size())) return refuse("an empty element");
  return elements;
}

absl::StatusOr<std::string> TakeParenthesized(absl::string_view* text) {
  Scanner scanner(*text);
  int depth = 1;
  while (!scanner.AtEnd()) {
    const std::size_t at = scanner.position();
    const char* problem = nullptr;
    const char c = scanner.Next(&problem);
    if (c == '(') ++depth;
    if (c == ')' && --depth == 0) {
      std::string inside(text->substr(0, at));
      text->remove_prefix(at + 1);
      return inside;
    }
  }
  return absl::InternalError(absl::StrCat("no closing parenthesis in: ", *text));
}

}  // namespace catalog
