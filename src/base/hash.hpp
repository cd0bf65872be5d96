// SPDX-License-Identifier: MIT
// SHA-256 and HMAC: what authenticates a packet. Written here, for a library of cryptography costs every start more
// than all else that udptool does in one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace base {

// SHA-256 (FIPS 180-4) of what is added, piece by piece.
class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, 32>;

  Sha256& add(std::string_view bytes);
  // Of all that was added. Nothing may be added after it.
  Digest digest();

 private:
  static constexpr std::size_t block_size = 64;

  void take_block(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, block_size> waiting_{};  // what is no whole block yet
  std::uint64_t size_ = 0;
};

// HMAC-SHA-256 (RFC 2104, RFC 4231) under one key; the key's share of the work is done once.
class Hmac {
 public:
  explicit Hmac(std::string_view key);

  Sha256::Digest of(std::string_view bytes) const { return of(bytes, {}); }
  Sha256::Digest of(std::string_view first, std::string_view second) const;  // of both, one behind the other

 private:
  Sha256 inner_;
  Sha256 outer_;
};

// True when both are the same bytes; how long it takes tells nothing but their sizes.
bool same_in_constant_time(std::string_view a, std::string_view b);

}  // namespace base
