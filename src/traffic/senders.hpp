// Who has been heard: how many different senders, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "net/address.hpp"

namespace traffic {

// A 64-bit number for an endpoint, different in every process, so that nobody can choose addresses that collide.
std::uint64_t hash_of(const net::Endpoint& endpoint);

// Counts different senders by their hashes: exact, but for a chance below 1 in 10 million of two that look alike
// among a million. From `most` on it stops counting.
class SenderCounter {
 public:
  static constexpr std::size_t default_most = 1u << 20;

  explicit SenderCounter(std::size_t most = default_most) : most_(most) {}

  void add(const net::Endpoint& sender) {
    if (count_ > 0 && net::identical(sender, last_)) return;
    last_ = sender;
    add_hash(hash_of(sender));
  }
  std::size_t count() const { return count_; }
  bool is_full() const { return count_ >= most_; }

 private:
  void add_hash(std::uint64_t hash);
  void grow();

  std::size_t most_;
  std::size_t count_ = 0;
  net::Endpoint last_;
  std::vector<std::uint64_t> slots_;  // open addressing; 0 is free
};

}  // namespace traffic
