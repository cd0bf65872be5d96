// SPDX-License-Identifier: MIT
// What the tests of probe share.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <string_view>

#include "commands/probe/log.hpp"
#include "commands/probe/payloads/payloads.hpp"

namespace support {

// A moment by both clocks, so long after the start.
inline commands::Instant at(std::chrono::nanoseconds time) {
  using namespace std::chrono_literals;
  return {net::SystemTime(1'000'000s + time), std::chrono::steady_clock::time_point(5'000s + time)};
}

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
