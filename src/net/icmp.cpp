#include "net/icmp.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <string_view>

namespace net {
namespace {

// Destination unreachable: RFC 792 and 1122 (0-12), 1812 (13-15).
constexpr std::array<std::string_view, 16> unreachable_v4{
    "network unreachable",
    "host unreachable",
    "protocol unreachable",
    "port unreachable",
    "fragmentation needed",
    "source route failed",
    "network unknown",
    "host unknown",
    "source host isolated",
    "network administratively prohibited",
    "host administratively prohibited",
    "network unreachable for this type of service",
    "host unreachable for this type of service",
    "administratively prohibited",
    "host precedence violation",
    "precedence cutoff in effect",
};

// Destination unreachable: RFC 4443 (0-6), 7112 and 8883 (7, 8).
constexpr std::array<std::string_view, 9> unreachable_v6{
    "no route to destination",
    "administratively prohibited",
    "beyond scope of source address",
    "address unreachable",
    "port unreachable",
    "source address failed policy",
    "route rejected",
    "error in source routing header",
    "headers too long",
};

std::string_view name_v4(std::uint8_t type, std::uint8_t code) {
  if (type == 3 && code < unreachable_v4.size()) return unreachable_v4[code];
  if (type == 4) return "source quench";
  if (type == 11) return code == 0 ? "TTL exceeded" : "fragment reassembly time exceeded";
  if (type == 12) return "parameter problem";
  return {};
}

std::string_view name_v6(std::uint8_t type, std::uint8_t code) {
  if (type == 1 && code < unreachable_v6.size()) return unreachable_v6[code];
  if (type == 2) return "packet too big";
  if (type == 3) return code == 0 ? "hop limit exceeded" : "fragment reassembly time exceeded";
  if (type == 4) return "parameter problem";
  return {};
}

}  // namespace

std::string icmp_name(Family family, std::uint8_t type, std::uint8_t code) {
  const std::string_view name = family == Family::ipv4 ? name_v4(type, code) : name_v6(type, code);
  if (!name.empty()) return std::string(name);
  return fmt::format("{} type {} code {}", family == Family::ipv4 ? "ICMP" : "ICMPv6", type, code);
}

std::string to_string(const TransportError& error) {
  if (error.local()) return std::strerror(error.code);
  std::string text = icmp_name(family_of(*error.offender), error.icmp_type, error.icmp_code);
  if (error.kind == TransportError::Kind::too_big && error.mtu != 0) text += fmt::format(", MTU {}", error.mtu);
  return text + " from " + to_string(*error.offender);
}

}  // namespace net
