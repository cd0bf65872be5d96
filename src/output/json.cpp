// SPDX-License-Identifier: MIT
#include "output/json.hpp"

#include <fmt/format.h>

#include <array>

#include "base/text.hpp"
#include "output/timestamp.hpp"

namespace output {
namespace {

void append_u_escape(std::string& out, std::uint32_t value) {
  if (value >= 0x10000) {  // a surrogate pair
    append_u_escape(out, 0xd800 + ((value - 0x10000) >> 10));
    return append_u_escape(out, 0xdc00 + ((value - 0x10000) & 0x3ff));
  }
  constexpr std::string_view digits = "0123456789abcdef";
  const std::array<char, 6> text{
      '\\', 'u', digits[value >> 12 & 15], digits[value >> 8 & 15], digits[value >> 4 & 15], digits[value & 15]};
  out.append(text.data(), text.size());
}

}  // namespace

void append_json_string(std::string& out, std::string_view bytes) {
  out += '"';
  for (;;) {
    const std::size_t run = base::plain_run(bytes);
    out.append(bytes.data(), run);
    bytes.remove_prefix(run);
    if (bytes.empty()) break;
    const base::CodePoint next = base::next_code_point(bytes);
    if (next.value == '"' || next.value == '\\') {
      out += '\\';
      out += static_cast<char>(next.value);
    } else if (!next.valid) {
      out += "\xef\xbf\xbd";
    } else if (base::is_printable(next.value)) {
      out += bytes.substr(0, next.size);
    } else {
      append_u_escape(out, next.value);
    }
    bytes.remove_prefix(next.size);
  }
  out += '"';
}

JsonEvent::JsonEvent(std::string& out, std::string_view name) : JsonEvent(out, name, now()) {}

JsonEvent::JsonEvent(std::string& out, std::string_view name, net::SystemTime time) : out_(out) {
  out_ += "{\"event\":\"";
  out_ += name;
  out_ += "\",\"time\":\"";
  append_time(out_, time, 9);
  out_ += '"';
}

void JsonEvent::key(std::string_view name) {
  out_ += ",\"";
  out_ += name;
  out_ += "\":";
}

JsonEvent& JsonEvent::text(std::string_view name, std::string_view value) {
  key(name);
  append_json_string(out_, value);
  return *this;
}

JsonEvent& JsonEvent::number(std::string_view name, std::uint64_t value) {
  key(name);
  base::append_number(out_, value);
  return *this;
}

JsonEvent& JsonEvent::decimal(std::string_view name, double value, int places) {
  key(name);
  out_ += fmt::format("{:.{}f}", value, places);
  return *this;
}

JsonEvent& JsonEvent::boolean(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }

JsonEvent& JsonEvent::null(std::string_view name) { return raw(name, "null"); }

JsonEvent& JsonEvent::raw(std::string_view name, std::string_view json) {
  key(name);
  out_ += json;
  return *this;
}

JsonEvent& JsonEvent::address(std::string_view name, const net::Address& value) {
  return text(name, net::unescaped(value));
}

JsonEvent& JsonEvent::endpoint(const net::Endpoint& value) {
  text("family", net::name_of(net::family_of(value)));
  address("address", value.address());
  return number("port", value.port());
}

net::SystemTime now() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

}  // namespace output
