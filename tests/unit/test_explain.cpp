// SPDX-License-Identifier: MIT
#include "commands/join/explain/findings.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "support/addresses.hpp"
#include "support/check.hpp"

using commands::ExplainTarget;
using commands::Finding;
using commands::MulticastState;
using net::FoundRoute;
using support::address;
using support::contains;

namespace {

const net::Interface lo{1, "lo", true, false, true, true, true};
const net::Interface eth0{2, "eth0", true, true, false, true, true};
const net::Interface eth1{3, "eth1", true, true, false, true, true};

// A host on which nothing stands in the way: the default route leaves by eth0.
MulticastState well() {
  MulticastState state;
  for (const net::Interface& one : {lo, eth0, eth1}) {
    state.interfaces.push_back({});
    state.interfaces.back().interface = one;
    state.interfaces.back().igmp_version = 3;
  }
  state.max_memberships = 20;
  state.max_sources_v4 = 10;
  state.max_sources_v6 = 64;
  state.max_files = 1'024;
  state.readable = true;
  return state;
}

ExplainTarget target(std::string_view group, std::vector<net::Interface> interfaces = {lo, eth0, eth1}) {
  return {address(group), {}, 5'000, std::move(interfaces)};
}

ExplainTarget from(std::string_view source, std::string_view group, std::vector<net::Interface> interfaces) {
  return {address(group), address(source), 5'000, std::move(interfaces)};
}

FoundRoute by(unsigned interface) { return {FoundRoute::Answer::by_interface, interface, false}; }

std::vector<Finding> explained(const std::vector<ExplainTarget>& targets, const MulticastState& state = well(),
                               const FoundRoute& route = by(2)) {
  return commands::explain(targets, state, [&](const net::Address&) { return route; });
}

std::vector<std::string> codes(const std::vector<Finding>& findings) {
  std::vector<std::string> all;
  for (const Finding& one : findings) all.push_back(one.code);
  return all;
}

using Codes = std::vector<std::string>;

}  // namespace

TEST_CASE("nothing is found where all is well") {
  CHECK(codes(explained({target("239.1.1.1")})) == Codes{});
  CHECK(codes(explained({target("ff15::7")})) == Codes{});
  CHECK(codes(explained({from("10.0.0.9", "232.1.1.1", {eth0})})) == Codes{});
  CHECK(codes(explained({from("2001:db8::9", "ff35::1", {lo, eth0})})) == Codes{});
  CHECK(codes(explained({target("239.1.1.1", {eth0}), target("239.1.1.2", {eth0}), target("ff15::7", {eth0})})) ==
        Codes{});
  CHECK(codes(explained({})) == Codes{});
}

TEST_CASE("interfaces that cannot receive are named with the cure") {
  net::Interface down = eth0;
  down.up = false;
  net::Interface plain = eth0;
  plain.multicast = false;
  net::Interface bare = eth0;
  bare.ipv4 = bare.ipv6 = false;
  MulticastState unplugged = well();
  unplugged.interfaces[1].link.running = false;
  struct Row {
    std::string code;
    ExplainTarget target;
    MulticastState state;
    std::string advice;
  };
  for (const Row& row :
       std::vector<Row>{{"interface_down", target("239.1.1.1", {down}), well(), "ip link set eth0 up"},
                        {"no_multicast_flag", target("239.1.1.1", {plain}), well(), "ip link set eth0 multicast on"},
                        {"no_address", target("239.1.1.1", {bare}), well(), "ip address add ADDRESS/PREFIX dev eth0"},
                        {"no_address", target("ff15::7", {bare}), well(), "net.ipv6.conf.eth0.disable_ipv6=0"},
                        {"no_carrier", target("239.1.1.1", {eth0}), unplugged, "cable"}}) {
    CAPTURE(row.code);
    const std::vector<Finding> findings = explained({row.target}, row.state);
    REQUIRE(codes(findings) == Codes{row.code});
    CHECK(findings[0].interface == "eth0");
    CHECK(contains(findings[0].message, "eth0"));
    CHECK(contains(findings[0].advice, row.advice));
  }
}

TEST_CASE("an interface that another one owns is told, with the owner to join by") {
  const net::Interface br0{4, "br0", true, true, false, true, true};
  for (const char* kind : {"bridge", "bond", "team"}) {
    MulticastState state = well();
    state.interfaces.push_back({});
    state.interfaces.back().interface = br0;
    state.interfaces[1].link.master = 4;
    state.interfaces[1].link.port_kind = kind;
    const std::vector<Finding> findings = explained({target("239.1.1.1", {eth0})}, state);
    REQUIRE(codes(findings) == Codes{"port"});
    CHECK(findings[0].message == std::string("eth0 is a ") + kind + " port of br0, which takes what arrives by it");
    CHECK(findings[0].advice == "join by br0 (-i br0)");
    state.interfaces.back().interface.ipv4 = false;
    CHECK(contains(explained({target("239.1.1.1", {eth0})}, state).at(0).advice, "see that br0 is up"));
    state.interfaces[1].link.port_kind = "vrf";  // takes nothing away
    CHECK(codes(explained({target("239.1.1.1", {eth0})}, state)) == Codes{});
  }
  MulticastState state = well();
  state.interfaces[1].stolen = true;
  CHECK(codes(explained({target("239.1.1.1", {eth0})}, state)) == Codes{"passthru"});
}

TEST_CASE("another interface is advised only where there is one") {
  net::Interface down = eth0;
  down.up = false;
  CHECK(contains(explained({target("239.1.1.1", {down})}).at(0).advice, "or choose another with -i"));
  MulticastState alone = well();
  alone.interfaces.resize(2);
  CHECK(explained({target("239.1.1.1", {down})}, alone).at(0).advice == "ip link set eth0 up");
}

TEST_CASE("an interface is complained of once, for however many groups") {
  net::Interface down = eth0;
  down.up = false;
  CHECK(codes(explained({target("239.1.1.1", {down}), target("239.1.1.2", {down}), target("ff15::7", {down})})) ==
        Codes{"interface_down"});
}

TEST_CASE("only the loopback is told, with what else there is") {
  const std::vector<Finding> findings = explained({target("239.1.1.1", {lo})}, well(), by(1));
  REQUIRE(codes(findings) == Codes{"only_loopback"});
  CHECK(contains(findings[0].advice, "eth0, eth1"));
  MulticastState alone = well();
  alone.interfaces.resize(1);
  CHECK(contains(explained({target("239.1.1.1", {lo})}, alone, by(1)).at(0).advice, "no other interface"));
}

TEST_CASE("the route to a group matters to those that send, unless it is of link scope") {
  const FoundRoute none{FoundRoute::Answer::none, 0, false};
  const std::vector<Finding> missing = explained({target("239.1.1.1"), target("239.1.1.2")}, well(), none);
  REQUIRE(codes(missing) == Codes{"no_route"});
  CHECK(contains(missing[0].message, "239.1.1.1 and 1 more: no route"));
  CHECK(contains(missing[0].advice, "ip route add 224.0.0.0/4 dev eth0"));
  CHECK(contains(explained({target("ff15::7")}, well(), none).at(0).advice, "ff00::/8"));
  CHECK(codes(explained({target("ff02::fb%lo")}, well(), none)) == Codes{"link_scope"});
  CHECK(codes(explained({target("239.1.1.1")}, well(), {})) == Codes{});  // unknown

  const std::vector<Finding> elsewhere = explained({target("239.1.1.1", {eth1})}, well(), by(1));
  REQUIRE(codes(elsewhere) == Codes{"route_elsewhere"});
  CHECK(elsewhere[0].interface == "lo");
  CHECK(contains(elsewhere[0].message, "leaves by lo, which is not joined"));
  CHECK(contains(elsewhere[0].advice, "-i eth1"));
}

TEST_CASE("rp_filter is told where it drops what the senders send") {
  const FoundRoute none{FoundRoute::Answer::none, 0, false};
  const FoundRoute local{FoundRoute::Answer::by_interface, 1, true};
  const ExplainTarget any = target("239.1.1.1", {eth1});
  net::Interface bare = eth1;
  bare.ipv4 = false;
  const ExplainTarget one = from("10.0.0.9", "232.1.1.1", {eth1});
  struct Row {
    std::string what;
    long mode;
    ExplainTarget target;
    FoundRoute to_source;
    bool told;
    std::string advice;
  };
  for (const Row& row :
       std::vector<Row>{{"off", 0, one, none, false, ""},
                        {"strict, source by the same interface", 1, one, by(3), false, ""},
                        {"strict, source by another", 1, one, by(2), true, "sysctl -w net.ipv4.conf.eth1.rp_filter=2"},
                        {"strict, no way back", 1, one, none, true, "net.ipv4.conf.all.rp_filter=0"},
                        {"strict, route unknown", 1, one, {}, false, ""},
                        {"strict, source on this host", 1, one, local, false, ""},
                        {"loose, source by another", 2, one, by(2), false, ""},
                        {"loose, no way back", 2, one, none, true, "ip route add 10.0.0.9 dev eth1"},
                        {"strict, any source, not the default interface", 1, any, by(2), true, "eth1.rp_filter=2"},
                        {"strict, any source, the default interface", 1, any, by(3), false, ""},
                        {"strict, any source, no default route: loose is no cure", 1, any, none, true,
                         "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0, or ip route add"},
                        {"loose, any source", 2, any, by(2), false, ""},
                        {"loose, any source, no default route", 2, any, none, true,
                         "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0, or ip route add"},
                        {"loose, no address, so strict", 2, from("10.0.0.9", "232.1.1.1", {bare}), by(2), true,
                         "net.ipv4.conf.all.rp_filter=0"},
                        {"loose, no address, source by it", 2, from("10.0.0.9", "232.1.1.1", {bare}), by(3), false, ""},
                        {"strict, the loopback", 1, target("239.1.1.1", {lo, eth0}), by(2), false, ""},
                        {"strict, IPv6 has no such filter", 1, target("ff15::7", {eth1}), by(3), false, ""}}) {
    CAPTURE(row.what);
    MulticastState state = well();
    for (commands::InterfaceState& interface : state.interfaces) interface.rp_filter = row.mode;
    std::vector<Finding> findings = commands::explain({row.target}, state, [&](const net::Address& to) {
      return to.is_multicast() ? by(row.target.interfaces.back().index) : row.to_source;
    });
    std::erase_if(findings, [](const Finding& finding) { return finding.code == "no_address"; });
    REQUIRE(codes(findings) == (row.told ? Codes{"rp_filter"} : Codes{}));
    if (!row.told) continue;
    CHECK(findings[0].interface == "eth1");
    CHECK(contains(findings[0].advice, row.advice));
  }
}

TEST_CASE("limits are told when they are passed") {
  const auto groups = [](std::size_t count) {
    std::vector<ExplainTarget> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(target("239.1.1." + std::to_string(i), {eth0}));
    return all;
  };
  const auto sources = [](std::size_t count) {
    std::vector<ExplainTarget> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(from("10.0.0." + std::to_string(i), "232.1.1.1", {eth0}));
    return all;
  };
  CHECK(codes(explained(groups(20))) == Codes{});
  const std::vector<Finding> many = explained(groups(21));
  REQUIRE(codes(many) == Codes{"membership_limit"});
  CHECK(contains(many[0].message, "21 IPv4 memberships are more than the 20"));
  CHECK(contains(many[0].advice, "net.ipv4.igmp_max_memberships=21"));
  CHECK(codes(explained(sources(10))) == Codes{});
  CHECK(codes(explained(sources(11))) == Codes{"source_limit"});

  MulticastState none = well();
  none.max_memberships = 0;
  CHECK(contains(explained(groups(1), none).at(0).message, "may not have any IPv4 memberships"));
  none.max_memberships.reset();
  none.max_files = 36;
  CHECK(codes(explained(groups(20), none)) == Codes{});
  const std::vector<Finding> files = explained(groups(21), none);
  REQUIRE(codes(files) == Codes{"file_limit"});
  CHECK(contains(files[0].advice, "ulimit -n 37"));
}

TEST_CASE("old and forced versions of IGMP and MLD are told where they matter") {
  MulticastState state = well();
  state.interfaces[1].igmp_version = 2;
  CHECK(codes(explained({target("239.1.1.1", {eth0})}, state)) == Codes{});
  const auto old = explained({from("10.0.0.9", "232.1.1.1", {eth0})}, state);
  REQUIRE(codes(old) == Codes{"old_querier"});
  CHECK(contains(old[0].message, "eth0 speaks IGMPv2"));

  state.interfaces[1].forced_igmp = 2;
  const auto forced = explained({from("10.0.0.9", "232.1.1.1", {eth0})}, state);
  REQUIRE(codes(forced) == Codes{"forced_version"});
  CHECK(contains(forced[0].advice, "net.ipv4.conf.all.force_igmp_version=0 net.ipv4.conf.eth0.force_igmp_version=0"));
  CHECK(codes(explained({target("ff15::7", {eth0})}, state)) == Codes{});
  state.interfaces[1].forced_igmp = 3;
  state.interfaces[1].forced_mld = 1;
  CHECK(codes(explained({target("239.1.1.1", {eth0})}, state)) == Codes{});
  CHECK(contains(explained({target("ff15::7", {eth0})}, state).at(0).message, "MLD is forced to version 1 on eth0"));
}

TEST_CASE("groups that need a source or do not travel are told") {
  struct Row {
    std::string group;
    Codes codes;
  };
  for (const Row& row : std::vector<Row>{{"231.255.255.255", {}},
                                         {"232.0.0.1", {"no_source"}},
                                         {"233.0.0.1", {}},
                                         {"ff35::1", {"no_source"}},
                                         {"ff35:1::1", {}},
                                         {"224.0.0.0", {"link_scope"}},
                                         {"224.0.0.251", {"link_scope"}},
                                         {"224.0.1.0", {}},
                                         {"ff02::fb", {"link_scope"}},
                                         {"ff12::fb", {"link_scope"}},
                                         {"ff01::1", {"interface_scope"}},
                                         {"ff05::2", {}}}) {
    CAPTURE(row.group);
    CHECK(codes(explained({target(row.group, {eth0})})) == row.codes);
  }
}

TEST_CASE("likely containers and WSL are told") {
  MulticastState veth = well();
  veth.interfaces[1].link.kind = "veth";
  CHECK(codes(explained({target("239.1.1.1", {eth0})}, veth)) == Codes{"container"});
  CHECK(codes(explained({target("239.1.1.1", {eth1})}, veth, by(3))) == Codes{});
  veth.interfaces[1].link.kind.clear();
  veth.interfaces[2].link.kind = "veth";
  CHECK(codes(explained({target("239.1.1.1", {eth1})}, veth, by(3))) == Codes{});
  veth.host = commands::HostKind::container;
  CHECK(codes(explained({target("239.1.1.1", {eth1})}, veth, by(3))) == Codes{"container"});
  CHECK(codes(explained({target("239.1.1.1", {eth0})}, veth)) == Codes{});  // on the host's network
  veth.host = commands::HostKind::wsl;
  CHECK(codes(explained({target("239.1.1.1", {eth0})}, veth)) == Codes{"wsl"});
}

TEST_CASE("a setting of an interface with dots in its name is written with slashes, and its name is escaped") {
  net::Interface vlan = eth0;
  vlan.name = "eth0.7";
  MulticastState state = well();
  state.interfaces[1].interface = vlan;
  state.interfaces[1].forced_igmp = 1;
  CHECK(contains(explained({target("239.1.1.1", {vlan})}, state).at(0).advice,
                 "net/ipv4/conf/eth0.7/force_igmp_version=0"));
  net::Interface odd = eth0;
  odd.name = "e\x1b[2J";
  odd.up = false;
  CHECK(explained({target("239.1.1.1", {odd})}).at(0).message == "e\\x1b[2J is down");
}

TEST_CASE("the kernel's table is shown for what is joined, and what it lacks is told") {
  MulticastState state = well();
  state.memberships.push_back({2, address("239.1.1.1"), 3, {}});
  state.memberships.push_back({3, address("239.9.9.9"), 1, {}});
  const std::vector<ExplainTarget> targets{target("239.1.1.1", {eth0, eth1}), target("239.1.1.1", {eth0})};
  const std::vector<commands::HostMembership> rows = commands::table_of(targets, state);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].users == 3);
  CHECK(rows[0].interface == 2);
  CHECK(rows[1].users == 0);
  const std::vector<Finding> missing = commands::explain_missing(targets, state);
  REQUIRE(codes(missing) == Codes{"not_in_table"});
  CHECK(missing[0].message == "the kernel's table lacks 239.1.1.1 on eth1");
  state.readable = false;
  CHECK(commands::explain_missing(targets, state).empty());
  CHECK(codes(explained(targets, state)) == Codes{"no_table"});
}
