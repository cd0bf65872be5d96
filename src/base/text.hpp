// SPDX-License-Identifier: MIT
// Bytes as text and back: C escapes, hexadecimal, base64, UTF-8. What is escaped here is what keeps a stranger's
// bytes from driving a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace base {

// One step through foreign bytes: a code point of valid UTF-8 (RFC 3629: no surrogates, no overlong forms), or one
// byte that is not part of any.
struct CodePoint {
  std::uint32_t value;  // the code point, or the byte when not valid
  std::uint8_t size;    // bytes taken, 1 to 4
  bool valid;
};
CodePoint next_code_point(std::string_view bytes);

// True for what may reach a terminal as it is: not a C0 or C1 control, DEL, line or paragraph separator, or
// bidirectional control.
bool is_printable(std::uint32_t code_point);

// How many leading bytes are printable ASCII other than backslash and double quote: the run that every form copies
// as it is.
std::size_t plain_run(std::string_view bytes);

bool is_utf8(std::string_view bytes);

// Appends `bytes` in the text form: printable UTF-8 as it is, `\\`, `\n`, `\r`, `\t` and `\xNN` for the rest.
void append_escaped(std::string& out, std::string_view bytes);
std::string escaped(std::string_view bytes);
// A word, or the name of a file, as it was typed: the same, but that a backslash is one.
std::string printable(std::string_view bytes);
// The refusal of a word: it is quoted whole, as it was typed, where `reason` does not do so already. `what`: of which
// option or place, or "".
UsageError refusal(std::string_view what, std::string_view word, std::string_view reason);

// The bytes that C escapes stand for: `\\ \n \r \t \0 \a \b \e \f \v` and `\xNN` with two digits. Throws UsageError
// for any other escape, and for a digit after `\0`, which is octal elsewhere.
std::string parse_escapes(std::string_view word);

// The bytes of hexadecimal digits; blanks, ':', ',' and a leading "0x" of each group are skipped. Throws UsageError
// for any other character and for an odd digit.
std::string parse_hex(std::string_view word);

// Appends base64 (RFC 4648, with padding).
void append_base64(std::string& out, std::string_view bytes);

// Appends `value` in decimal.
void append_number(std::string& out, std::uint64_t value);

// The candidate that begins with `word`, else the nearest to it in edits (insert, delete, replace, swap of
// neighbours), or "" when none is near.
template <class Range>
std::string_view nearest(std::string_view word, const Range& candidates);

std::size_t edit_distance(std::string_view a, std::string_view b);

template <class Range>
std::string_view nearest(std::string_view word, const Range& candidates) {
  constexpr std::size_t longest = 64;  // no option or command comes near
  std::string_view best;
  if (word.size() > longest) return best;
  std::size_t closest = word.size() / 3 + 2;
  for (const auto& candidate : candidates) {
    const std::string_view name = candidate;
    if (!word.empty() && name.starts_with(word)) return name;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < closest) {
      closest = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace base
