// SPDX-License-Identifier: MIT
// The network interfaces of this host.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/address.hpp"

namespace net {

struct Interface {
  unsigned index = 0;
  std::string name;
  bool up = false;
  bool multicast = false;
  bool loopback = false;
  bool ipv4 = false;  // has an address of the family
  bool ipv6 = false;
  std::vector<Address> addresses = {};  // zones left out

  std::string shown() const;  // the name, escaped: a name may hold any byte but '/', ':' and blanks

  bool has(Family family) const { return family == Family::ipv4 ? ipv4 : ipv6; }

  // Up, with an address of the family, and able to multicast; the loopback counts although it lacks the flag.
  bool valid_for_multicast(Family family) const { return up && (multicast || loopback) && has(family); }
};

// Every interface, in the order of their indices (getifaddrs(3)).
std::vector<Interface> interfaces();

// The interface of that name or index. Throws UsageError that lists those there are.
Interface find_interface(std::string_view word);

// The name of an interface (if_indextoname(3), remembered for a second, for it may be renamed), or its index in
// decimal when it is gone. As it is: shown_interface() is for people. The view is good until this thread calls again.
std::string_view interface_name(unsigned index);
std::string shown_interface(unsigned index);

// False once the interface is gone: a new one of the same name has another index.
bool exists(const Interface& interface);

// Interfaces by which a group or link-local address could be meant: up, not the loopback, with the address that
// takes; the loopback only where there is no other.
std::vector<Interface> candidates_for(const Address& address);

// An address that needs a zone with the only interface that can be meant: what this host has itself is on that
// interface. Throws UsageError that lists the candidates when there are several or none.
Address with_only_zone(const Address& address);
// The same for one to bind to. Throws Failure where no interface has it.
Address with_own_zone(const Address& address);

// The name of the interface that has that address, or "?".
std::string interface_with(const Address& address);

// True when an interface of this host is known to have that address.
bool is_own_address(const Address& address);

std::string names_of(const std::vector<Interface>& interfaces);  // "eth0, wlan0"

}  // namespace net
