// SPDX-License-Identifier: MIT
// Every option of net::UdpSocket is set and read back from the kernel, for both families.
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <vector>

#include "base/error.hpp"
#include "net/udp_socket.hpp"
#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/raw_udp.hpp"
#include "support/sockets.hpp"

using net::Family;
using net::UdpSocket;
using Readable = UdpSocket::Readable;
using support::contains;
using support::error_of;
using support::loopback;

namespace {

// With what the kernel says of an option that only a test asks for.
struct ReadableSocket : UdpSocket {
  using UdpSocket::UdpSocket;

  int option(int level, int name) const {
    int value = 0;
    socklen_t size = sizeof value;
    REQUIRE(getsockopt(fd_, level, name, &value, &size) == 0);
    return value;
  }
};

struct Opened {
  explicit Opened(Family family) { socket.open(family); }
  boost::asio::io_context context;
  ReadableSocket socket{context};
};

struct NumberOption {
  const char* name;
  void (UdpSocket::*set)(int);
  Readable readable;
  std::vector<int> good;
  std::vector<int> bad;
};

struct Switch {
  const char* name;
  void (UdpSocket::*set)(bool);
  int level;
  int option;
};

void check_options(Family family) {
  const std::vector<NumberOption> numbers{
      {"the TTL", &UdpSocket::set_ttl, Readable::ttl, {1, 2, 64, 255}, {256, -2}},
      {"the multicast TTL", &UdpSocket::set_multicast_ttl, Readable::multicast_ttl, {0, 1, 32, 255}, {256, -2}},
      {"the DSCP", &UdpSocket::set_traffic_class, Readable::traffic_class, {0, 40, 184, 255}, {}},
  };
  const bool v4 = family == Family::ipv4;
  const std::vector<Switch> switches{
      {"broadcast", &UdpSocket::set_broadcast, SOL_SOCKET, SO_BROADCAST},
      {"multicast loopback", &UdpSocket::set_multicast_loopback, v4 ? SOL_IP : SOL_IPV6,
       v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP},
      {"all groups", &UdpSocket::set_multicast_all, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_MULTICAST_ALL : IPV6_MULTICAST_ALL},
      {"address sharing", &UdpSocket::set_reuse_address, SOL_SOCKET, SO_REUSEADDR},
      {"port sharing", &UdpSocket::set_reuse_port, SOL_SOCKET, SO_REUSEPORT},
  };
  for (const NumberOption& option : numbers) {
    CAPTURE(option.name);
    Opened opened(family);
    for (const int value : option.good) {
      (opened.socket.*option.set)(value);
      CHECK(opened.socket.read(option.readable) == value);
    }
    for (const int value : option.bad) {
      const auto error = error_of<base::Failure>([&] { (opened.socket.*option.set)(value); });
      CHECK(error == std::string("cannot set ") + option.name + " to " + std::to_string(value) + ": Invalid argument");
    }
    CHECK(opened.socket.read(option.readable) == option.good.back());
  }
  for (const Switch& option : switches) {
    CAPTURE(option.name);
    Opened opened(family);
    for (const bool value : {true, false, true}) {
      (opened.socket.*option.set)(value);
      CHECK(opened.socket.option(option.level, option.option) == static_cast<int>(value));
    }
  }
}

void check_path_mtu_modes(Family family) {
  Opened opened(family);
  opened.socket.set_dont_fragment(true);
  CHECK(opened.socket.read(Readable::path_mtu_mode) == 2);  // IP_PMTUDISC_DO
  opened.socket.set_dont_fragment(false);
  CHECK(opened.socket.read(Readable::path_mtu_mode) == 1);  // IP_PMTUDISC_WANT
  opened.socket.set_path_mtu_probing(true);
  CHECK(opened.socket.read(Readable::path_mtu_mode) == 3);  // IP_PMTUDISC_PROBE
  opened.socket.set_path_mtu_probing(false);
  CHECK(opened.socket.read(Readable::path_mtu_mode) == 1);
}

void check_interfaces(Family family) {
  const net::Interface loopback_interface = net::find_interface("lo");
  Opened opened(family);
  opened.socket.set_multicast_interface(loopback_interface.index);
  // Over IPv4 the kernel gives back an address, not the index (ip(7)): the effect is tested with membership.
  if (family == Family::ipv6)
    CHECK(opened.socket.option(SOL_IPV6, IPV6_MULTICAST_IF) == static_cast<int>(loopback_interface.index));
  CHECK(contains(error_of<base::Failure>([&] { opened.socket.set_multicast_interface(4'000'000); }),
                 "cannot send multicast by 4000000: "));
  opened.socket.bind_to_interface(loopback_interface);
  net::Interface gone;
  gone.name = "nosuch0";
  Opened other(family);
  CHECK(error_of<base::Failure>([&] { other.socket.bind_to_interface(gone); }) ==
        "cannot bind to interface nosuch0: No such device");
}

void check_buffers(Family family) {
  Opened opened(family);
  for (const std::size_t bytes : {std::size_t{16'384}, std::size_t{65'536}, std::size_t{131'072}}) {
    CHECK(opened.socket.set_receive_buffer(bytes) == bytes);
    CHECK(static_cast<std::size_t>(opened.socket.read(Readable::receive_buffer)) == bytes);
    CHECK(opened.socket.set_send_buffer(bytes) == bytes);
    CHECK(static_cast<std::size_t>(opened.socket.read(Readable::send_buffer)) == bytes);
  }
  // What is granted is told, whatever was asked for: never less than the kernel's least, never an error.
  CHECK(opened.socket.set_receive_buffer(1) >= 1);
  const std::size_t granted = opened.socket.set_receive_buffer(~std::size_t{0});
  CHECK(granted == static_cast<std::size_t>(opened.socket.read(Readable::receive_buffer)));
}

void check_binding(Family family) {
  Opened first(family);
  first.socket.bind({loopback(family), 0});
  const net::Endpoint taken = first.socket.local_endpoint();
  CHECK(taken.address() == loopback(family));
  CHECK(taken.port() != 0);
  Opened second(family);
  CHECK(error_of<base::Failure>([&] { second.socket.bind(taken); }) ==
        "cannot bind " + net::to_string(taken) + ": Address already in use");
  first.socket.close();
  CHECK_FALSE(first.socket.is_open());
  second.socket.bind(taken);
  CHECK(second.socket.local_endpoint() == taken);
}

void check_connecting(Family family) {
  support::TestSocket peer(family);
  support::TestSocket stranger(family);
  support::TestSocket own(family);
  CHECK(contains(error_of<base::Failure>([&] { own->read(Readable::path_mtu); }), "cannot read the path MTU: "));
  own->connect(peer.endpoint());
  CHECK(own->read(Readable::path_mtu) >= 1'280);
  const std::string text = "hello";
  CHECK(stranger->send_to("not heard", own.endpoint()) == 0);
  CHECK(peer->send_to("heard", own.endpoint()) == 0);
  CHECK(support::payloads(own.receive(1)) == std::vector<std::string>{"heard"});
  net::SendBatch batch(1);
  batch.set_route({});  // connected: no destination
  batch.add(text);
  CHECK(own->send(batch).error == 0);
  CHECK(support::payloads(peer.receive(1)) == std::vector<std::string>{"hello"});
}

void check_sharing(Family family) {
  for (const auto share : {&UdpSocket::set_reuse_address, &UdpSocket::set_reuse_port}) {
    Opened first(family), second(family);
    (first.socket.*share)(true);
    (second.socket.*share)(true);
    first.socket.bind({loopback(family), 0});
    second.socket.bind(first.socket.local_endpoint());
    CHECK(second.socket.local_endpoint() == first.socket.local_endpoint());
  }
}

}  // namespace

TEST_CASE("every number and switch is set and read back from the kernel over IPv4") { check_options(Family::ipv4); }
TEST_CASE("every number and switch is set and read back from the kernel over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_options(Family::ipv6);
}

TEST_CASE("don't fragment and path MTU probing set the mode over IPv4") { check_path_mtu_modes(Family::ipv4); }
TEST_CASE("don't fragment and path MTU probing set the mode over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_path_mtu_modes(Family::ipv6);
}

TEST_CASE("multicast leaves by the interface that was set, over IPv4") { check_interfaces(Family::ipv4); }
TEST_CASE("multicast leaves by the interface that was set, over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_interfaces(Family::ipv6);
}

TEST_CASE("buffers are granted as asked for, in the asker's own measure, over IPv4") { check_buffers(Family::ipv4); }
TEST_CASE("buffers are granted as asked for, in the asker's own measure, over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_buffers(Family::ipv6);
}

TEST_CASE("port 0 takes a free port, and a taken one is an error that names it, over IPv4") {
  check_binding(Family::ipv4);
}
TEST_CASE("port 0 takes a free port, and a taken one is an error that names it, over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_binding(Family::ipv6);
}

TEST_CASE("a connected socket hears its peer only and knows the path MTU, over IPv4") {
  check_connecting(Family::ipv4);
}
TEST_CASE("a connected socket hears its peer only and knows the path MTU, over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_connecting(Family::ipv6);
}

TEST_CASE("two sockets that both allow it share a port") {
  check_sharing(Family::ipv4);
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_sharing(Family::ipv6);
}

TEST_CASE("an IPv6 socket leaves the port free for IPv4") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  Opened v6(Family::ipv6), v4(Family::ipv4);
  v6.socket.bind({support::address("::"), 0});
  v4.socket.bind({support::address("0.0.0.0"), v6.socket.local_endpoint().port()});
  CHECK(v4.socket.local_endpoint().port() == v6.socket.local_endpoint().port());
}

TEST_CASE("a bind that fails names the address and the reason") {
  Opened opened(Family::ipv4);
  CHECK(error_of<base::Failure>([&] {
          opened.socket.bind({support::address("192.0.2.1"), 5});
        }) == "cannot bind 192.0.2.1:5: Cannot assign requested address");
}

TEST_CASE("a route that does not exist is an error that names the peer") {
  IN_NAMESPACE("");
  Opened opened(Family::ipv4);
  CHECK(error_of<base::Failure>([&] {
          opened.socket.connect({support::address("192.0.2.1"), 5});
        }) == "cannot reach 192.0.2.1:5: Network is unreachable");
}
