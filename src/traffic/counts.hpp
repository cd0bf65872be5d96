// SPDX-License-Identifier: MIT
// What has been heard: how many datagrams and bytes, and how many different senders, in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "net/address.hpp"
#include "net/datagram.hpp"

namespace traffic {

// A 64-bit number for an endpoint, different in every process, so that nobody can choose addresses that collide.
std::uint64_t hash_of(const net::Endpoint& endpoint);

// Counts different senders by their hashes: exact, but for a chance below 1 in 10 million of two that look alike
// among a million. From `max` on it stops counting.
class SenderCounter {
 public:
  static constexpr std::size_t default_max = 1u << 20;

  explicit SenderCounter(std::size_t max = default_max) : max_(max) {}

  void add(const net::Endpoint& sender) {
    if (any_ && net::identical(sender, last_)) return;
    any_ = true;
    last_ = sender;
    add_hash(hash_of(sender));
  }
  // Those of another, too: one that both have heard counts once.
  void add(const SenderCounter& other);
  std::size_t count() const;
  bool is_full() const { return count() >= max_; }

 private:
  void add_hash(std::uint64_t hash);
  void insert(std::uint64_t hash);
  std::size_t slot_of(std::uint64_t hash) const;  // where it is, or is to be
  void grow();

  std::size_t max_;
  std::size_t count_ = 0;  // without those that wait
  bool any_ = false;
  net::Endpoint last_;
  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(16);  // open addressing; 0 is free
  // With many senders each slot is far away in memory: it is fetched while the next few datagrams are handled.
  std::array<std::uint64_t, 8> waiting_{};
  std::size_t next_ = 0;  // of waiting_
};

struct Counts {
  std::uint64_t datagrams = 0;
  std::uint64_t bytes = 0;
  SenderCounter senders;

  void add(const net::Received& received) {
    datagrams += received.count();
    bytes += received.size();
    senders.add(*received.sender);
  }
};

}  // namespace traffic
