// SPDX-License-Identifier: MIT
// Lines of any bytes are a message, another event, or refused; what -j would print of a payload is read back.
#include <string>

#include "base/error.hpp"
#include "base/text.hpp"
#include "commands/send/message_event.hpp"
#include "fuzz.hpp"
#include "output/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    commands::parse_message_event(bytes);
  } catch (const base::UsageError&) {
  }
  std::string line = R"({"event":"message",)";
  if (base::is_utf8(bytes)) {
    line += "\"text\":";
    output::append_json_string(line, bytes);
  } else {
    line += "\"base64\":\"";
    base::append_base64(line, bytes);
    line += '"';
  }
  line += '}';
  const auto message = commands::parse_message_event(line);
  MUST(message && message->payload == bytes);
  return 0;
}
