// SPDX-License-Identifier: MIT
#include "net/interfaces.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "support/addresses.hpp"
#include "support/check.hpp"
#include "support/namespace.hpp"

using base::UsageError;
using support::address;
using support::contains;
using support::error_of;

TEST_CASE("the loopback is among the interfaces, up and with IPv4, found by name and by index") {
  const net::Interface lo = net::find_interface("lo");
  CHECK(lo.name == "lo");
  CHECK(lo.index != 0);
  CHECK(lo.up);
  CHECK(lo.loopback);
  CHECK(lo.ipv4);
  CHECK(lo.has(net::Family::ipv4));
  CHECK(lo.valid_for_multicast(net::Family::ipv4));
  CHECK(net::find_interface(std::to_string(lo.index)).name == "lo");
  CHECK(net::interface_name(lo.index) == "lo");
}

TEST_CASE("an unknown interface is an error that lists those there are, in printable form") {
  const std::string error = error_of<UsageError>([] { net::find_interface("eth\x1b[2J"); });
  CHECK(contains(error, "no interface 'eth\\x1b[2J'; known are "));
  CHECK(contains(error, "lo"));
  CHECK_FALSE(error_of<UsageError>([] { net::find_interface(""); }).empty());
  CHECK_FALSE(error_of<UsageError>([] { net::find_interface("0"); }).empty());
}

TEST_CASE("an interface that is gone is called by its number") { CHECK(net::interface_name(4'000'000) == "4000000"); }

TEST_CASE("own addresses are whole, of both families, and stand with their interface") {
  IN_NAMESPACE(
      "interface one; ip address add 10.9.1.1/24 dev one label one:x; ip -6 address add fd00:1:2:3:4:5:6:7/64 dev one "
      "nodad");
  const net::Interface one = net::find_interface("one");
  for (const char* own : {"10.9.1.1", "fd00:1:2:3:4:5:6:7"}) {
    CAPTURE(own);
    CHECK(std::count(one.addresses.begin(), one.addresses.end(), address(own)) == 1);
    CHECK(net::is_own_address(address(own)));
    CHECK(net::interface_with(address(own)) == "one");
  }
  CHECK_FALSE(net::is_own_address(address("fd00:1:2:3:4:5:6:8")));
  CHECK_FALSE(net::is_own_address(address("fd00:1:2:3::")));
}

TEST_CASE("interfaces come in the order of their indices and their names join with commas") {
  const auto all = net::interfaces();
  CHECK(std::is_sorted(all.begin(), all.end(), [](auto& a, auto& b) { return a.index < b.index; }));
  CHECK(net::names_of({{1, "lo"}, {2, "eth0"}}) == "lo, eth0");
  CHECK(net::names_of({}).empty());
}

TEST_CASE("an interface that is down or lacks multicast or the family is not valid for multicast") {
  net::Interface one{3, "eth0", true, true, false, true, false};
  CHECK(one.valid_for_multicast(net::Family::ipv4));
  CHECK_FALSE(one.valid_for_multicast(net::Family::ipv6));
  one.multicast = false;
  CHECK_FALSE(one.valid_for_multicast(net::Family::ipv4));
  one.loopback = true;
  CHECK(one.valid_for_multicast(net::Family::ipv4));
  one.up = false;
  CHECK_FALSE(one.valid_for_multicast(net::Family::ipv4));
}

TEST_CASE("with one interface beside the loopback a link-local address takes its zone") {
  IN_NAMESPACE("interface one");
  const auto zoned = net::with_only_zone(address("fe80::99"));
  CHECK(net::to_string(zoned) == "fe80::99%one");
  CHECK(net::to_string(net::with_only_zone(address("ff02::1"))) == "ff02::1%one");
}

TEST_CASE("with several interfaces a link-local address without a zone is an error that lists them") {
  IN_NAMESPACE("interface one; interface two; interface off; ip link set off down");
  const std::string error = error_of<UsageError>([] { net::with_only_zone(address("fe80::99")); });
  CHECK(contains(error, "fe80::99 needs an interface: write fe80::99%one or add -i; candidates are one, two"));
  CHECK_FALSE(contains(error, "off"));
  CHECK_FALSE(net::find_interface("off").up);
}

TEST_CASE("an interface whose name is a number is found by that name before any index") {
  IN_NAMESPACE("interface 1");
  CHECK(net::find_interface("1").name == "1");
  CHECK(net::find_interface("lo").index == 1);
}

TEST_CASE("an interface that was renamed or removed is noticed") {
  IN_NAMESPACE("interface one");
  const net::Interface one = net::find_interface("one");
  CHECK(net::interface_name(one.index) == "one");
  support::run({"ip", "link", "del", "one"});
  CHECK_FALSE(error_of<UsageError>([] { net::find_interface("one"); }).empty());
}
