// SPDX-License-Identifier: MIT
#include "net/own_addresses.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace net {

std::optional<Address> address_of(const ifaddrs& entry) {
  const int family = entry.ifa_addr == nullptr ? AF_UNSPEC : entry.ifa_addr->sa_family;
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  Endpoint endpoint;  // of IPv4 until it is filled, whatever its size is set to: then size() is not the room there is
  std::memcpy(endpoint.data(), entry.ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  return with_zone(endpoint.address(), 0);
}

std::optional<std::vector<Address>> addresses_of_interfaces() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return std::nullopt;
  std::vector<Address> found;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (const auto address = address_of(*one)) found.push_back(*address);
  }
  freeifaddrs(first);
  return found;
}

std::optional<bool> OwnAddresses::holds(const Address& address, Time now) {
  if (address.is_loopback()) return true;
  if (!asked_ || now - *asked_ >= std::chrono::seconds(1)) {
    asked_ = now;
    known_ = list_();
  }
  if (!known_) return std::nullopt;
  return std::find(known_->begin(), known_->end(), with_zone(address, 0)) != known_->end();
}

Source source_of_answer(const Metadata& metadata) {
  Source source;
  source.address = metadata.local;
  const bool by_interface = metadata.destination && metadata.destination->is_v6() &&
                            (!metadata.local || metadata.local->to_v6().is_link_local());
  if (by_interface) source.interface = metadata.interface.value_or(0);
  return source;
}

bool reached_many(const Metadata& metadata) {
  if (!metadata.destination) return false;
  if (metadata.destination->is_multicast()) return true;
  return metadata.destination->is_v4() && metadata.local && *metadata.local != *metadata.destination;
}

}  // namespace net
