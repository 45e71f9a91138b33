// A signal of the operator's own, as it is written:
//
//     queue limit 80 stop 120 every 5s: SELECT count(*) FROM app.jobs WHERE NOT done
//
// A name, the value at which the pace begins to fall, the value at which nothing runs, how often to
// ask (5s if it is left out), and a query that returns one number: the more, the worse.

#ifndef TOOLS_SIGNAL_OPTION_H_
#define TOOLS_SIGNAL_OPTION_H_

#include <string>

#include "absl/status/statusor.h"
#include "restructure/signal_reader.h"
#include "throttle/limits.h"

namespace tools {

struct SignalOption {
  throttle::CustomLimit limit;
  restructure::CustomQuery query;
};

// kInvalidArgument with a HINT.
absl::StatusOr<SignalOption> ParseSignal(const std::string& text);

}  // namespace tools

#endif  // TOOLS_SIGNAL_OPTION_H_
