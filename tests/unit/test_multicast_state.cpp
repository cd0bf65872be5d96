// SPDX-License-Identifier: MIT
#include "commands/join/explain/host_state.hpp"

#include <string>
#include <vector>

#include "net/route.hpp"
#include "support/addresses.hpp"
#include "support/check.hpp"

using commands::HostMembership;
using support::address;

namespace {

constexpr const char* igmp =
    "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
    "1\tlo        :     1      V3\n"
    "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
    "3\tv0        :     3      V2\n"
    "\t\t\t\t010101E8     2 0:00000000\t\t0\n"
    "\t\t\t\t010101EF     1 1:0000002A\t\t1\n";

constexpr const char* igmp6 =
    "1    lo              ff020000000000000000000000000001     1 0000000C 0\n"
    "3    v0              ff350000000000000000000000010001     2 00000004 0\n";

}  // namespace

TEST_CASE("/proc/net/igmp gives each interface's version and its groups") {
  const commands::IgmpTable table = commands::parse_igmp(igmp);
  REQUIRE(table.versions.size() == 2);
  CHECK(table.versions.at(1) == 3);
  CHECK(table.versions.at(3) == 2);
  REQUIRE(table.memberships.size() == 3);
  CHECK(table.memberships[0].interface == 1);
  CHECK(table.memberships[0].group == address("224.0.0.1"));
  CHECK(table.memberships[1].interface == 3);
  CHECK(table.memberships[1].group == address("232.1.1.1"));
  CHECK(table.memberships[1].users == 2);
  CHECK(table.memberships[2].group == address("239.1.1.1"));
  CHECK(table.memberships[2].users == 1);
  CHECK(table.memberships[2].sources.empty());
}

TEST_CASE("/proc/net/igmp6 gives groups without a zone") {
  const std::vector<HostMembership> memberships = commands::parse_igmp6(igmp6);
  REQUIRE(memberships.size() == 2);
  CHECK(memberships[0].interface == 1);
  CHECK(net::to_string(memberships[0].group) == "ff02::1");
  CHECK(memberships[1].interface == 3);
  CHECK(net::to_string(memberships[1].group) == "ff35::1:1");
  CHECK(memberships[1].users == 2);
}

TEST_CASE("/proc/net/mcfilter and mcfilter6 add sources to the membership of their group and interface") {
  std::vector<HostMembership> memberships = commands::parse_igmp(igmp).memberships;
  for (HostMembership& one : commands::parse_igmp6(igmp6)) memberships.push_back(one);
  commands::parse_mcfilter(
      "Idx Device        MCA        SRC    INC    EXC\n"
      "  3     v0 0xe8010101 0x0a000009      1      0\n"
      "  3     v0 0xe8010101 0x0a000008      0      2\n"
      "  1     lo 0xe8010101 0x0a000007      1      0\n",
      memberships);
  commands::parse_mcfilter(
      "Idx Device                Multicast Address                   Source Address    INC    EXC\n"
      "  3     v0 ff350000000000000000000000010001 20010db8000000000000000000000009      1      0\n",
      memberships);
  REQUIRE(memberships.size() == 5);
  REQUIRE(memberships[1].sources.size() == 2);
  CHECK(memberships[1].sources[0].address == address("10.0.0.9"));
  CHECK(memberships[1].sources[0].included == 1);
  CHECK(memberships[1].sources[0].excluded == 0);
  CHECK(memberships[1].sources[1].address == address("10.0.0.8"));
  CHECK(memberships[1].sources[1].included == 0);
  CHECK(memberships[1].sources[1].excluded == 2);
  REQUIRE(memberships[4].sources.size() == 1);
  CHECK(memberships[4].sources[0].address == address("2001:db8::9"));
  for (const std::size_t other : {0, 2, 3}) CHECK(memberships[other].sources.empty());
}

TEST_CASE("lines that make no sense are left out") {
  struct Row {
    std::string text;
    std::size_t v4, v6;
  };
  for (const Row& row : std::vector<Row>{{"", 0, 0},
                                         {"\n\n\n", 0, 0},
                                         {"\t\t\t\t010101EF     1 0:00000000\t\t0\n", 0, 0},  // a group of no interface
                                         {"2\tv0 : 1 V3\n\t\t\t\t010101XX     1\n", 0, 0},
                                         {"2\tv0 : 1 V3\n\t\t\t\t010101EF\n", 0, 0},
                                         {"2\tv0 : 1 V3\n\t\t\t\t010101EF     1", 1, 0},  // cut, but whole enough
                                         {"x\tv0 : 1 V3\n\t\t\t\t010101EF     1\n", 0, 0},
                                         {"2 v0 ff02 1 0000000C 0\n", 0, 0},
                                         {"2 v0 ff02000000000000000000000000000g 1 0000000C 0\n", 0, 0},
                                         {"2 v0 ff020000000000000000000000000001 1", 0, 1}}) {
    CAPTURE(row.text);
    CHECK(commands::parse_igmp(row.text).memberships.size() == row.v4);
    CHECK(commands::parse_igmp6(row.text).size() == row.v6);
  }
}

TEST_CASE("/proc/net/dev gives an interface's received packets, multicast among them") {
  const std::string text =
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
      "    lo:     100       2    0    0    0     0          0         0      100       2\n"
      "  eth0:5000000000  41    1    2    3     4          5        37      230       3\n";
  const auto eth0 = commands::parse_receive_counters(text, "eth0");
  REQUIRE(eth0);
  CHECK(eth0->packets == 41);
  CHECK(eth0->multicast == 37);
  CHECK(commands::parse_receive_counters(text, "lo")->packets == 2);
  CHECK_FALSE(commands::parse_receive_counters(text, "eth"));
  CHECK_FALSE(commands::parse_receive_counters(text, ""));
  CHECK_FALSE(commands::parse_receive_counters("eth0: 1 2 3\n", "eth0"));
}

TEST_CASE("a setting is a whole number on its first line") {
  CHECK(commands::parse_setting("20\n") == 20);
  CHECK(commands::parse_setting("-1\n") == -1);
  CHECK(commands::parse_setting("0") == 0);
  CHECK_FALSE(commands::parse_setting(""));
  CHECK_FALSE(commands::parse_setting("abc\n"));
  CHECK_FALSE(commands::parse_setting("12x\n"));
}

TEST_CASE("this host's state has its interfaces, and the loopback's route is by the loopback") {
  const commands::MulticastState state = commands::read_multicast_state();
  const net::Interface lo = net::find_interface("lo");
  REQUIRE(state.find(lo.index) != nullptr);
  CHECK(state.find(lo.index)->interface.name == "lo");
  CHECK(state.find(lo.index)->link.kind.empty());
  CHECK(state.find(4'000'000) == nullptr);
  CHECK(state.readable);
  CHECK(state.max_files > 0);
  const net::FoundRoute route = net::route_to(address("127.0.0.1"));
  CHECK(route.answer == net::FoundRoute::Answer::by_interface);
  CHECK(route.interface == lo.index);
  CHECK(route.local);
  CHECK(commands::receive_counters("lo"));
  CHECK_FALSE(commands::receive_counters("no such"));
}
