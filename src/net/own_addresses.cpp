// SPDX-License-Identifier: MIT
#include "net/own_addresses.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace net {

std::optional<std::vector<Address>> addresses_of_interfaces() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return std::nullopt;
  std::vector<Address> found;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    const int family = one->ifa_addr == nullptr ? AF_UNSPEC : one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    Endpoint endpoint;
    endpoint.resize(family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    std::memcpy(endpoint.data(), one->ifa_addr, endpoint.size());
    found.push_back(with_zone(endpoint.address(), 0));
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
