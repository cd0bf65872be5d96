// SPDX-License-Identifier: MIT
// How the program fails: values with a code, a text and a cure, and the four exit statuses.
#pragma once

#include <stdexcept>
#include <string>

namespace base {

// What a script can tell from `$?`.
enum class ExitStatus : int {
  done = 0,     // what was asked for happened
  nothing = 1,  // nothing came in time
  failed = 2,   // it could not be done
  refused = 3,  // the network refused: an ICMP error answered instead
};

constexpr int name_not_found = -1;  // beside the values of errno: a name that does not resolve

// "ECONNREFUSED", "ENOTFOUND" for name_not_found; the number in decimal where errno has no such value.
std::string code_name(int code);

// What ends the program, with 2 where nothing else is said. The text names the thing and the reason.
struct Error : std::runtime_error {
  Error(int code_, const std::string& text, std::string hint_ = "")
      : std::runtime_error(text), code(code_), hint(std::move(hint_)) {}

  std::string message() const;  // "TEXT (HINT)"

  int code;          // errno of this very failure, or name_not_found
  std::string hint;  // a cure that was checked to help here, or ""
};

// A word on the command line (or a piece of input) that is malformed, out of range or contradicts another.
struct UsageError : Error {
  explicit UsageError(const std::string& text);
};

// Something that was asked for correctly and could not be done.
struct Failure : Error {
  using Error::Error;
};

// What did not come before a signal or the deadline did: the program ends with 1.
struct Ended : Error {
  explicit Ended(const std::string& text);
};

// "WHAT: No such file or directory", with a hint where the code alone says what helps.
Failure failure(int code, const std::string& what, std::string hint = "");

// Throws failure(errno, what).
[[noreturn]] void fail(const std::string& what);

}  // namespace base
