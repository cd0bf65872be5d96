// SPDX-License-Identifier: MIT
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace base {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// 1 for a byte that is not printable ASCII, or is a backslash or double quote. Without branches, for vectors.
unsigned char is_odd(char c) {
  const bool control = static_cast<unsigned char>(c - 0x20) >= 0x5f;
  return static_cast<unsigned char>(control) | static_cast<unsigned char>(c == '\\') |
         static_cast<unsigned char>(c == '"');
}

// The byte that `\c` stands for, other than \xNN.
std::optional<char> simple_escape(char c) {
  constexpr std::string_view letters = "\\nrt0abefv";
  constexpr std::string_view values("\\\n\r\t\0\a\b\x1b\f\v", 10);
  const std::size_t at = letters.find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return values[at];
}

// `\033` is ESC to a shell's printf, and would be NUL and "33" here: refused. `digits` begin behind the backslash.
void refuse_octal(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0' || digits[1] < '0' || digits[1] > '9') return;
  const std::size_t end = std::min(digits.find_first_not_of("01234567"), std::min<std::size_t>(digits.size(), 3));
  unsigned value = 0;
  for (const char c : digits.substr(0, end)) value = value * 8 + static_cast<unsigned>(c - '0');
  throw UsageError(fmt::format("'\\{}' is no escape, octal is not read; write \\x{:02x}",
                               digits.substr(0, std::max<std::size_t>(end, 2)), value & 0xff));
}

void append_escaped_byte(std::string& out, unsigned char byte) {
  switch (byte) {
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const char text[] = {'\\', 'x', hex_digits[byte >> 4], hex_digits[byte & 15]};
  out.append(text, sizeof text);
}

// Printable UTF-8 as it is, but for that one character; the rest escaped.
void append_safely(std::string& out, std::string_view bytes, std::optional<char> but) {
  for (;;) {
    const std::size_t run = plain_run(bytes);
    out.append(bytes.data(), run);
    bytes.remove_prefix(run);
    if (bytes.empty()) return;
    const CodePoint next = next_code_point(bytes);
    const std::string_view taken = bytes.substr(0, next.size);
    if (next.valid && is_printable(next.value) && taken[0] != but) {
      out += taken;
    } else {
      for (const char byte : taken) append_escaped_byte(out, static_cast<unsigned char>(byte));
    }
    bytes.remove_prefix(next.size);
  }
}

// Takes no room and is no part of a script's spelling; variation selectors and the joiners U+200C, U+200D are.
bool is_invisible(std::uint32_t c) {
  struct Range {
    std::uint32_t first, last;
  };
  static constexpr std::array<Range, 13> ranges{{{0xad, 0xad},
                                                 {0x34f, 0x34f},
                                                 {0x115f, 0x1160},
                                                 {0x180e, 0x180e},
                                                 {0x200b, 0x200b},
                                                 {0x2060, 0x2064},
                                                 {0x206a, 0x206f},
                                                 {0x3164, 0x3164},
                                                 {0xfeff, 0xfeff},
                                                 {0xffa0, 0xffa0},
                                                 {0xfff9, 0xfffb},
                                                 {0xe0000, 0xe00ff},
                                                 {0xe01f0, 0xe0fff}}};
  return std::any_of(ranges.begin(), ranges.end(), [c](const Range& one) { return c >= one.first && c <= one.last; });
}

}  // namespace

CodePoint next_code_point(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return byte_at(bytes, i); };
  const std::uint8_t first = at(0);
  if (first < 0x80) return {first, 1, true};
  const CodePoint invalid{first, 1, false};
  const std::uint8_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < size) return invalid;
  std::uint32_t value = first & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return invalid;
    value = value << 6 | (at(i) & 0x3fu);
  }
  static constexpr std::array<std::uint32_t, 5> min{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < min[size] || value > 0x10ffff || surrogate) return invalid;
  return {value, size, true};
}

bool is_printable(std::uint32_t c) {
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return false;
  if (c == 0x2028 || c == 0x2029) return false;
  const bool bidi =
      c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  return !bidi && !is_invisible(c);
}

std::size_t plain_run(std::string_view bytes) {
  // 32 bytes a step, without a branch in the step, so that the compiler can use vector instructions.
  constexpr std::size_t step = 32;
  std::size_t done = 0;
  while (bytes.size() - done >= step) {
    unsigned char odd = 0;
    for (std::size_t i = 0; i < step; ++i) odd |= is_odd(bytes[done + i]);
    if (odd) break;
    done += step;
  }
  while (done < bytes.size() && is_odd(bytes[done]) == 0) ++done;
  return done;
}

bool is_utf8(std::string_view bytes) {
  for (;;) {
    bytes.remove_prefix(plain_run(bytes));
    if (bytes.empty()) return true;
    const CodePoint next = next_code_point(bytes);
    if (!next.valid) return false;
    bytes.remove_prefix(next.size);
  }
}

void append_escaped(std::string& out, std::string_view bytes) { append_safely(out, bytes, '\\'); }

std::string escaped(std::string_view bytes) {
  std::string out;
  append_escaped(out, bytes);
  return out;
}

std::string printable(std::string_view bytes) {
  std::string out;
  append_safely(out, bytes, std::nullopt);
  return out;
}

UsageError refusal(std::string_view what, std::string_view word, std::string_view reason) {
  const std::string quoted = fmt::format("'{}'", printable(word));
  const std::string before = what.empty() ? "" : fmt::format("{}: ", what);
  if (reason.find(quoted) != reason.npos) return UsageError(fmt::format("{}{}", before, reason));
  return UsageError(fmt::format("{}{}: {}", before, quoted, reason));
}

std::string parse_escapes(std::string_view word) {
  std::string out;
  out.reserve(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '\\') {
      out += word[i];
      continue;
    }
    const std::string_view rest = word.substr(i + 1);
    if (rest.empty()) throw UsageError("a lone '\\' ends the text; write '\\\\' for a backslash");
    refuse_octal(rest);
    if (const auto byte = simple_escape(rest[0])) {
      out += *byte;
      i += 1;
    } else if (rest[0] == 'x' && rest.size() >= 3 && hex_value(rest[1]) >= 0 && hex_value(rest[2]) >= 0) {
      out += static_cast<char>(hex_value(rest[1]) * 16 + hex_value(rest[2]));
      i += 3;
    } else {
      const std::string_view shown = rest.substr(0, rest[0] == 'x' ? 3 : next_code_point(rest).size);
      throw UsageError(
          fmt::format("'\\{}' is not an escape; known are \\\\ \\n \\r \\t \\0 \\a \\b \\e \\f \\v and "
                      "\\xNN with two hexadecimal digits",
                      printable(shown)));
    }
  }
  return out;
}

std::string parse_hex(std::string_view word) {
  std::string out;
  out.reserve(word.size() / 2);
  int high = -1;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    const bool prefix = c == '0' && high < 0 && i + 1 < word.size() && (word[i + 1] == 'x' || word[i + 1] == 'X');
    if (prefix) {
      ++i;
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ':' || c == ',') continue;
    const int digit = hex_value(c);
    if (digit < 0) {
      const std::string_view rest = word.substr(i);
      throw UsageError(
          fmt::format("'{}' is not a hexadecimal digit", printable(rest.substr(0, next_code_point(rest).size))));
    }
    if (high < 0) {
      high = digit;
    } else {
      out += static_cast<char>(high * 16 + digit);
      high = -1;
    }
  }
  if (high >= 0) throw UsageError("an odd number of hexadecimal digits");
  return out;
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4, '=');
  char* to = out.data() + start;
  const auto at = [&](std::size_t i) { return std::uint32_t{byte_at(bytes, i)}; };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) *to++ = alphabet[three >> shift & 63];
  }
  const std::size_t left = bytes.size() - i;
  if (left == 0) return;
  const std::uint32_t last = at(i) << 16 | (left == 2 ? at(i + 1) << 8 : 0);
  *to++ = alphabet[last >> 18 & 63];
  *to++ = alphabet[last >> 12 & 63];
  if (left == 2) *to++ = alphabet[last >> 6 & 63];
}

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the usual table: two for Levenshtein, one more for swapped neighbours.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace base
