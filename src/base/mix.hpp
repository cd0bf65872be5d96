// SPDX-License-Identifier: MIT
// What hashes are made of.
#pragma once

#include <cstdint>

namespace base {

// Murmur3's finalizer: every bit of the result depends on every bit of `x`.
constexpr std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdull;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ull;
  return x ^ x >> 33;
}

}  // namespace base
