// SPDX-License-Identifier: MIT
// One JSON object a line (RFC 8259), appended to a buffer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/address.hpp"
#include "net/datagram.hpp"

namespace output {

// Appends a JSON string with its quotes. Printable UTF-8 stands as it is; controls, bidirectional controls and the
// like are \uNNNN, so that a terminal is as safe as with the text form. `bytes` must be valid UTF-8; what is not
// becomes U+FFFD.
void append_json_string(std::string& out, std::string_view bytes);

// Builds {"event":"NAME","time":"...",...} and ends the line when it goes.
class JsonEvent {
 public:
  JsonEvent(std::string& out, std::string_view name);
  JsonEvent(std::string& out, std::string_view name, net::SystemTime time);
  ~JsonEvent() { out_ += "}\n"; }
  JsonEvent(const JsonEvent&) = delete;
  JsonEvent& operator=(const JsonEvent&) = delete;

  JsonEvent& text(std::string_view key, std::string_view value);
  JsonEvent& number(std::string_view key, std::uint64_t value);
  JsonEvent& decimal(std::string_view key, double value, int places = 3);
  JsonEvent& boolean(std::string_view key, bool value);
  JsonEvent& null(std::string_view key);
  // A value that is JSON already.
  JsonEvent& raw(std::string_view key, std::string_view json);
  JsonEvent& address(std::string_view key, const net::Address& value);
  // "family", "address" and "port".
  JsonEvent& endpoint(const net::Endpoint& value);

 private:
  void key(std::string_view name);

  std::string& out_;
};

net::SystemTime now();

}  // namespace output
