// What the tests of probe's payloads share.
#pragma once

#include <doctest/doctest.h>

#include <random>
#include <string_view>

#include "traffic/payloads.hpp"

namespace support {

// Random bits that are the same for the same seed.
inline traffic::RandomBits bits(unsigned seed) {
  std::mt19937 random(seed);
  traffic::RandomBits out;
  for (auto& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

inline const traffic::Payload& payload(std::string_view name) {
  const traffic::Payload* found = traffic::find_payload(name);
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace support
