// SPDX-License-Identifier: MIT
// When to end, as the command line says, and what ended it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.hpp"

namespace run {

struct StopOptions {
  std::optional<std::uint64_t> count;
  std::optional<base::Nanoseconds> wait;
  std::optional<base::Nanoseconds> deadline;
};

enum class StopReason { none, done, count, idle, deadline, reader_gone, signal };

// The end has come from outside: what is under way is not waited for.
constexpr bool is_interruption(StopReason reason) {
  return reason == StopReason::signal || reason == StopReason::deadline;
}

}  // namespace run
