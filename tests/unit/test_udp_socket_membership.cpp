// SPDX-License-Identifier: MIT
// Membership of groups on the loopback: any-source and source-specific, by interface.
#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/udp_socket.hpp"
#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/raw_udp.hpp"
#include "support/sockets.hpp"

using net::Family;
using support::address;
using support::contains;
using support::error_of;
using support::payloads;
using support::TestSocket;
using Strings = std::vector<std::string>;

namespace {

struct Member {
  explicit Member(Family family) {
    own.socket.close();
    own.socket.open(family);
    own->set_multicast_all(false);
    own->want({.details = true});
    own->bind({family == Family::ipv4 ? address("0.0.0.0") : address("::"), 0});
  }
  std::uint16_t port() const { return own.endpoint().port(); }
  TestSocket own;
};

// A sender of multicast, bound to an address or to none in particular.
struct Sender {
  Sender(const net::Address& from, const net::Interface& interface) {
    own.socket.close();
    own.socket.open(net::family_of(from));
    own->bind({from, 0});
    own->set_multicast_interface(interface.index);
  }
  void send(std::string_view payload, const net::Address& to, const Member& member) {
    CHECK(own->send_to(payload, {to, member.port()}) == 0);
  }
  TestSocket own;
};

net::Address wildcard(Family family) { return address(family == Family::ipv4 ? "0.0.0.0" : "::"); }

void check_any_source(Family family, const net::Interface& interface, const char* group, const char* other) {
  Member member(family);
  Sender sender(wildcard(family), interface);
  const auto marker = [&](const char* text) { sender.send(text, support::loopback(family), member); };
  sender.send("too early", address(group), member);
  marker("before");
  member.own->add_membership(address(group), interface);
  sender.send("to the group", address(group), member);
  sender.send("to another", address(other), member);
  marker("joined");
  auto got = member.own.receive(3);
  member.own->drop_membership(address(group), interface);
  sender.send("too late", address(group), member);
  marker("left");
  got.push_back(member.own.receive(1).at(0));
  std::sort(got.begin(), got.end(), [](auto& a, auto& b) { return a.payload < b.payload; });
  REQUIRE(payloads(got) == Strings{"before", "joined", "left", "to the group"});
  CHECK(got[3].metadata.destination == address(group));
  CHECK(got[3].metadata.interface == interface.index);
}

void check_source_specific(const net::Interface& interface, const char* group, const net::Address& right,
                           const net::Address& wrong) {
  Member member(net::family_of(right));
  member.own->add_membership(address(group), interface, right);
  for (const net::Address& from : {wrong, right}) {
    Sender(from, interface).send(net::to_string(from), address(group), member);
  }
  CHECK(payloads(member.own.receive(1)) == Strings{net::to_string(right)});
  CHECK(member.own.receive(1, support::Milliseconds(50)).empty());
  member.own->drop_membership(address(group), interface, right);
}

}  // namespace

TEST_CASE("a joined group is heard until it is left, and no other, over IPv4") {
  check_any_source(Family::ipv4, net::find_interface("lo"), "239.255.7.1", "239.255.7.2");
}
TEST_CASE("a joined group is heard until it is left, and no other, over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  IN_NAMESPACE("interface one; ip addr add 2001:db8::1/64 dev one nodad");
  check_any_source(Family::ipv6, net::find_interface("one"), "ff15::7:1", "ff15::7:2");
}

TEST_CASE("a source-specific membership hears its source only, over IPv4") {
  IN_NAMESPACE("");
  check_source_specific(net::find_interface("lo"), "232.1.7.1", address("127.0.0.2"), address("127.0.0.3"));
}
TEST_CASE("a source-specific membership hears its source only, over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  IN_NAMESPACE("interface one; for n in 2 3; do ip addr add 2001:db8::$n/64 dev one nodad; done");
  check_source_specific(net::find_interface("one"), "ff3e::7:1", address("2001:db8::2"), address("2001:db8::3"));
}

TEST_CASE("joining twice, leaving what was not joined and joining what is no group are errors that name it") {
  const net::Interface lo = net::find_interface("lo");
  Member member(Family::ipv4);
  member.own->add_membership(address("239.255.7.1"), lo);
  CHECK(error_of<base::Failure>([&] { member.own->add_membership(address("239.255.7.1"), lo); }) ==
        "cannot join 239.255.7.1 on lo: Address already in use");
  CHECK(error_of<base::Failure>([&] { member.own->drop_membership(address("239.255.7.9"), lo); }) ==
        "cannot leave 239.255.7.9 on lo: Cannot assign requested address");
  CHECK(error_of<base::Failure>([&] { member.own->add_membership(address("10.0.0.1"), lo); }) ==
        "cannot join 10.0.0.1 on lo: Invalid argument");
  CHECK(contains(
      error_of<base::Failure>([&] { member.own->drop_membership(address("232.1.1.1"), lo, address("10.0.0.9")); }),
      "cannot leave 10.0.0.9,232.1.1.1 on lo: "));
  net::Interface gone;
  gone.index = 4'000'000;
  gone.name = "gone0";
  CHECK(error_of<base::Failure>([&] { member.own->add_membership(address("239.255.7.2"), gone); }) ==
        "cannot join 239.255.7.2 on gone0: No such device");
}

TEST_CASE("more groups than a socket may have is an error that names the first too many") {
  const net::Interface lo = net::find_interface("lo");
  Member member(Family::ipv4);
  const std::string error = error_of<base::Failure>([&] {
    for (int i = 1; i < 20'000; ++i) {
      member.own->add_membership(address("239.1." + std::to_string(i / 250) + "." + std::to_string(i % 250)), lo);
    }
  });
  CHECK(contains(error, "cannot join 239.1."));
  CHECK(contains(error, " on lo: No buffer space available"));
}

TEST_CASE("without multicast loopback this host does not hear itself") {
  IN_NAMESPACE("interface one; ip addr add 10.0.0.1/24 dev one");
  const net::Interface one = net::find_interface("one");
  Member member(Family::ipv4);
  Sender sender(wildcard(Family::ipv4), one);
  member.own->add_membership(address("239.255.7.1"), one);
  sender.own->set_multicast_loopback(false);
  sender.send("off", address("239.255.7.1"), member);
  sender.own->set_multicast_loopback(true);
  sender.send("on again", address("239.255.7.1"), member);
  CHECK(payloads(member.own.receive(1)) == Strings{"on again"});
}

TEST_CASE(
    "a group is heard from the interface that it was joined on, and multicast leaves by the one that was "
    "set") {
  IN_NAMESPACE(
      "for i in one two; do interface $i; done; ip addr add 10.0.1.1/24 dev one; ip addr add 10.0.2.1/24 dev "
      "two");
  const net::Interface one = net::find_interface("one");
  Member member(Family::ipv4);
  member.own->add_membership(address("239.255.7.1"), one);
  Sender(wildcard(Family::ipv4), net::find_interface("two")).send("by two", address("239.255.7.1"), member);
  Sender(wildcard(Family::ipv4), one).send("by one", address("239.255.7.1"), member);
  const auto got = member.own.receive(1);
  CHECK(payloads(got) == Strings{"by one"});
  CHECK(got.at(0).sender.address() == address("10.0.1.1"));
}
