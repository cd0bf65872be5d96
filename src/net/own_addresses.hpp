// SPDX-License-Identifier: MIT
// Which addresses are this host's own, and which of them answers.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "net/address.hpp"
#include "net/datagram.hpp"

struct ifaddrs;

namespace net {

// The address of an entry of getifaddrs(3), its zone left out; nothing where it is none of IP.
std::optional<Address> address_of(const ifaddrs& entry);

// Every address of every interface, zones left out (getifaddrs(3)); nothing when they cannot be had.
std::optional<std::vector<Address>> addresses_of_interfaces();

// Remembers them for a second, for who asks for every datagram. What is bound by ip_nonlocal_bind is not own.
class OwnAddresses {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using List = std::function<std::optional<std::vector<Address>>()>;

  explicit OwnAddresses(List list = &addresses_of_interfaces) : list_(std::move(list)) {}

  // Nothing when it cannot be told: no descriptor is left to ask with.
  std::optional<bool> holds(const Address& address, Time now);

 private:
  List list_;
  std::optional<std::vector<Address>> known_;
  std::optional<Time> asked_;
};

// From where to answer what came so: the address that was asked; for a group or broadcast the interface's own, which
// the kernel picks.
Source source_of_answer(const Metadata& metadata);

// Whether it came to a group or to broadcast: over IPv4 the address to answer from then differs from the destination.
bool reached_many(const Metadata& metadata);

}  // namespace net
