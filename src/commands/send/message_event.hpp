// SPDX-License-Identifier: MIT
// What `-j` printed, read again: one JSON object a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.hpp"

namespace commands {

// A `message` event.
struct MessageEvent {
  std::string payload;
  std::optional<base::Nanoseconds> time;  // since the epoch
  std::optional<std::uint16_t> port;      // that it was sent to
};

// Nothing for another event of -j, such as `listening`. Throws UsageError for a line that is no event, and for a
// message without a payload.
std::optional<MessageEvent> parse_message_event(std::string_view line);

}  // namespace commands
