// SPDX-License-Identifier: MIT
// The terminal that stdout or stderr may be.
#pragma once

#include <unistd.h>

#include <cstddef>

namespace output {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t lines = 24;
  bool operator==(const TerminalSize&) const = default;
};

// How large it is; 80 by 24 where there is none.
TerminalSize terminal_size(int descriptor = STDOUT_FILENO);

// True where what stands on it can be drawn anew: a terminal, and one that moves its cursor.
bool redraws();

}  // namespace output
