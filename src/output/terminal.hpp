// SPDX-License-Identifier: MIT
// The terminal that stdout or stderr may be.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "output/options.hpp"

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

// Whether to colour what goes to the descriptor: as was asked for, else on a terminal unless NO_COLOR objects.
bool wants_color(Color color, int descriptor);
// The same for what stderr says. Scripts look for it by its words: Color::always, which is for records on their way to
// a pager, does not put colours between them. The terminal is looked at once, at the first call, for the sandbox lets
// nobody look.
bool talks_in_color(Color color);

// Two colours that every terminal has in a shade that is read on its ground: red is for what failed, and dim is what
// is only said beside the rest.
std::string red(std::string_view text);
std::string dim(std::string_view text);

// The line with its losses in red: `3 lost` or `lost 3`, and as well what was dropped or refused, but for 0 of them.
std::string with_red_losses(std::string_view line);

}  // namespace output
