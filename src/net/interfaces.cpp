// SPDX-License-Identifier: MIT
#include "net/interfaces.hpp"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/own_addresses.hpp"

namespace net {
namespace {

std::string listing() {
  const std::string names = names_of(interfaces());
  return names.empty() ? "there is none" : "known are " + names;
}

std::time_t coarse_second() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

}  // namespace

std::vector<Interface> interfaces() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) {
    throw base::failure(errno, "cannot list the network interfaces");
  }
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, &freeifaddrs);
  std::map<unsigned, Interface> found;
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    const std::string label = entry->ifa_name;  // of an alias: "eth0:1"
    const std::string name = label.substr(0, label.find(':'));
    const unsigned index = if_nametoindex(name.c_str());
    if (index == 0) continue;  // gone meanwhile
    Interface& one = found[index];
    one.index = index;
    one.name = name;
    one.up = (entry->ifa_flags & IFF_UP) != 0;
    one.multicast = (entry->ifa_flags & IFF_MULTICAST) != 0;
    one.loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
    const auto address = address_of(*entry);
    if (!address) continue;
    one.addresses.push_back(*address);
    one.ipv4 |= address->is_v4();
    one.ipv6 |= address->is_v6();
  }
  std::vector<Interface> all;
  all.reserve(found.size());
  for (auto& [index, one] : found) all.push_back(std::move(one));
  return all;
}

Interface find_interface(std::string_view word) {
  std::vector<Interface> all = interfaces();
  // Names first: one that looks like a number must not be hidden by another's index.
  for (Interface& one : all) {
    if (one.name == word) return std::move(one);
  }
  for (Interface& one : all) {
    if (std::to_string(one.index) == word) return std::move(one);
  }
  throw base::UsageError(fmt::format("no interface '{}'; {}", base::printable(word), listing()));
}

std::string Interface::shown() const { return base::escaped(name); }

std::string_view interface_name(unsigned index) {
  // Small and cleared when full: a host that makes and removes interfaces all day must not grow it.
  thread_local std::map<unsigned, std::string> names;
  thread_local std::time_t second = 0;
  constexpr std::size_t max_names = 256;
  const std::time_t now = coarse_second();
  if (now != second || names.size() >= max_names) names.clear();
  second = now;
  if (const auto known = names.find(index); known != names.end()) return known->second;
  char name[IF_NAMESIZE];
  thread_local std::string unknown;
  if (if_indextoname(index, name) == nullptr) return unknown = std::to_string(index);
  return names[index] = name;
}

std::string shown_interface(unsigned index) { return base::escaped(interface_name(index)); }

bool exists(const Interface& interface) {
  char name[IF_NAMESIZE];
  return if_indextoname(interface.index, name) != nullptr || errno != ENXIO;
}

std::vector<Interface> candidates_for(const Address& address) {
  std::vector<Interface> candidates;
  std::vector<Interface> loopbacks;
  const Family family = family_of(address);
  for (Interface& one : interfaces()) {
    if (!one.up || !one.has(family) || (address.is_multicast() && !one.valid_for_multicast(family))) continue;
    (one.loopback ? loopbacks : candidates).push_back(std::move(one));
  }
  return candidates.empty() ? loopbacks : candidates;
}

namespace {

Address with_zone_of_one(const Address& address, const std::vector<Interface>& candidates) {
  if (candidates.size() == 1) return with_zone(address, candidates[0].index);
  const std::string text = to_string(address);
  if (candidates.empty()) {
    throw base::UsageError(fmt::format("{} needs an interface, and none here has IPv6", text));
  }
  throw base::UsageError(fmt::format("{} needs an interface: write {}%{} or add -i; candidates are {}", text, text,
                                     candidates[0].shown(), names_of(candidates)));
}

// Those that have that address, whatever zone it names.
std::vector<Interface> owners_of(const Address& address) {
  std::vector<Interface> all = interfaces();
  std::erase_if(all, [wanted = with_zone(address, 0)](const Interface& one) {
    return std::find(one.addresses.begin(), one.addresses.end(), wanted) == one.addresses.end();
  });
  return all;
}

}  // namespace

Address with_only_zone(const Address& address) {
  const std::vector<Interface> owners = owners_of(address);
  return with_zone_of_one(address, owners.empty() ? candidates_for(address) : owners);
}

Address with_own_zone(const Address& address) {
  const std::vector<Interface> owners = owners_of(address);
  if (owners.empty()) throw base::Failure(EADDRNOTAVAIL, fmt::format("no interface has {}", to_string(address)));
  return with_zone_of_one(address, owners);
}

std::string interface_with(const Address& address) {
  const std::vector<Interface> owners = owners_of(address);
  return owners.empty() ? "?" : owners.front().shown();
}

bool is_own_address(const Address& address) {
  return OwnAddresses().holds(address, OwnAddresses::Time::clock::now()).value_or(false);
}

std::string names_of(const std::vector<Interface>& interfaces) {
  std::string names;
  for (const Interface& one : interfaces) {
    if (!names.empty()) names += ", ";
    names += one.shown();
  }
  return names;
}

}  // namespace net
