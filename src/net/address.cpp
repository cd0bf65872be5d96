// SPDX-License-Identifier: MIT
#include "net/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/error.hpp"
#include "base/lines.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "net/interfaces.hpp"

namespace net {
namespace {

using asio::ip::address_v4;
using asio::ip::address_v6;

// `0.` to `255.`
struct Octet {
  std::array<char, 4> text{};
  std::uint8_t size = 0;
};

constexpr auto octets = [] {
  std::array<Octet, 256> all{};
  for (std::size_t i = 0; i < all.size(); ++i) {
    Octet& one = all[i];
    if (i >= 100) one.text[one.size++] = static_cast<char>('0' + i / 100);
    if (i >= 10) one.text[one.size++] = static_cast<char>('0' + i / 10 % 10);
    one.text[one.size++] = static_cast<char>('0' + i % 10);
    one.text[one.size++] = '.';
  }
  return all;
}();

// Writes the address to `to`, which has INET_ADDRSTRLEN bytes, and returns its end: for every record of a new sender.
char* write_v4(char* to, std::uint32_t address) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    const Octet& one = octets[address >> shift & 255];
    for (std::size_t i = 0; i < one.text.size(); ++i) to[i] = one.text[i];  // all four: cheaper than to ask how many
    to += one.size;
  }
  return to - 1;  // without the last dot
}

std::optional<Address> parse_v4(const std::string& word) {
  address_v4::bytes_type bytes;
  if (inet_pton(AF_INET, word.c_str(), bytes.data()) != 1) return std::nullopt;
  return address_v4(bytes);
}

std::optional<Address> parse_v6(const std::string& word) {
  const std::size_t percent = word.find('%');
  address_v6::bytes_type bytes;
  if (inet_pton(AF_INET6, word.substr(0, percent).c_str(), bytes.data()) != 1) return std::nullopt;
  const address_v6 address(bytes);
  if (percent == std::string::npos) {
    if (address.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, address);
    return address;
  }
  return address_v6(bytes, find_interface(word.substr(percent + 1)).index);
}

address_v6::bytes_type widened(const Address& address) {
  if (address.is_v6()) return address.to_v6().to_bytes();
  address_v6::bytes_type bytes{};
  const auto v4 = address.to_v4().to_bytes();
  std::copy(v4.begin(), v4.end(), bytes.begin());
  return bytes;
}

}  // namespace

std::string_view name_of(Family family) { return family == Family::ipv4 ? "IPv4" : "IPv6"; }

std::optional<Address> parse_address(std::string_view word) {
  constexpr std::size_t longest = 64;  // INET6_ADDRSTRLEN and a zone
  if (word.size() > longest || word.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string text(word);
  return text.find(':') == std::string::npos ? parse_v4(text) : parse_v6(text);
}

bool looks_numeric(std::string_view word) {
  if (word.find(':') != std::string_view::npos) return true;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::size_t dot = word.rfind('.');
  if (dot != std::string_view::npos) return dot + 1 < word.size() && is_digit(word[dot + 1]);
  const bool hexadecimal = word.size() > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
  return hexadecimal || std::all_of(word.begin(), word.end(), is_digit);
}

std::uint16_t parse_port(std::string_view word, std::uint16_t min) {
  if (!word.empty() && word[0] >= '0' && word[0] <= '9') {
    const auto port = base::number_of<std::uint16_t>(word);
    if (port && *port >= min) return *port;
  } else if (!word.empty()) {
    const servent* const service = getservbyname(std::string(word).c_str(), "udp");
    if (service != nullptr) return ntohs(static_cast<std::uint16_t>(service->s_port));
  }
  throw base::UsageError(
      fmt::format("'{}' is not a port from {} to 65535 or the name of a UDP service", base::printable(word), min));
}

HostAndPort split_host_port(std::string_view word) {
  const auto bad = [&] {
    return base::UsageError(fmt::format("'{}' has unbalanced brackets; write [ADDRESS]:PORT", base::printable(word)));
  };
  if (!word.empty() && word[0] == '[') {
    const std::size_t close = word.find(']');
    if (close == std::string_view::npos) throw bad();
    const std::string_view rest = word.substr(close + 1);
    if (rest.empty()) return {word.substr(1, close - 1), std::nullopt};
    if (rest[0] != ':') throw bad();
    return {word.substr(1, close - 1), rest.substr(1)};
  }
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos) return {word, std::nullopt};
  if (word.find(':', colon + 1) != std::string_view::npos) return {word, std::nullopt};  // bare IPv6
  return {word.substr(0, colon), word.substr(colon + 1)};
}

std::string join_host_port(std::string_view host, std::string_view port) {
  const bool brackets = host.find(':') != std::string_view::npos;
  return fmt::format("{}{}{}:{}", brackets ? "[" : "", host, brackets ? "]" : "", port);
}

std::string join_host_port(std::string_view host, std::uint16_t port) {
  return join_host_port(host, std::to_string(port));
}

EndpointWord parse_endpoint(std::string_view word) {
  if (word.starts_with("fd:")) return {std::string(word), 0, true};
  const HostAndPort parts = split_host_port(word);
  if (!parts.port) {
    if (parts.host.find(':') != std::string_view::npos && parse_address(parts.host)) {
      throw base::UsageError(
          fmt::format("'{}' has no port; write [{}]:PORT", base::printable(word), base::printable(parts.host)));
    }
    const bool is_name = parts.host.find('.') != std::string_view::npos && !looks_numeric(parts.host);
    if (is_name || parse_address(parts.host)) {
      throw base::UsageError(fmt::format("'{0}' has no port; write {0}:PORT", base::printable(word)));
    }
    if (parts.host.find_first_of(":.") != std::string_view::npos) {
      throw base::UsageError(fmt::format("'{}' is neither a port nor ADDRESS:PORT", base::printable(word)));
    }
    return {"", parse_port(parts.host), false};
  }
  if (parts.host.empty()) {
    throw base::UsageError(fmt::format("'{}' has no address; write *:PORT or PORT", base::printable(word)));
  }
  return {parts.host == "*" ? std::string() : std::string(parts.host), parse_port(*parts.port), false};
}

Network Network::parse(std::string_view word) {
  const std::size_t slash = word.find('/');
  const std::string_view host = word.substr(0, slash);
  std::optional<Address> address;
  if (host.find('%') == std::string_view::npos) address = parse_address(host);
  if (!address) {
    throw base::UsageError(
        fmt::format("'{}' is not an address or network such as 10.0.0.0/8 or ::1", base::printable(word)));
  }
  const bool mapped = host.find(':') != std::string_view::npos && address->is_v4();
  const unsigned max = host.find(':') != std::string_view::npos ? 128 : 32;
  unsigned bits = max;
  if (slash != std::string_view::npos) {
    try {
      bits = static_cast<unsigned>(base::parse_integer(word.substr(slash + 1), mapped ? 96 : 0, max));
    } catch (const base::UsageError& error) {
      throw base::UsageError(fmt::format("'{}': the prefix length {}", base::printable(word), error.what()));
    }
  }
  Network network;
  network.prefix_ = widened(*address);
  network.bits_ = mapped ? bits - 96 : bits;
  network.family_ = family_of(*address);
  return network;
}

bool Network::contains(const Address& address) const {
  if (family_of(address) != family_) return false;
  const auto bytes = widened(address);
  const unsigned whole = bits_ / 8;
  if (std::memcmp(bytes.data(), prefix_.data(), whole) != 0) return false;
  const unsigned left = bits_ % 8;
  return left == 0 || ((bytes[whole] ^ prefix_[whole]) >> (8 - left)) == 0;
}

namespace {

void append_without_zone(std::string& out, const Address& address) {
  if (address.is_v4()) {
    std::array<char, INET_ADDRSTRLEN> text;
    out.append(text.data(), static_cast<std::size_t>(write_v4(text.data(), address.to_v4().to_uint()) - text.data()));
    return;
  }
  char text[INET6_ADDRSTRLEN];
  const auto bytes = address.to_v6().to_bytes();
  out += inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
}

}  // namespace

void append_address(std::string& out, const Address& address) {
  append_without_zone(out, address);
  if (const unsigned zone = zone_of(address); zone != 0) {
    out += '%';
    base::append_escaped(out, interface_name(zone));
  }
}

std::string unescaped(const Address& address) {
  std::string out;
  append_without_zone(out, address);
  if (const unsigned zone = zone_of(address); zone != 0) (out += '%') += interface_name(zone);
  return out;
}

std::string unescaped(const Endpoint& endpoint) {
  return join_host_port(unescaped(endpoint.address()), endpoint.port());
}

std::string to_string(const Address& address) {
  std::string out;
  append_address(out, address);
  return out;
}

void append_endpoint(std::string& out, const Endpoint& endpoint) {
  if (family_of(endpoint) == Family::ipv4) {
    std::array<char, INET_ADDRSTRLEN + sizeof ":65535"> text;
    sockaddr_in plain;
    std::memcpy(&plain, endpoint.data(), sizeof plain);
    char* end = write_v4(text.data(), ntohl(plain.sin_addr.s_addr));
    *end++ = ':';
    end = std::to_chars(end, text.data() + text.size(), endpoint.port()).ptr;
    out.append(text.data(), static_cast<std::size_t>(end - text.data()));
    return;
  }
  out += '[';
  append_address(out, endpoint.address());
  out += "]:";
  base::append_number(out, endpoint.port());
}

std::string to_string(const Endpoint& endpoint) {
  std::string out;
  append_endpoint(out, endpoint);
  return out;
}

bool needs_zone(const Address& address) {
  if (!address.is_v6() || zone_of(address) != 0) return false;
  const address_v6 v6 = address.to_v6();
  return v6.is_link_local() || v6.is_multicast_node_local() || v6.is_multicast_link_local();
}

bool is_limited_broadcast(const Address& address) {
  return address.is_v4() && address.to_v4() == address_v4::broadcast();
}

Address with_zone(const Address& address, unsigned interface_index) {
  if (address.is_v4()) return address;
  return address_v6(address.to_v6().to_bytes(), interface_index);
}

unsigned zone_of(const Address& address) {
  return address.is_v6() ? static_cast<unsigned>(address.to_v6().scope_id()) : 0;
}

unsigned zone_of_group(const Address& address) { return address.is_multicast() ? zone_of(address) : 0; }

}  // namespace net
