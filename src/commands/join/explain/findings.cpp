// SPDX-License-Identifier: MIT
#include "commands/join/explain/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/text.hpp"
#include "commands/join/explain/rows.hpp"

namespace commands {
namespace {

using net::Family;

std::string shown(const net::Interface& interface) { return base::escaped(interface.name); }

// Collects findings in the order in which they are made, each once. Those about groups have the groups put
// before the message, "239.1.1.1 and 7 more: ...", once all are known.
class Collector {
 public:
  void add(Finding finding) { add_for(nullptr, std::move(finding)); }
  void add(const net::Address& group, Finding finding) { add_for(&group, std::move(finding)); }

  std::vector<Finding> take() {
    std::vector<Finding> all;
    for (Entry& entry : entries_) {
      if (entry.groups > 0) {
        const std::string more = entry.groups > 1 ? fmt::format(" and {} more", entry.groups - 1) : "";
        entry.finding.message = fmt::format("{}{}: {}", entry.first_group, more, entry.finding.message);
      }
      all.push_back(std::move(entry.finding));
    }
    return all;
  }

 private:
  struct Entry {
    Finding finding;
    std::string first_group;
    net::Address last_group;
    std::size_t groups = 0;
  };

  void add_for(const net::Address* group, Finding finding) {
    const auto [at, fresh] = index_.try_emplace({finding.code, finding.interface, finding.message}, entries_.size());
    if (fresh) entries_.push_back({std::move(finding), {}, {}, 0});
    if (group == nullptr) return;
    Entry& entry = entries_[at->second];
    if (entry.groups > 0 && entry.last_group == *group) return;
    if (entry.groups++ == 0) entry.first_group = net::to_string(*group);
    entry.last_group = *group;
  }

  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> index_;
  std::vector<Entry> entries_;
};

class Explainer {
 public:
  Explainer(const std::vector<ExplainTarget>& targets, const MulticastState& state, const RouteLookup& route_to)
      : targets_(targets), state_(state), route_to_(route_to) {}

  std::vector<Finding> run() {
    look_at_host();
    for (const ExplainTarget& target : targets_) {
      for (const net::Interface& interface : target.interfaces) {
        const Family family = net::family_of(target.group);
        if (!seen_.insert({interface.index, family}).second) continue;
        for (const Row& row : interface_rows()) look_at(facts(target, interface, {}), row);
      }
    }
    look_for_any_network();
    look_at_limits();
    for (const ExplainTarget& target : targets_) {
      look_at_group(target);
      look_at_route(target);
      for (const net::Interface& interface : target.interfaces) look_at_senders(target, interface);
    }
    return found_.take();
  }

 private:
  void look_at_host() {
    if (!state_.readable) {
      found_.add({"no_table", "", "the kernel's tables of memberships in /proc/net cannot be read",
                  "look at how /proc is mounted"});
    }
    if (state_.host == HostKind::wsl) {
      found_.add({"wsl", "", "this is WSL, whose network passes no multicast from the LAN by default",
                  "set networkingMode=mirrored in .wslconfig"});
      return;
    }
    const InterfaceState* inside = nullptr;
    for (const ExplainTarget& target : targets_) {
      for (const net::Interface& interface : target.interfaces) {
        const InterfaceState* state = state_.find(interface.index);
        if (state == nullptr || state->link.kind != "veth") continue;
        if (state_.host == HostKind::container || interface.name == "eth0") inside = state;
      }
    }
    if (inside == nullptr) return;
    const std::string name = shown(inside->interface);
    found_.add({"container", name,
                fmt::format("this looks like a container whose {} leads to a bridge, and multicast from "
                            "outside usually stops there",
                            name),
                "use the host's network (docker run --network host) or a macvlan network"});
  }

  Facts facts(const ExplainTarget& target, const net::Interface& interface, const net::FoundRoute& way_back) const {
    return {state_, target, interface, state_.find(interface.index), net::family_of(target.group), way_back};
  }

  void look_at(const Facts& facts, const Row& row) {
    if (!row.holds(facts)) return;
    Finding finding{row.code, facts.name(), row.message(facts), row.advice(facts)};
    row.of_group ? found_.add(facts.target.group, std::move(finding)) : found_.add(std::move(finding));
  }

  // True when something from beyond this host could arrive.
  static bool reaches_network(const ExplainTarget& target) {
    return std::any_of(target.interfaces.begin(), target.interfaces.end(),
                       [](const net::Interface& one) { return !one.loopback; });
  }

  void look_for_any_network() {
    if (targets_.empty() || std::any_of(targets_.begin(), targets_.end(), reaches_network)) return;
    std::vector<net::Interface> others;
    for (const InterfaceState& one : state_.interfaces) {
      if (!one.interface.loopback) others.push_back(one.interface);
    }
    found_.add({"only_loopback", "", "only the loopback is joined, so that nothing from the network arrives",
                others.empty() ? "this host has no other interface; give it one" : advice_on(others)});
  }

  // Where others could be joined, they were not asked for.
  std::string advice_on(const std::vector<net::Interface>& others) const {
    const net::Family family = net::family_of(targets_.front().group);
    std::vector<net::Interface> valid;
    std::copy_if(others.begin(), others.end(), std::back_inserter(valid),
                 [&](const net::Interface& one) { return one.valid_for_multicast(family); });
    return valid.empty() ? fmt::format("see that one of {} is up, with an address", net::names_of(others))
                         : fmt::format("-i asks for no other; {} could be joined", net::names_of(valid));
  }

  void look_at_limits() {
    std::size_t memberships = 0;
    std::set<std::tuple<net::Address, std::uint16_t, unsigned>> sockets;
    std::map<std::pair<net::Address, unsigned>, std::size_t> sources;
    for (const ExplainTarget& target : targets_) {
      if (target.group.is_v4()) memberships += target.interfaces.size();
      for (const net::Interface& interface : target.interfaces) {
        sockets.insert({target.group, target.port, net::needs_zone(target.group) ? interface.index : 0});
        if (target.source) ++sources[{target.group, interface.index}];
      }
    }
    check_limit("membership_limit", "IPv4 memberships", memberships, state_.max_memberships,
                "net.ipv4.igmp_max_memberships");
    std::size_t max4 = 0;
    std::size_t max6 = 0;
    for (const auto& [key, count] : sources) {
      std::size_t& max = key.first.is_v4() ? max4 : max6;
      max = std::max(max, count);
    }
    check_limit("source_limit", "sources of a group", max4, state_.max_sources_v4, "net.ipv4.igmp_max_msf");
    check_limit("source_limit", "sources of a group", max6, state_.max_sources_v6, "net.ipv6.mld_max_msf");
    constexpr std::size_t other_files = 16;  // stdin, stdout, the event loop, a capture, ...
    if (sockets.size() + other_files <= state_.max_files) return;
    found_.add({"file_limit", "",
                fmt::format("{} groups take a socket each, and this process may have {} files open", sockets.size(),
                            state_.max_files),
                fmt::format("ulimit -n {}", sockets.size() + other_files)});
  }

  void check_limit(const char* code, std::string_view things, std::size_t wanted, std::optional<long> limit,
                   std::string_view setting) {
    if (!limit || wanted == 0 || static_cast<long>(wanted) <= *limit) return;
    const std::string cure = fmt::format("sysctl -w {}={}", setting, wanted);
    if (*limit <= 0) {
      found_.add({code, "", fmt::format("a socket may not have any {}", things), cure});
    } else {
      found_.add({code, "", fmt::format("{} {} are more than the {} that one socket may have", wanted, things, *limit),
                  "join takes several sockets; programs with one need " + cure});
    }
  }

  void look_at_group(const ExplainTarget& target) {
    for (const GroupRow& row : group_rows()) {
      if (row.holds(target)) found_.add(target.group, {row.code, "", row.message, row.advice});
    }
  }

  // Joins name their interface and need no route. What this host sends to the group does, and so do programs
  // that join without naming one.
  void look_at_route(const ExplainTarget& target) {
    if (net::needs_zone(target.group) || net::zone_of(target.group) != 0 || target.interfaces.empty()) return;
    const net::FoundRoute route = route_to_(target.group);
    const Family family = net::family_of(target.group);
    const auto network =
        std::find_if(target.interfaces.begin(), target.interfaces.end(),
                     [&](const net::Interface& one) { return !one.loopback && one.valid_for_multicast(family); });
    const std::string by = shown(network == target.interfaces.end() ? target.interfaces.front() : *network);
    const std::string add =
        fmt::format("ip route add {} dev {}", target.group.is_v4() ? "224.0.0.0/4" : "ff00::/8", by);
    if (route.answer == net::FoundRoute::Answer::none) {
      found_.add(target.group, {"no_route", "", "no route to it, so that what names no interface on this host fails",
                                fmt::format("name it (udptool send -i {}), or {}", by, add)});
    }
    if (route.answer != net::FoundRoute::Answer::by_interface) return;
    const bool joined = std::any_of(target.interfaces.begin(), target.interfaces.end(),
                                    [&](const net::Interface& one) { return one.index == route.interface; });
    if (joined) return;
    const std::string leaves = base::escaped(net::interface_name(route.interface));
    found_.add(target.group, {"route_elsewhere", leaves,
                              fmt::format("what is sent on this host leaves by {}, which is not joined", leaves),
                              fmt::format("name the interface when sending here (udptool send -i {})", by)});
  }

  void look_at_senders(const ExplainTarget& target, const net::Interface& interface) {
    if (target.group.is_v6()) return;
    if (!target.source) {
      for (const Row& row : any_sender_rows()) look_at(facts(target, interface, route_to(somewhere)), row);
      return;
    }
    const Facts all = facts(target, interface, route_to(*target.source));
    for (const Row& row : source_rows()) look_at(all, row);
  }

  net::FoundRoute route_to(const net::Address& address) {
    const auto [known, fresh] = routes_.try_emplace(address);
    if (fresh) known->second = route_to_(address);
    return known->second;
  }

  // Only the default route leads there (RFC 5737, for documentation).
  static inline const net::Address somewhere = net::asio::ip::address_v4(0xc6336401);  // 198.51.100.1

  const std::vector<ExplainTarget>& targets_;
  const MulticastState& state_;
  const RouteLookup& route_to_;
  std::set<std::pair<unsigned, Family>> seen_;
  std::map<net::Address, net::FoundRoute> routes_;  // to senders
  Collector found_;
};

}  // namespace

std::vector<Finding> explain(const std::vector<ExplainTarget>& targets, const MulticastState& state,
                             const RouteLookup& route_to) {
  return Explainer(targets, state, route_to).run();
}

}  // namespace commands
