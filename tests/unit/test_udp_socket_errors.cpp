// SPDX-License-Identifier: MIT
// ICMP errors are values, and never cost a datagram to another destination.
#include <cerrno>
#include <string>
#include <vector>

#include "net/udp_socket.hpp"
#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/raw_udp.hpp"
#include "support/sockets.hpp"

using net::Family;
using support::payloads;
using support::TestSocket;
using Kind = net::TransportError::Kind;
using Strings = std::vector<std::string>;

namespace {

// An endpoint where nobody listens.
net::Endpoint closed_port(Family family) { return TestSocket(family).endpoint(); }

void check_port_unreachable(Family family) {
  TestSocket sender(family);
  sender->report_transport_errors(true);
  CHECK_FALSE(sender->transport_error());
  const net::Endpoint closed = closed_port(family);
  CHECK(sender->send_to("to nobody", closed) == 0);
  const auto error = sender.error();
  REQUIRE(error);
  CHECK(error->kind == Kind::port_unreachable);
  CHECK(error->code == ECONNREFUSED);
  CHECK(error->destination == closed);
  CHECK(error->offender == support::loopback(family));
  CHECK(error->quoted == "to nobody");
  CHECK(error->is_refusal());
  CHECK_FALSE(error->local());
  CHECK(net::to_string(*error) == "port unreachable from " + net::to_string(support::loopback(family)));
  CHECK_FALSE(sender->transport_error());
}

// Sends to a closed and an open port in turn: the open one gets every datagram.
void check_nothing_lost(Family family) {
  TestSocket sender(family), receiver(family);
  sender->report_transport_errors(true);
  const net::Endpoint closed = closed_port(family);
  Strings sent;
  for (int i = 0; i < 50; ++i) sent.push_back("datagram " + std::to_string(i));
  for (const std::string& text : sent) {
    CHECK(sender->send_to("refused", closed) == 0);
    CHECK(sender->send_to(text, receiver.endpoint()) == 0);
  }
  CHECK(payloads(receiver.receive(sent.size())) == sent);
}

// A router in the middle, whose link to the far host carries 1,300 bytes only.
constexpr const char* narrow_path = R"(
new_host router; new_host far
cable here to_router router to_here; cable router to_far far to_router
settle here to_router; settle router to_here; settle router to_far; settle far to_router
ip addr add 10.1.0.1/24 dev to_router; on router ip addr add 10.1.0.2/24 dev to_here
on router ip addr add 10.2.0.2/24 dev to_far; on far ip addr add 10.2.0.3/24 dev to_router
ip route add default via 10.1.0.2; on far ip route add default via 10.2.0.2
set_kernel router net/ipv4/ip_forward 1
on router ip link set to_far mtu 1300; on far ip link set to_router mtu 1300
)";

}  // namespace

TEST_CASE("a closed port is an error with its offender, the original port and what was sent, over IPv4") {
  check_port_unreachable(Family::ipv4);
}
TEST_CASE("a closed port is an error with its offender, the original port and what was sent, over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_port_unreachable(Family::ipv6);
}

TEST_CASE("errors of one destination never cost a datagram to another, over IPv4") { check_nothing_lost(Family::ipv4); }
TEST_CASE("errors of one destination never cost a datagram to another, over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_nothing_lost(Family::ipv6);
}

TEST_CASE("errors in the middle of a batch never cost the rest of it") {
  TestSocket sender, receiver;
  sender->report_transport_errors(true);
  net::SendBatch batch(200);
  Strings sent;
  for (int i = 0; i < 100; ++i) sent.push_back(std::to_string(i));
  for (const std::string& text : sent) {
    batch.set_route({closed_port(Family::ipv4), {}, -1});
    batch.add("refused");
    batch.set_route({receiver.endpoint(), {}, -1});
    batch.add(text);
  }
  const net::SendResult result = sender->send(batch);
  CHECK(result.error == 0);
  CHECK(result.datagrams == 200);
  CHECK(payloads(receiver.receive(sent.size())) == sent);
}

TEST_CASE("an error that waits never hides a datagram that came") {
  TestSocket sender, peer;
  sender->report_transport_errors(true);
  CHECK(sender->send_to("refused", closed_port(Family::ipv4)) == 0);
  CHECK(peer->send_to("a reply", sender.endpoint()) == 0);
  CHECK(payloads(sender.receive(1)) == Strings{"a reply"});
  CHECK(sender.error());
}

TEST_CASE("without asking for errors a refusal is silence") {
  TestSocket sender, receiver;
  const net::Endpoint closed = closed_port(Family::ipv4);
  for (int i = 0; i < 3; ++i) CHECK(sender->send_to("refused", closed) == 0);
  CHECK(sender->send_to("heard", receiver.endpoint()) == 0);
  CHECK(payloads(receiver.receive(1)) == Strings{"heard"});
  CHECK_FALSE(sender->transport_error());
}

TEST_CASE("broadcast without leave to do so is EACCES, with it the datagram leaves") {
  IN_NAMESPACE("interface one; ip addr add 10.0.0.1/24 dev one");
  TestSocket sender;
  boost::asio::io_context context;
  net::UdpSocket socket(context);
  socket.open(Family::ipv4);
  for (const bool report : {false, true}) {
    socket.report_transport_errors(report);
    socket.set_broadcast(false);
    CHECK(socket.send_to("x", {support::address("10.0.0.255"), 9}) == EACCES);
    socket.set_broadcast(true);
    CHECK(socket.send_to("x", {support::address("10.0.0.255"), 9}) == 0);
  }
}

TEST_CASE("no route is an error of this host") {
  IN_NAMESPACE("");
  boost::asio::io_context context;
  net::UdpSocket socket(context);
  socket.open(Family::ipv4);
  socket.report_transport_errors(true);
  CHECK(socket.send_to("x", {support::address("192.0.2.1"), 9}) == ENETUNREACH);
  CHECK_FALSE(socket.transport_error());
}

TEST_CASE("larger than the path with DF is EMSGSIZE and an error of this host that tells the MTU") {
  IN_NAMESPACE("interface one; ip addr add 10.0.0.1/24 dev one; ip link set one mtu 1400");
  boost::asio::io_context context;
  net::UdpSocket socket(context);
  socket.open(Family::ipv4);
  socket.report_transport_errors(true);
  socket.set_dont_fragment(true);
  CHECK(socket.send_to(std::string(1'373, 'x'), {support::address("10.0.0.2"), 9}) == EMSGSIZE);
  const auto error = socket.transport_error();
  REQUIRE(error);
  CHECK(error->local());
  CHECK(error->kind == Kind::too_big);
  CHECK(error->mtu == 1'400);
  while (const auto more = socket.transport_error()) CHECK(more->local());
  CHECK(socket.send_to(std::string(1'372, 'x'), {support::address("10.0.0.2"), 9}) == 0);
  CHECK_FALSE(socket.transport_error());
}

TEST_CASE("a router's TTL exceeded tells the router and the original destination") {
  IN_NAMESPACE(narrow_path);
  boost::asio::io_context context;
  TestSocket other;
  other.socket.close();
  other.socket.open(Family::ipv4);
  other->report_transport_errors(true);
  net::SendBatch batch(1);
  batch.set_route({net::Endpoint(support::address("10.2.0.3"), 4'242), {}, 1});
  batch.add("expires");
  CHECK(other->send(batch).error == 0);
  const auto error = other.error();
  REQUIRE(error);
  CHECK(error->kind == Kind::ttl_exceeded);
  CHECK(error->offender == support::address("10.1.0.2"));
  CHECK(net::to_string(error->destination) == "10.2.0.3:4242");
}

TEST_CASE("a router's fragmentation needed never costs a small datagram that comes after it") {
  IN_NAMESPACE(narrow_path);
  TestSocket sender;
  sender.socket.close();
  sender.socket.open(Family::ipv4);
  sender->report_transport_errors(true);
  CHECK(sender->send_to(std::string(1'400, 'x'), {support::address("10.2.0.3"), 9}) == 0);
  REQUIRE(sender.wait_readable());
  CHECK(sender->send_to("small", {support::address("10.1.0.2"), 9}) == 0);
  const auto error = sender.error();
  REQUIRE(error);
  CHECK(error->kind == Kind::too_big);
  CHECK(error->mtu == 1'300);
  CHECK(error->offender == support::address("10.1.0.2"));
}
