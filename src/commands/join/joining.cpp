// SPDX-License-Identifier: MIT
#include "commands/join/joining.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/units.hpp"
#include "net/group.hpp"

namespace commands {

using base::UsageError;

void Joining::join_all() {
  for (const net::GroupWord& word : options_.groups) {
    const net::Address last = net::advanced(word.first, word.count - 1);
    if (!word.source && (net::is_source_specific(word.first) || net::is_source_specific(last))) {
      report_.notice(fmt::format("{} is for source-specific multicast: routers ignore a join without SOURCE",
                                 net::to_string(net::is_source_specific(word.first) ? word.first : last)));
    }
    const std::vector<net::Interface> interfaces = interfaces_for(word);
    for (std::uint32_t i = 0; i < word.count; ++i) {
      if (memberships_.ending()) return tell_cut_short();  // thousands take the kernel many seconds
      join_one(word, net::advanced(word.first, i), interfaces);
    }
  }
}

void Joining::tell_cut_short() {
  report_.notice(fmt::format("it was to end before all groups were joined: {}",
                             base::counted(memberships_.all().size(), "membership")));
}

void Joining::join_one(const net::GroupWord& word, const net::Address& group,
                       const std::vector<net::Interface>& interfaces) {
  const bool chosen = !options_.interfaces.empty() || net::zone_of(zoned(word)) != 0;
  std::size_t joined = 0;
  std::vector<base::Failure> errors;
  for (const net::Interface& interface : interfaces) {
    if (is_member(word, group, interface)) {
      ++joined;
      continue;
    }
    try {
      memberships_.join(word.source, group, word.port, interface);
      ++joined;
    } catch (const base::Failure& error) {
      if (chosen || Memberships::is_limit(error.code)) throw;
      errors.push_back(error);
    }
  }
  if (joined == 0 && !errors.empty()) throw errors.front();
  for (const base::Failure& error : errors) {
    report_.notice(fmt::format("{}; going on with the other interfaces", error.what()));
  }
}

// The same group twice is one. Taking it from any source and from one of them contradicts itself.
bool Joining::is_member(const net::GroupWord& word, const net::Address& group, const net::Interface& interface) const {
  for (const Membership* one : memberships_.find(group, word.port, interface)) {
    if (one->source == word.source) return true;
    if (!one->source || !word.source) {
      throw UsageError(fmt::format("{} is joined both from any source and from {}", net::to_string(group),
                                   net::to_string(one->source ? *one->source : *word.source)));
    }
  }
  return false;
}

// What names the zone, if any does: the group, or the source that is to be heard.
const net::Address& Joining::zoned(const net::GroupWord& word) {
  const unsigned group = net::zone_of(word.first);
  const unsigned source = word.source ? net::zone_of(*word.source) : 0;
  if (group != 0 && source != 0 && group != source) {
    throw UsageError(fmt::format("the zones of {} and {} contradict each other", net::to_string(*word.source),
                                 net::to_string(word.first)));
  }
  return source != 0 ? *word.source : word.first;
}

std::vector<net::Interface> Joining::interfaces_for(const net::GroupWord& word) {
  const net::Family family = net::family_of(word.first);
  const unsigned zone = net::zone_of(zoned(word));
  std::vector<net::Interface> found;
  for (const net::Interface& one : options_.interfaces.empty() ? net::interfaces() : options_.interfaces) {
    const bool here = one.up && (zone == 0 || one.index == zone);
    const bool valid = here && one.valid_for_multicast(family);
    if (!options_.interfaces.empty() && !valid) tell_or_refuse(one, zoned(word), family);
    if (valid || !options_.interfaces.empty()) found.push_back(one);
  }
  if (found.empty()) {
    throw base::Failure(ENODEV, fmt::format("cannot join {}: no interface is up and able to multicast over {}",
                                            net::to_string(word.first), net::name_of(family)));
  }
  return found;
}

// An interface that was named and is not fit for multicast: the kernel may join there all the same.
void Joining::tell_or_refuse(const net::Interface& interface, const net::Address& zoned, net::Family family) {
  const unsigned zone = net::zone_of(zoned);
  const std::string name = interface.shown();
  if (zone != 0 && interface.index != zone) {
    throw UsageError(fmt::format("the zone of {} contradicts -i {}", net::to_string(zoned), name));
  }
  if (!interface.up) throw UsageError(fmt::format("interface {} is down", name));
  if (!told_.insert({interface.index, family}).second) return;
  const bool able = interface.multicast || interface.loopback;
  report_.notice(fmt::format(
      "joining on {} although it {}", name,
      able ? fmt::format("has no {} address", net::name_of(family)) : std::string("lacks the MULTICAST flag")));
}

// Interfaces that have become valid since. One that refuses is told once.
void Joining::join_later_interfaces() {
  if (memberships_.left()) return;
  for (const net::Interface& interface : net::interfaces()) {
    for (const net::GroupWord& word : options_.groups) {
      const unsigned zone = net::zone_of(zoned(word));
      if (!interface.valid_for_multicast(net::family_of(word.first)) || (zone != 0 && zone != interface.index))
        continue;
      for (std::uint32_t i = 0; i < word.count && !memberships_.ending(); ++i)
        join_later(word, net::advanced(word.first, i), interface);
    }
  }
}

void Joining::join_later(const net::GroupWord& word, const net::Address& group, const net::Interface& interface) {
  if (refused_.count(interface.index) != 0 || is_member(word, group, interface)) return;
  try {
    memberships_.join(word.source, group, word.port, interface);
  } catch (const base::Failure& error) {
    refused_.insert(interface.index);
    report_.notice(error.what());
  }
}

}  // namespace commands
