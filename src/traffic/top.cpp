// SPDX-License-Identifier: MIT
#include "traffic/top.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

namespace traffic {

std::size_t TopSenders::Hash::operator()(const net::Endpoint& endpoint) const {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(endpoint.data()), endpoint.size()});
}

std::size_t TopSenders::place_of(const net::Endpoint& endpoint, net::SystemTime when) {
  if (const auto known = places_.find(endpoint); known != places_.end()) return known->second;
  std::size_t place = senders_.size();
  if (place < capacity_) {
    senders_.emplace_back();
    counts_.push_back(0);
  } else {
    place = static_cast<std::size_t>(std::min_element(counts_.begin(), counts_.end()) - counts_.begin());
    places_.erase(senders_[place].endpoint);
  }
  Sender& sender = senders_[place];
  sender.endpoint = endpoint;
  sender.surplus = sender.before = sender.datagrams;
  sender.first = sender.last = when;
  places_.emplace(endpoint, place);
  return place;
}

void TopSenders::add(const net::Received& received, net::SystemTime when) {
  const std::size_t place = place_of(*received.sender, when);
  Sender& sender = senders_[place];
  sender.datagrams += received.count();
  sender.bytes += received.size();
  sender.last = when;
  counts_[place] = sender.datagrams;
}

void TopSenders::add(const TopSenders& other) {
  for (const Sender& more : other.senders_) {
    const std::size_t place = place_of(more.endpoint, more.first);
    Sender& sender = senders_[place];
    sender.datagrams += more.datagrams;
    sender.bytes += more.bytes;
    sender.before += more.before;
    sender.surplus += more.surplus;
    sender.first = std::min(sender.first, more.first);
    sender.last = std::max(sender.last, more.last);
    counts_[place] = sender.datagrams;
  }
}

std::vector<TopSenders::Sender> TopSenders::top(std::size_t n) const {
  std::vector<Sender> all = senders_;
  n = std::min(n, all.size());
  const auto more = [](const Sender& a, const Sender& b) {
    if (a.datagrams != b.datagrams) return a.datagrams > b.datagrams;
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.endpoint < b.endpoint;
  };
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n), all.end(), more);
  all.resize(n);
  return all;
}

void TopSenders::mark() {
  for (Sender& sender : senders_) sender.before = sender.datagrams;
}

}  // namespace traffic
