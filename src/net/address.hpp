// SPDX-License-Identifier: MIT
// Addresses, ports, endpoints and networks: from words, strictly, and back to text. The types are Boost.Asio's own.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace net {

namespace asio = boost::asio;
using Address = asio::ip::address;
using Endpoint = asio::ip::udp::endpoint;

enum class Family { ipv4, ipv6 };

inline Family family_of(const Address& address) { return address.is_v4() ? Family::ipv4 : Family::ipv6; }
inline Family family_of(const Endpoint& endpoint) {
  return endpoint.protocol() == asio::ip::udp::v4() ? Family::ipv4 : Family::ipv6;
}
std::string_view name_of(Family family);  // "IPv4", "IPv6"

// The same endpoint to the last byte. Asio's own comparison takes the addresses apart first, which is too slow for
// every datagram.
inline bool identical(const Endpoint& a, const Endpoint& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

// The address that a word is, or nothing when it is not an IPv4 or IPv6 literal. IPv4 has four decimal numbers
// without leading zeros; IPv6 may carry a zone (`%eth0` or `%2`, RFC 4007), and an IPv4-mapped address is the IPv4
// address. Throws UsageError for a zone that is no interface.
std::optional<Address> parse_address(std::string_view word);

// True for a word that was meant as an address (its last label begins with a digit, or it has a colon) and so must
// never go to DNS, where `1.2.3` or `010.8.8.8` would turn into some other host.
bool looks_numeric(std::string_view word);

// PORT: 0 to 65535 (`min` may be 1), or the name of a UDP service. Throws UsageError.
std::uint16_t parse_port(std::string_view word, std::uint16_t min = 0);

// ENDPOINT: `PORT`, `ADDRESS:PORT`, `[V6ADDRESS%ZONE]:PORT`, `*:PORT`, `NAME:PORT`, or `fd:N` or `fd:NAME` for a socket
// that was handed over. Throws UsageError.
struct EndpointWord {
  std::string host;  // empty: every address
  std::uint16_t port = 0;
  bool inherited = false;  // `host` is the whole word
};
EndpointWord parse_endpoint(std::string_view word);

// `HOST[:PORT]` cut in two; brackets around an IPv6 host are taken off. Throws UsageError for unbalanced brackets.
struct HostAndPort {
  std::string_view host;
  std::optional<std::string_view> port;
};
HostAndPort split_host_port(std::string_view word);
// The way back: `HOST:PORT`, an IPv6 host in brackets. Nothing is escaped.
std::string join_host_port(std::string_view host, std::string_view port);
std::string join_host_port(std::string_view host, std::uint16_t port);

// CIDR: an address or a network.
class Network {
 public:
  static Network parse(std::string_view word);  // throws UsageError
  bool contains(const Address& address) const;

 private:
  asio::ip::address_v6::bytes_type prefix_{};  // the first `bits_` bits count
  unsigned bits_ = 0;
  Family family_ = Family::ipv4;
};

// Appends `127.0.0.1`, `fe80::1%eth0`.
void append_address(std::string& out, const Address& address);
std::string to_string(const Address& address);

// Appends `127.0.0.1:53211`, `[fe80::1%eth0]:5353`.
void append_endpoint(std::string& out, const Endpoint& endpoint);
std::string to_string(const Endpoint& endpoint);

// The same, but that the zone's name is as it is: for JSON, which escapes it in its own way.
std::string unescaped(const Address& address);
std::string unescaped(const Endpoint& endpoint);

// True for addresses that mean nothing without an interface: fe80::/10 and groups of interface or link scope.
bool needs_zone(const Address& address);

bool is_limited_broadcast(const Address& address);  // 255.255.255.255

// The same address in another zone (0: none); IPv4 has no zones.
Address with_zone(const Address& address, unsigned interface_index);
unsigned zone_of(const Address& address);  // 0: none
// The zone of a group. What is sent there has to be told the interface: the kernel heeds the zone of link-local ones
// alone.
unsigned zone_of_group(const Address& address);  // 0: none, or no group

}  // namespace net
