// SPDX-License-Identifier: MIT
#include "output/hexdump.hpp"

#include <cstdint>

namespace output {

void append_hexdump(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::size_t width = 16;
  constexpr std::size_t ascii_column = 60;
  for (std::size_t offset = 0; offset < bytes.size(); offset += width) {
    const std::string_view row = bytes.substr(offset, width);
    const std::size_t start = out.size();
    out.append(ascii_column, ' ');
    for (std::size_t i = 0; i < 8; ++i) out[start + i] = digits[offset >> (28 - 4 * i) & 15];
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto byte = static_cast<std::uint8_t>(row[i]);
      const std::size_t column = start + 10 + 3 * i + (i >= 8 ? 1 : 0);
      out[column] = digits[byte >> 4];
      out[column + 1] = digits[byte & 15];
    }
    out += '|';
    for (const char c : row) out += c >= 0x20 && c < 0x7f ? c : '.';
    out += "|\n";
  }
}

}  // namespace output
