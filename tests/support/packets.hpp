// SPDX-License-Identifier: MIT
// Packets that are put together by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace support {

// A number in network order.
inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes) & 0xff);
  return out;
}

// RFC 3550, 5.1.
inline std::string rtp(std::uint16_t sequence, std::uint32_t timestamp = 0, std::uint32_t ssrc = 1,
                       std::uint8_t payload_type = 96, std::string_view payload = "data") {
  return "\x80" + big_endian(payload_type, 1) + big_endian(sequence, 2) + big_endian(timestamp, 4) +
         big_endian(ssrc, 4) + std::string(payload);
}

}  // namespace support
