// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace output {

// Appends rows of 16 bytes as hexdump(1) prints them with -C: offset, two groups of eight, ASCII. No row is squeezed
// and no closing offset follows.
void append_hexdump(std::string& out, std::string_view bytes);

}  // namespace output
