// SPDX-License-Identifier: MIT
// What the tests of probe's payloads share.
#pragma once

#include <doctest/doctest.h>

#include <random>
#include <string_view>

#include "commands/probe/payloads/payloads.hpp"

namespace support {

// Random bits that are the same for the same seed.
inline commands::RandomBits bits(unsigned seed) {
  std::mt19937 random(seed);
  commands::RandomBits out;
  for (auto& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

inline const commands::Payload& payload(std::string_view name) {
  const commands::Payload* found = commands::find_payload(name);
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace support
