// SPDX-License-Identifier: MIT
#include "base/error.hpp"

#include <cerrno>
#include <cstring>

namespace base {
namespace {

std::string usual_hint(int code) {
  if (code == EMFILE) return "raise the limit on open files: ulimit -n";
  if (code == ENFILE) return "raise fs.file-max";
  return "";
}

}  // namespace

std::string code_name(int code) {
  if (code == name_not_found) return "ENOTFOUND";
  const char* name = strerrorname_np(code);
  return name != nullptr ? name : std::to_string(code);
}

std::string Error::message() const { return hint.empty() ? what() : std::string(what()) + " (" + hint + ")"; }

UsageError::UsageError(const std::string& text) : Error(EINVAL, text) {}

Ended::Ended(const std::string& text) : Error(EINTR, text) {}

Failure failure(int code, const std::string& what, std::string hint) {
  if (hint.empty()) hint = usual_hint(code);
  return {code, what + ": " + std::strerror(code), std::move(hint)};
}

void fail(const std::string& what) {
  const int error = errno;
  throw failure(error, what);
}

}  // namespace base
