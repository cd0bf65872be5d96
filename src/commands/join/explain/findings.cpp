#include "commands/join/explain/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/text.hpp"
#include "net/group.hpp"

namespace commands {
namespace {

using net::Family;

std::string shown(const net::Interface& interface) { return base::escaped(interface.name); }

// A setting of one interface as sysctl(8) takes it: with slashes when the interface's name has dots.
std::string sysctl(std::string_view family, const net::Interface& interface, std::string_view key) {
  const char dot = interface.name.find('.') == std::string::npos ? '.' : '/';
  return fmt::format("net{0}{1}{0}conf{0}{2}{0}{3}", dot, family, shown(interface), key);
}

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
        if (seen_.insert({interface.index, family}).second) look_at_interface(interface, family);
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
        if (state == nullptr || !state->container_link) continue;
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

  void look_at_interface(const net::Interface& interface, Family family) {
    const std::string name = shown(interface);
    const InterfaceState* state = state_.find(interface.index);
    if (!interface.up) {
      found_.add({"interface_down", name, fmt::format("{} is down", name),
                  fmt::format("ip link set {} up, or choose another with -i", name)});
      return;
    }
    if (!interface.multicast && !interface.loopback) {
      found_.add({"no_multicast_flag", name, fmt::format("{} lacks the MULTICAST flag", name),
                  fmt::format("ip link set {} multicast on, or choose another with -i", name)});
    }
    if (!interface.has(family)) {
      found_.add({"no_address", name, fmt::format("{} has no {} address", name, net::name_of(family)),
                  family == Family::ipv4 ? fmt::format("ip address add ADDRESS/PREFIX dev {}", name)
                                         : fmt::format("sysctl -w {}=0, or ip address add ADDRESS/PREFIX dev {}",
                                                       sysctl("ipv6", interface, "disable_ipv6"), name)});
    }
    if (state == nullptr) return;
    if (!state->carrier) {
      found_.add({"no_carrier", name, fmt::format("{} is up but has no carrier, so that nothing arrives by it", name),
                  "look at the cable, the access point or the other end of the link"});
    }
    look_at_forced_version(*state, family);
  }

  void look_at_forced_version(const InterfaceState& state, Family family) {
    const bool v4 = family == Family::ipv4;
    const long forced = v4 ? state.forced_igmp : state.forced_mld;
    const long current = v4 ? 3 : 2;
    if (forced == 0 || forced == current) return;
    const std::string key = v4 ? "force_igmp_version" : "force_mld_version";
    net::Interface all;
    all.name = "all";
    const std::string_view ip = v4 ? "ipv4" : "ipv6";
    found_.add({"forced_version", shown(state.interface),
                fmt::format("{} is forced to version {} on {}, so that routers never hear of sources",
                            v4 ? "IGMP" : "MLD", forced, shown(state.interface)),
                fmt::format("sysctl -w {}=0 {}=0", sysctl(ip, all, key), sysctl(ip, state.interface, key))});
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
                others.empty() ? "this host has no other interface; give it one"
                               : fmt::format("see that one of {} is up, with an address", net::names_of(others))});
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
    check_limit("membership_limit", "IPv4 memberships", memberships, state_.most_memberships,
                "net.ipv4.igmp_max_memberships");
    std::size_t most4 = 0;
    std::size_t most6 = 0;
    for (const auto& [key, count] : sources) {
      std::size_t& most = key.first.is_v4() ? most4 : most6;
      most = std::max(most, count);
    }
    check_limit("source_limit", "sources of a group", most4, state_.most_sources_v4, "net.ipv4.igmp_max_msf");
    check_limit("source_limit", "sources of a group", most6, state_.most_sources_v6, "net.ipv6.mld_max_msf");
    constexpr std::size_t other_files = 16;  // stdin, stdout, the event loop, a capture, ...
    if (sockets.size() + other_files <= state_.most_files) return;
    found_.add({"file_limit", "",
                fmt::format("{} groups take a socket each, and this process may have {} files open", sockets.size(),
                            state_.most_files),
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
    if (!target.source && net::is_source_specific(target.group)) {
      found_.add(target.group, {"no_source", "", "for source-specific multicast, and no source is given",
                                "routers ignore such a join; write SOURCE,GROUP"});
    }
    const net::Address& group = target.group;
    const bool link4 = group.is_v4() && group.to_v4().to_uint() >> 8 == 0xe00000;  // 224.0.0.0/24, RFC 5771
    if (link4 || (group.is_v6() && group.to_v6().is_multicast_link_local())) {
      found_.add(group, {"link_scope", "", "of link scope, which no router forwards",
                         "the sender must be on the same link, or use a group of wider scope"});
    }
    if (group.is_v6() && group.to_v6().is_multicast_node_local()) {
      found_.add(group, {"interface_scope", "", "of interface scope, which never leaves a host",
                         "the sender must be on this host, or use a group of wider scope"});
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
    const InterfaceState* state = state_.find(interface.index);
    if (state == nullptr || !interface.up || interface.loopback || target.group.is_v6()) return;
    if (target.source && state->forced_igmp == 0 && (state->igmp_version == 1 || state->igmp_version == 2)) {
      found_.add(target.group, {"old_querier", shown(interface),
                                fmt::format("a querier on {} speaks IGMPv{}, so that routers never hear of sources",
                                            shown(interface), state->igmp_version),
                                "set the querier to version 3, or join without a source"});
    }
    constexpr long strict = 1;
    if (target.source) {
      look_at_way_back(*target.source, *state);
    } else if (state->rp_filter == strict && interface.name != state_.default_interface) {
      const std::string name = shown(interface);
      found_.add({"rp_filter", name,
                  fmt::format("rp_filter is strict on {}, so that senders which this host does not reach by {} are "
                              "dropped",
                              name, name),
                  fmt::format("sysctl -w {}=2", sysctl("ipv4", interface, "rp_filter"))});
    }
  }

  // RFC 3704: strict takes only what comes by the interface that the way back leaves by; loose takes what has
  // one.
  void look_at_way_back(const net::Address& source, const InterfaceState& state) {
    if (state.rp_filter == 0) return;
    const bool strict = state.rp_filter == 1;
    const auto known = routes_.try_emplace(source).first;
    if (!known->second) known->second = route_to_(source);
    const net::FoundRoute& route = *known->second;
    if (route.answer == net::FoundRoute::Answer::unknown || route.local) return;
    const bool none = route.answer == net::FoundRoute::Answer::none;
    if (!none && (!strict || route.interface == state.interface.index)) return;
    const std::string name = shown(state.interface);
    const std::string way = none ? "nowhere" : "by " + base::escaped(net::interface_name(route.interface));
    net::Interface all;
    all.name = "all";
    const std::string off =
        fmt::format("{}=0 {}=0", sysctl("ipv4", all, "rp_filter"), sysctl("ipv4", state.interface, "rp_filter"));
    const std::string cure = none ? off : fmt::format("{}=2", sysctl("ipv4", state.interface, "rp_filter"));
    found_.add({"rp_filter", name,
                fmt::format("rp_filter is {} on {} and the route to {} leads {}, so that what it sends is dropped",
                            strict ? "strict" : "loose", name, net::to_string(source), way),
                fmt::format("sysctl -w {}, or ip route add {} dev {}", cure, net::to_string(source), name)});
  }

  const std::vector<ExplainTarget>& targets_;
  const MulticastState& state_;
  const RouteLookup& route_to_;
  std::set<std::pair<unsigned, Family>> seen_;
  std::map<net::Address, std::optional<net::FoundRoute>> routes_;  // to sources
  Collector found_;
};

}  // namespace

std::vector<Finding> explain(const std::vector<ExplainTarget>& targets, const MulticastState& state,
                             const RouteLookup& route_to) {
  return Explainer(targets, state, route_to).run();
}

}  // namespace commands
