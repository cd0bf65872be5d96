// SPDX-License-Identifier: MIT
#include "commands/join/explain/rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "net/group.hpp"

namespace commands {
namespace {

// A setting of one interface as sysctl(8) takes it: with slashes when the interface's name has dots.
std::string sysctl(std::string_view family, const net::Interface& interface, std::string_view key) {
  const char dot = interface.name.find('.') == std::string::npos ? '.' : '/';
  return fmt::format("net{0}{1}{0}conf{0}{2}{0}{3}", dot, family, base::escaped(interface.name), key);
}

constexpr Row interface_rows_list[] = {
    {"interface_down", [](const Facts& f) { return !f.interface.up; },
     [](const Facts& f) { return fmt::format("{} is down", f.name()); },
     [](const Facts& f) { return fmt::format("ip link set {} up{}", f.name(), f.or_another()); }},
    {"no_multicast_flag",
     [](const Facts& f) { return f.interface.up && !f.interface.multicast && !f.interface.loopback; },
     [](const Facts& f) { return fmt::format("{} lacks the MULTICAST flag", f.name()); },
     [](const Facts& f) { return fmt::format("ip link set {} multicast on{}", f.name(), f.or_another()); }},
    {"no_address", [](const Facts& f) { return f.interface.up && !f.interface.has(f.family); },
     [](const Facts& f) { return fmt::format("{} has no {} address", f.name(), net::name_of(f.family)); },
     [](const Facts& f) {
       const std::string add = fmt::format("ip address add ADDRESS/PREFIX dev {}", f.name());
       return f.v4() ? add : fmt::format("sysctl -w {}=0, or {}", f.setting("disable_ipv6"), add);
     }},
    {"port", [](const Facts& f) { return f.interface.up && f.owner() != nullptr; },
     [](const Facts& f) {
       return fmt::format("{} is a {} port of {}, which takes what arrives by it", f.name(),
                          base::escaped(f.state->link.port_kind), base::escaped(f.owner()->interface.name));
     },
     [](const Facts& f) {
       const net::Interface& owner = f.owner()->interface;
       if (owner.valid_for_multicast(f.family)) return fmt::format("join by {0} (-i {0})", base::escaped(owner.name));
       return fmt::format("see that {0} is up, with an address, and join by it (-i {0})", base::escaped(owner.name));
     }},
    {"passthru", [](const Facts& f) { return f.usable() && f.state->stolen; },
     [](const Facts& f) { return fmt::format("a macvlan in passthru mode on {} takes what arrives by it", f.name()); },
     [](const Facts&) { return std::string("join by the macvlan, or put it in bridge mode"); }},
    {"no_carrier", [](const Facts& f) { return f.usable() && !f.state->link.running; },
     [](const Facts& f) { return fmt::format("{} is up but has no carrier, so that nothing arrives by it", f.name()); },
     [](const Facts&) { return std::string("look at the cable, the access point or the other end of the link"); }},
    {"forced_version",
     [](const Facts& f) { return f.usable() && f.forced_version() != 0 && f.forced_version() != (f.v4() ? 3 : 2); },
     [](const Facts& f) {
       return fmt::format("{} is forced to version {} on {}, so that routers never hear of sources",
                          f.v4() ? "IGMP" : "MLD", f.forced_version(), f.name());
     },
     [](const Facts& f) {
       const std::string_view key = f.v4() ? "force_igmp_version" : "force_mld_version";
       return fmt::format("sysctl -w {}=0 {}=0", f.setting_of_all(key), f.setting(key));
     }},
};

bool is_link_scope(const net::Address& group) {
  if (group.is_v4()) return group.to_v4().to_uint() >> 8 == 0xe00000;  // 224.0.0.0/24, RFC 5771
  return group.to_v6().is_multicast_link_local();
}

constexpr GroupRow group_rows_list[] = {
    {"no_source", [](const ExplainTarget& one) { return !one.source && net::is_source_specific(one.group); },
     "for source-specific multicast, and no source is given", "routers ignore such a join; write SOURCE,GROUP"},
    {"link_scope", [](const ExplainTarget& one) { return is_link_scope(one.group); },
     "of link scope, which no router forwards", "the sender must be on the same link, or use a group of wider scope"},
    {"interface_scope",
     [](const ExplainTarget& one) { return one.group.is_v6() && one.group.to_v6().is_multicast_node_local(); },
     "of interface scope, which never leaves a host", "the sender must be on this host, or use a group of wider scope"},
};

constexpr Row source_rows_list[] = {
    {"old_querier",
     [](const Facts& f) {
       const bool asks = f.usable() && f.v4() && !f.interface.loopback && f.state->forced_igmp == 0;
       return asks && (f.state->igmp_version == 1 || f.state->igmp_version == 2);
     },
     [](const Facts& f) {
       return fmt::format("a querier on {} speaks IGMPv{}, so that routers never hear of sources", f.name(),
                          f.state->igmp_version);
     },
     [](const Facts&) { return std::string("set the querier to version 3, or join without a source"); }, true},
    {"rp_filter", [](const Facts& f) { return f.drops_by_rp_filter(); },
     [](const Facts& f) {
       const std::string way =
           f.no_way_back() ? "nowhere" : "by " + base::escaped(net::interface_name(f.way_back.interface));
       return fmt::format("rp_filter is {} on {} and the route to {} leads {}, so that what it sends is dropped",
                          f.mode(), f.name(), net::to_string(*f.target.source), way);
     },
     [](const Facts& f) {
       return fmt::format("{}, or ip route add {} dev {}", f.cure(), net::to_string(*f.target.source), f.name());
     }},
};

// About any sender, and about the source that was named.
constexpr Row any_sender_row_list[] = {
    {"rp_filter", [](const Facts& f) { return f.drops_by_rp_filter(); },
     [](const Facts& f) {
       if (!f.is_strict()) {
         return fmt::format(
             "rp_filter is loose on {} and there is no default route, so that senders to which no route "
             "leads are dropped",
             f.name());
       }
       return fmt::format("rp_filter is {} on {}{}, so that senders which this host does not reach by {} are dropped",
                          f.mode(), f.name(), f.interface.ipv4 ? "" : ", which has no address", f.name());
     },
     [](const Facts& f) {
       return f.no_way_back() ? fmt::format("{}, or ip route add SENDER dev {}", f.cure(), f.name()) : f.cure();
     }}};

}  // namespace

std::string Facts::name() const { return base::escaped(interface.name); }

std::string Facts::setting(std::string_view key) const { return sysctl(v4() ? "ipv4" : "ipv6", interface, key); }

std::string Facts::setting_of_all(std::string_view key) const {
  net::Interface all;
  all.name = "all";
  return sysctl(v4() ? "ipv4" : "ipv6", all, key);
}

const InterfaceState* Facts::owner() const {
  const bool port = state != nullptr && state->link.master != 0 && state->link.port_kind != "vrf";
  return port ? host.find(state->link.master) : nullptr;
}

std::string Facts::or_another() const {
  const bool any = std::any_of(host.interfaces.begin(), host.interfaces.end(), [&](const InterfaceState& one) {
    const net::Interface& other = one.interface;
    return other.index != interface.index && !other.loopback && other.valid_for_multicast(family);
  });
  return any ? ", or choose another with -i" : "";
}

bool Facts::drops_by_rp_filter() const {
  if (!usable() || !v4() || interface.loopback || state->rp_filter == 0 || way_back.local) return false;
  const bool elsewhere =
      way_back.answer == net::FoundRoute::Answer::by_interface && way_back.interface != interface.index;
  return no_way_back() || (is_strict() && elsewhere);
}

std::string Facts::cure() const {
  const bool loose_is_enough = !no_way_back() && interface.ipv4;
  if (loose_is_enough) return fmt::format("sysctl -w {}=2", setting("rp_filter"));
  return fmt::format("sysctl -w {}=0 {}=0", setting_of_all("rp_filter"), setting("rp_filter"));
}

std::span<const Row> interface_rows() { return interface_rows_list; }
std::span<const GroupRow> group_rows() { return group_rows_list; }
std::span<const Row> source_rows() { return source_rows_list; }
std::span<const Row> any_sender_rows() { return any_sender_row_list; }

}  // namespace commands
