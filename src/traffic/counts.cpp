// SPDX-License-Identifier: MIT
#include "traffic/counts.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/mix.hpp"

namespace traffic {
namespace {

struct Seed {
  std::uint64_t a, b;
  Seed() {
    // Not std::random_device, which may open a file: the first sender may come when that is shut off.
    if (getentropy(this, sizeof *this) != 0) {
      throw base::failure(errno, "cannot get random bytes");
    }
    a |= 1;
    b |= 1;
  }
};

}  // namespace

std::uint64_t hash_of(const net::Endpoint& endpoint) {
  static const Seed seed;
  const auto hash_first = [&](std::uint64_t hash, const void* bytes, std::size_t size) {
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), bytes, size);
    for (const std::uint64_t word : words) hash = base::mixed((hash ^ word) * seed.b);
    return hash;
  };
  static_assert(sizeof(sockaddr_in) == 16 && sizeof(sockaddr_in6) == 28);
  const auto* const bytes = static_cast<const char*>(static_cast<const void*>(endpoint.data()));
  const std::uint64_t hash = hash_first(seed.a, bytes, 16);
  return endpoint.size() == 16 ? hash : hash_first(hash, bytes + 16, 12);
}

void SenderCounter::add_hash(std::uint64_t hash) {
  if (count_ >= max_) return;
  if (hash == 0) hash = 1;
  __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  insert(std::exchange(waiting_[next_], hash));
  next_ = (next_ + 1) % waiting_.size();
}

void SenderCounter::add(const SenderCounter& other) {
  for (const std::uint64_t hash : other.slots_) insert(hash);
  for (const std::uint64_t hash : other.waiting_) insert(hash);
}

std::size_t SenderCounter::count() const {
  std::size_t more = 0;
  for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
    const bool is_new = *one != 0 && slots_[slot_of(*one)] == 0;
    more += is_new && std::find(waiting_.begin(), one, *one) == one;
  }
  return std::min(count_ + more, max_);
}

std::size_t SenderCounter::slot_of(std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at] != 0 && slots_[at] != hash) at = (at + 1) & mask;
  return at;
}

void SenderCounter::insert(std::uint64_t hash) {
  if (hash == 0 || count_ >= max_) return;
  std::uint64_t& slot = slots_[slot_of(hash)];
  if (slot == hash) return;
  slot = hash;
  if (++count_ * 2 > slots_.size()) grow();
}

void SenderCounter::grow() {
  std::vector<std::uint64_t> old(slots_.size() * 2);
  old.swap(slots_);
  for (const std::uint64_t hash : old) {
    if (hash != 0) slots_[slot_of(hash)] = hash;
  }
}

}  // namespace traffic
