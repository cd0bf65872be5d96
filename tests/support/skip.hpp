// SPDX-License-Identifier: MIT
// A case that this machine cannot run says so, is counted apart, and is never counted as passed.
#pragma once

#include <string>
#include <string_view>

namespace support {

// Prints `skipped: CASE: REASON` and counts the running case as skipped. The caller then returns (see SKIP).
void skip(std::string_view reason);

// The name of the case that is running.
const std::string& current_case();

// What main() gives when all that ran was skipped, so that a case that runs another process can tell.
constexpr int skipped_status = 77;

}  // namespace support

#define SKIP(reason)       \
  do {                     \
    support::skip(reason); \
    return;                \
  } while (false)

#define SKIP_UNLESS(condition, reason) \
  do {                                 \
    if (!(condition)) SKIP(reason);    \
  } while (false)
