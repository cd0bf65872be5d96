// SPDX-License-Identifier: MIT
// What the targets share: a way to fail that names what did not hold, values from the fuzzer's bytes, and a
// reader of UTF-8 that has nothing in common with the one that is tested.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#define MUST(condition)                                                              \
  do {                                                                               \
    if (!(condition)) {                                                              \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                  \
    }                                                                                \
  } while (false)

namespace fuzz {

// Values taken off the front of the input; zeros when it has ended.
class Feed {
 public:
  Feed(const std::uint8_t* data, std::size_t size) : left_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return left_.empty(); }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(left_[0]);
    left_.remove_prefix(1);
    return value;
  }
  std::uint16_t two_bytes() {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  std::uint32_t four_bytes() {
    const std::uint32_t high = two_bytes();
    return high << 16 | two_bytes();
  }
  std::string_view bytes(std::size_t most) {
    const std::string_view taken = left_.substr(0, most);
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() { return bytes(left_.size()); }

 private:
  std::string_view left_;
};

// The code points of UTF-8 as RFC 3629's grammar has it; fails on anything else.
inline std::vector<std::uint32_t> code_points(std::string_view text) {
  std::vector<std::uint32_t> out;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const std::uint8_t first = at(i);
    if (first < 0x80) {
      out.push_back(first);
      ++i;
      continue;
    }
    MUST(first >= 0xc2 && first <= 0xf4);
    const std::size_t tails = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    MUST(text.size() - i > tails);
    const std::uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const std::uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    MUST(at(i + 1) >= low && at(i + 1) <= high);
    std::uint32_t value = first & (0x3fu >> tails);
    for (std::size_t tail = 1; tail <= tails; ++tail) {
      MUST((at(i + tail) & 0xc0) == 0x80);
      value = value << 6 | (at(i + tail) & 0x3fu);
    }
    out.push_back(value);
    i += tails + 1;
  }
  return out;
}

// Fails unless the text is valid UTF-8 that cannot drive a terminal, apart from the controls that are
// allowed.
inline void must_be_harmless(std::string_view text, std::string_view allowed = {}) {
  for (const std::uint32_t c : code_points(text)) {
    if (c < 0x80 && allowed.find(static_cast<char>(c)) != std::string_view::npos) continue;
    MUST(c >= 0x20);
    MUST(c < 0x7f || c > 0x9f);
    MUST(c != 0x2028 && c != 0x2029 && c != 0x61c && c != 0x200e && c != 0x200f);
    MUST(c < 0x202a || c > 0x202e);
    MUST(c < 0x2066 || c > 0x2069);
  }
}

inline std::string base64_decoded(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  MUST(text.size() % 4 == 0);
  std::string out;
  std::uint32_t bits = 0;
  const std::size_t end = std::min(text.find('='), text.size());
  MUST(text.size() - end <= 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t value = i < end ? alphabet.find(text[i]) : 0;
    MUST(value != std::string_view::npos);
    MUST(i < end || text[i] == '=');
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift & 0xff);
    bits = 0;
  }
  out.resize(out.size() - (text.size() - end));
  return out;
}

}  // namespace fuzz
