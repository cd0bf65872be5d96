// SPDX-License-Identifier: MIT
#include "base/hash.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/bytes.hpp"

namespace base {
namespace {

// The first 32 bits of the fractions of the cube roots of the first 64 primes.
constexpr std::array<std::uint32_t, 64> round_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

std::string_view as_text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// The words that the rounds take, made from a block.
std::array<std::uint32_t, 64> schedule(const std::uint8_t* block) {
  std::array<std::uint32_t, 64> words;
  ByteReader reader(as_text(block, 64));
  for (std::size_t i = 0; i < 16; ++i) words[i] = reader.u32();
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t early = words[i - 15];
    const std::uint32_t late = words[i - 2];
    const std::uint32_t s0 = std::rotr(early, 7) ^ std::rotr(early, 18) ^ early >> 3;
    const std::uint32_t s1 = std::rotr(late, 17) ^ std::rotr(late, 19) ^ late >> 10;
    words[i] = words[i - 16] + s0 + words[i - 7] + s1;
  }
  return words;
}

}  // namespace

void Sha256::take_block(const std::uint8_t* block) {
  const std::array<std::uint32_t, 64> words = schedule(block);
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[i] + words[i];
    const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const std::array<std::uint32_t, 8> result{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state_[i] += result[i];
}

Sha256& Sha256::add(std::string_view bytes) {
  const auto* from = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::size_t left = bytes.size();
  while (left > 0) {
    const std::size_t used = size_ % block_size;
    if (used == 0 && left >= block_size) {
      take_block(from);
      from += block_size;
      left -= block_size;
      size_ += block_size;
      continue;
    }
    const std::size_t taken = std::min(left, block_size - used);
    std::memcpy(waiting_.data() + used, from, taken);
    from += taken;
    left -= taken;
    size_ += taken;
    if (size_ % block_size == 0) take_block(waiting_.data());
  }
  return *this;
}

Sha256::Digest Sha256::digest() {
  const std::uint64_t bits = size_ * 8;
  constexpr std::array<char, block_size> padding{'\x80'};
  const std::size_t used = size_ % block_size;
  add({padding.data(), (used < 56 ? 56 : 120) - used});
  std::array<char, 8> length;
  store_number(length.data(), bits, length.size());
  add({length.data(), length.size()});
  Digest digest;
  for (std::size_t i = 0; i < 8; ++i) store_number(reinterpret_cast<char*>(digest.data()) + 4 * i, state_[i], 4);
  return digest;
}

Hmac::Hmac(std::string_view key) {
  constexpr std::size_t block_size = 64;
  std::array<std::uint8_t, block_size> block{};
  if (key.size() > block_size) {
    const Sha256::Digest digest = Sha256().add(key).digest();
    std::copy(digest.begin(), digest.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  for (std::uint8_t& byte : block) byte ^= 0x36;
  inner_.add(as_text(block.data(), block.size()));
  for (std::uint8_t& byte : block) byte ^= 0x36 ^ 0x5c;
  outer_.add(as_text(block.data(), block.size()));
}

Sha256::Digest Hmac::of(std::string_view first, std::string_view second) const {
  const Sha256::Digest inner = Sha256(inner_).add(first).add(second).digest();
  return Sha256(outer_).add(as_text(inner.data(), inner.size())).digest();
}

bool same_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= unsigned{byte_at(a, i)} ^ unsigned { byte_at(b, i) };
  return difference == 0;
}

}  // namespace base
