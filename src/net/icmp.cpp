// SPDX-License-Identifier: MIT
#include "net/icmp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace net {
namespace {

using Kind = TransportError::Kind;

struct Row {
  Family family;
  std::uint8_t type;
  int code;  // -1: every other one
  Kind kind;
  std::string_view name;
};

// RFC 792 and 1122 (destination unreachable 0-12), 1812 (13-15); RFC 4443, 7112 and 8883.
constexpr std::array<Row, 33> table{{
    {Family::ipv4, 3, 0, Kind::network_unreachable, "network unreachable"},
    {Family::ipv4, 3, 1, Kind::host_unreachable, "host unreachable"},
    {Family::ipv4, 3, 2, Kind::protocol_unreachable, "protocol unreachable"},
    {Family::ipv4, 3, 3, Kind::port_unreachable, "port unreachable"},
    {Family::ipv4, 3, 4, Kind::too_big, "fragmentation needed"},
    {Family::ipv4, 3, 5, Kind::host_unreachable, "source route failed"},
    {Family::ipv4, 3, 6, Kind::network_unreachable, "network unknown"},
    {Family::ipv4, 3, 7, Kind::host_unreachable, "host unknown"},
    {Family::ipv4, 3, 8, Kind::host_unreachable, "source host isolated"},
    {Family::ipv4, 3, 9, Kind::prohibited, "network administratively prohibited"},
    {Family::ipv4, 3, 10, Kind::prohibited, "host administratively prohibited"},
    {Family::ipv4, 3, 11, Kind::network_unreachable, "network unreachable for this type of service"},
    {Family::ipv4, 3, 12, Kind::host_unreachable, "host unreachable for this type of service"},
    {Family::ipv4, 3, 13, Kind::prohibited, "administratively prohibited"},
    {Family::ipv4, 3, 14, Kind::prohibited, "host precedence violation"},
    {Family::ipv4, 3, 15, Kind::prohibited, "precedence cutoff in effect"},
    {Family::ipv4, 4, -1, Kind::other, "source quench"},
    {Family::ipv4, 11, 0, Kind::ttl_exceeded, "TTL exceeded"},
    {Family::ipv4, 11, -1, Kind::other, "fragment reassembly time exceeded"},
    {Family::ipv4, 12, -1, Kind::other, "parameter problem"},
    {Family::ipv6, 1, 0, Kind::network_unreachable, "no route to destination"},
    {Family::ipv6, 1, 1, Kind::prohibited, "administratively prohibited"},
    {Family::ipv6, 1, 2, Kind::other, "beyond scope of source address"},
    {Family::ipv6, 1, 3, Kind::host_unreachable, "address unreachable"},
    {Family::ipv6, 1, 4, Kind::port_unreachable, "port unreachable"},
    {Family::ipv6, 1, 5, Kind::prohibited, "source address failed policy"},
    {Family::ipv6, 1, 6, Kind::prohibited, "route rejected"},
    {Family::ipv6, 1, 7, Kind::other, "error in source routing header"},
    {Family::ipv6, 1, 8, Kind::other, "headers too long"},
    {Family::ipv6, 2, -1, Kind::too_big, "packet too big"},
    {Family::ipv6, 3, 0, Kind::ttl_exceeded, "hop limit exceeded"},
    {Family::ipv6, 3, -1, Kind::other, "fragment reassembly time exceeded"},
    {Family::ipv6, 4, -1, Kind::other, "parameter problem"},
}};

const Row* find(Family family, std::uint8_t type, std::uint8_t code) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const Row& each) {
    return each.family == family && each.type == type && (each.code == code || each.code < 0);
  });
  return row == table.end() ? nullptr : &*row;
}

}  // namespace

TransportError::Kind icmp_kind(Family family, std::uint8_t type, std::uint8_t code) {
  const Row* const row = find(family, type, code);
  return row != nullptr ? row->kind : Kind::other;
}

std::string icmp_name(Family family, std::uint8_t type, std::uint8_t code) {
  if (const Row* const row = find(family, type, code)) return std::string(row->name);
  return fmt::format("{} type {} code {}", family == Family::ipv4 ? "ICMP" : "ICMPv6", type, code);
}

std::string to_string(const TransportError& error) {
  if (error.local()) return std::strerror(error.code);
  std::string text = icmp_name(family_of(*error.offender), error.icmp_type, error.icmp_code);
  if (error.kind == TransportError::Kind::too_big && error.mtu != 0) text += fmt::format(", MTU {}", error.mtu);
  return text + " from " + to_string(*error.offender);
}

}  // namespace net
