// SPDX-License-Identifier: MIT
// Errors that the network reports about datagrams sent before: ICMP and ICMPv6, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/address.hpp"
#include "net/datagram.hpp"

namespace net {

// One entry of a socket's error queue (IP_RECVERR in ip(7), IPV6_RECVERR in ipv6(7)).
struct TransportError {
  enum class Kind {
    port_unreachable,
    host_unreachable,
    network_unreachable,
    protocol_unreachable,
    prohibited,
    too_big,
    ttl_exceeded,
    other,
  };

  Kind kind = Kind::other;
  Endpoint destination;             // where the datagram was going
  std::optional<Address> offender;  // who says so; empty when it is this host
  int code = 0;                     // errno that the kernel made of it
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  std::uint32_t mtu = 0;            // for too_big, 0 if not told
  std::string quoted;               // the beginning of the datagram's payload, as far as it was quoted
  std::string extension;            // ICMP extension structure (RFC 4884) behind the quote, "" when there is none
  std::optional<SystemTime> time;   // when the kernel received it
  std::optional<std::uint8_t> ttl;  // of the ICMP packet as it arrived

  bool local() const { return !offender; }

  // True when the target cannot be had: an error from the network other than "too big".
  bool is_refusal() const { return !local() && kind != Kind::too_big; }
};

// What an ICMP (RFC 792, 1122, 1812) or ICMPv6 (RFC 4443) error means, and what it is called: "port unreachable",
// "administratively prohibited", ... Numbers that no RFC names are `other`, "ICMP type 3 code 42".
TransportError::Kind icmp_kind(Family family, std::uint8_t type, std::uint8_t code);
std::string icmp_name(Family family, std::uint8_t type, std::uint8_t code);

// "port unreachable from 10.0.0.9"
std::string to_string(const TransportError& error);

}  // namespace net
