// SPDX-License-Identifier: MIT
// A strict reader of one JSON value (RFC 8259), for what udptool prints: it fails on the slightest deviation.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "fuzz.hpp"

namespace fuzz {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : left_(text) {}

  bool at_end() const { return left_.empty(); }

  // An object of plain values: strings decoded, others as they are written. No key may come twice.
  std::map<std::string, std::string> object() {
    std::map<std::string, std::string> out;
    expect('{');
    while (true) {
      const std::string key = string();
      expect(':');
      const std::string value = !left_.empty() && left_[0] == '"' ? string() : word();
      MUST(out.emplace(key, value).second);
      if (left_.empty() || left_[0] != ',') break;
      expect(',');
    }
    expect('}');
    return out;
  }

  std::string string() {
    std::string out;
    expect('"');
    while (true) {
      const std::size_t run = left_.find_first_of("\"\\");
      MUST(run != std::string_view::npos);
      must_be_harmless(left_.substr(0, run));
      out += left_.substr(0, run);
      left_.remove_prefix(run);
      if (take() == '"') return out;
      append_escape(out);
    }
  }

 private:
  char take() {
    MUST(!left_.empty());
    const char c = left_[0];
    left_.remove_prefix(1);
    return c;
  }
  void expect(char c) { MUST(take() == c); }

  std::string word() {
    const std::string out(left_.substr(0, left_.find_first_of(",}")));
    left_.remove_prefix(out.size());
    if (out == "null" || out == "true" || out == "false") return out;
    MUST(!out.empty() && out.find_first_not_of("0123456789") == std::string::npos);
    MUST(out.size() == 1 || out[0] != '0');
    return out;
  }

  std::uint32_t unit() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const std::size_t digit = std::string_view("0123456789abcdef").find(take());
      MUST(digit != std::string_view::npos);
      value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  void append_escape(std::string& out) {
    const char c = take();
    if (c == '"' || c == '\\') {
      out += c;
      return;
    }
    MUST(c == 'u');
    const std::uint32_t value = unit();
    MUST(value < 0xd800 || value > 0xdfff);  // nothing that is escaped needs a pair
    if (value < 0x80) {
      out += static_cast<char>(value);
    } else if (value < 0x800) {
      out += static_cast<char>(0xc0 | value >> 6);
      out += static_cast<char>(0x80 | (value & 0x3f));
    } else {
      out += static_cast<char>(0xe0 | value >> 12);
      out += static_cast<char>(0x80 | (value >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (value & 0x3f));
    }
  }

  std::string_view left_;
};

}  // namespace fuzz
