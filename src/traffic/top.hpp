// SPDX-License-Identifier: MIT
// Who sent the most, in bounded memory: the space-saving sketch (Metwally, Agrawal, El Abbadi 2005).
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "net/datagram.hpp"

namespace traffic {

class TopSenders {
 public:
  // Remembers so many senders. One that is forgotten for a new one leaves it its counts, so that none is too low.
  explicit TopSenders(std::size_t capacity = 1'024) : capacity_(capacity) {}

  struct Sender {
    net::Endpoint endpoint;
    std::uint64_t datagrams = 0;
    std::uint64_t bytes = 0;
    std::uint64_t before = 0;   // datagrams at the last mark()
    std::uint64_t surplus = 0;  // datagrams of forgotten ones that may be among them; 0: the counts are exact
    net::SystemTime first{};
    net::SystemTime last{};
  };

  void add(const net::Received& received, net::SystemTime when);
  // What another has heard, too.
  void add(const TopSenders& other);
  // The `n` that sent the most datagrams, the first of them first.
  std::vector<Sender> top(std::size_t n) const;
  // Begins a new interval: rates are over what came since.
  void mark();

 private:
  struct Hash {
    std::size_t operator()(const net::Endpoint& endpoint) const;
  };

  std::size_t place_of(const net::Endpoint& endpoint, net::SystemTime when);

  std::size_t capacity_;
  std::vector<Sender> senders_;
  std::vector<std::uint64_t> counts_;  // their datagrams, close together for the search of the smallest
  std::unordered_map<net::Endpoint, std::size_t, Hash> places_;
};

}  // namespace traffic
