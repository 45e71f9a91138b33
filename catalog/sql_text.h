// SQL that an operator writes and that cannot be a value or a name: the elements of an index key, a
// predicate. Before such a text goes between parentheses of a statement of ours it is shown here to
// be unable to leave them.

#ifndef CATALOG_SQL_TEXT_H_
#define CATALOG_SQL_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace catalog {

// Splits at the commas outside of all parentheses and quotes: "a, lower(b) desc" has two elements.
// kInvalidArgument with a HINT if a quote or parenthesis is not closed, or closes what was not
// opened; if an element is empty; or if there is a semicolon, a comment or a parameter outside of
// quotes. `what` names the text in messages. Reads text as the server does with
// standard_conforming_strings on.
absl::StatusOr<std::vector<std::string>> SplitElements(absl::string_view what,
                                                       absl::string_view text);

// Reads up to the parenthesis that closes one opened before `text`: returns what is inside, and
// leaves in `text` what follows it. For text that the server wrote.
absl::StatusOr<std::string> TakeParenthesized(absl::string_view* text);

}  // namespace catalog

#endif  // CATALOG_SQL_TEXT_H_
