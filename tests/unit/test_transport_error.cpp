// SPDX-License-Identifier: MIT
#include "net/icmp.hpp"

#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "support/check.hpp"

using net::Family;

TEST_CASE("ICMP errors have the names of their RFCs") {
  struct Row {
    Family family;
    std::uint8_t type, code;
    const char* name;
  };
  for (const Row& row : std::vector<Row>{
           {Family::ipv4, 3, 0, "network unreachable"},
           {Family::ipv4, 3, 1, "host unreachable"},
           {Family::ipv4, 3, 2, "protocol unreachable"},
           {Family::ipv4, 3, 3, "port unreachable"},
           {Family::ipv4, 3, 4, "fragmentation needed"},
           {Family::ipv4, 3, 9, "network administratively prohibited"},
           {Family::ipv4, 3, 10, "host administratively prohibited"},
           {Family::ipv4, 3, 13, "administratively prohibited"},
           {Family::ipv4, 3, 15, "precedence cutoff in effect"},
           {Family::ipv4, 11, 0, "TTL exceeded"},
           {Family::ipv4, 11, 1, "fragment reassembly time exceeded"},
           {Family::ipv4, 12, 0, "parameter problem"},
           {Family::ipv6, 1, 0, "no route to destination"},
           {Family::ipv6, 1, 1, "administratively prohibited"},
           {Family::ipv6, 1, 3, "address unreachable"},
           {Family::ipv6, 1, 4, "port unreachable"},
           {Family::ipv6, 2, 0, "packet too big"},
           {Family::ipv6, 3, 0, "hop limit exceeded"},
           {Family::ipv6, 4, 1, "parameter problem"},
       }) {
    CAPTURE(row.name);
    CHECK(net::icmp_name(row.family, row.type, row.code) == row.name);
  }
}

TEST_CASE("an ICMP error without a name is called by its numbers") {
  CHECK(net::icmp_name(Family::ipv4, 3, 16) == "ICMP type 3 code 16");
  CHECK(net::icmp_name(Family::ipv4, 255, 255) == "ICMP type 255 code 255");
  CHECK(net::icmp_name(Family::ipv6, 1, 9) == "ICMPv6 type 1 code 9");
}

TEST_CASE("destination unreachable has a different name for every code") {
  std::set<std::string> names;
  for (std::uint8_t code = 0; code < 16; ++code) names.insert(net::icmp_name(Family::ipv4, 3, code));
  CHECK(names.size() == 16);
}

TEST_CASE("a transport error says what happened and who says so") {
  net::TransportError error;
  error.code = ECONNREFUSED;
  CHECK(net::to_string(error) == std::strerror(ECONNREFUSED));
  error.offender = net::parse_address("10.0.0.9");
  error.kind = net::TransportError::Kind::port_unreachable;
  error.icmp_type = 3;
  error.icmp_code = 3;
  CHECK(net::to_string(error) == "port unreachable from 10.0.0.9");
  error.kind = net::TransportError::Kind::too_big;
  error.icmp_code = 4;
  CHECK(net::to_string(error) == "fragmentation needed from 10.0.0.9");
  error.mtu = 1400;
  CHECK(net::to_string(error) == "fragmentation needed, MTU 1400 from 10.0.0.9");
  error.offender = net::parse_address("2001:db8::1");
  error.icmp_type = 2;
  error.icmp_code = 0;
  CHECK(net::to_string(error) == "packet too big, MTU 1400 from 2001:db8::1");
}
