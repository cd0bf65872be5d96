// How the program fails: two kinds of exception and the four exit statuses.
#pragma once

#include <stdexcept>

namespace base {

// What a script can tell from `$?`.
enum class ExitStatus : int {
  done = 0,     // what was asked for happened
  nothing = 1,  // nothing came in time
  failed = 2,   // it could not be done
  refused = 3,  // the network refused: an ICMP error answered instead
};

// A word on the command line (or a piece of input) that is malformed, out of range or contradicts another.
// The text names the word and the reason.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Something that was asked for correctly and could not be done. The text names the thing and the reason.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace base
