// SPDX-License-Identifier: MIT
#include "support/spoof.hpp"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace support {
namespace {

std::string two(std::size_t value) { return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)}; }

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

std::string address_bytes(const std::string& text) {
  in6_addr address{};
  inet_pton(is_v6(text) ? AF_INET6 : AF_INET, text.c_str(), &address);
  return {reinterpret_cast<const char*>(&address), is_v6(text) ? sizeof(in6_addr) : sizeof(in_addr)};
}

// RFC 1071.
std::string checksum(std::string bytes) {
  bytes.resize((bytes.size() + 1) / 2 * 2);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << 8 |
           static_cast<unsigned char>(bytes[i + 1]);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return two(~sum & 0xffff);
}

// The kernel adds the checksum of the header.
std::string ip_packet(const Ends& ends, int protocol, const std::string& content) {
  std::string header{"\x45\0", 2};
  header += two(20 + content.size()) + two(0) + two(0);
  header += {static_cast<char>(ends.ttl), static_cast<char>(protocol)};
  header += two(0);
  return header + address_bytes(ends.from) + address_bytes(ends.to) + content;
}

// Without a checksum, as UDP over IPv4 may be (RFC 768).
std::string udp_packet(const Ends& ends, std::string_view payload) {
  const std::string header = two(ends.from_port) + two(ends.to_port) + two(8 + payload.size()) + two(0);
  return ip_packet(ends, IPPROTO_UDP, header + std::string(payload));
}

// RFC 8200: here the checksum is no choice (8.1), and the kernel adds nothing.
std::string udp_packet_v6(const Ends& ends, std::string_view payload) {
  const std::string addresses = address_bytes(ends.from) + address_bytes(ends.to);
  const std::string size = two(8 + payload.size());
  const std::string ports = two(ends.from_port) + two(ends.to_port) + size;
  const std::string pseudo = addresses + two(0) + size + two(0) + two(IPPROTO_UDP);
  const std::string header{"\x60\0\0\0", 4};
  return header + size + std::string{IPPROTO_UDP, static_cast<char>(ends.ttl)} + addresses + ports +
         checksum(pseudo + ports + two(0) + std::string(payload)) + std::string(payload);
}

}  // namespace

RawIp::RawIp() : fd_(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) {
  const int on = 1;
  if (fd_ < 0) throw std::runtime_error(std::string("raw socket: ") + std::strerror(errno));
  setsockopt(fd_, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
}

RawIp::~RawIp() { close(fd_); }

void RawIp::udp(const Ends& ends, std::string_view payload) const {
  if (is_v6(ends.to)) return send_v6(udp_packet_v6(ends, payload), ends.to);
  send(udp_packet(ends, payload), ends.to);
}

void RawIp::damaged_udp(const Ends& ends, std::string_view payload) const {
  std::string packet = udp_packet(ends, payload);
  packet.replace(26, 2, two(1));  // RFC 768: with these addresses and ports it is another
  send(packet, ends.to);
}

void RawIp::arriving_udp(const Ends& ends, std::string_view payload) const {
  std::string packet = udp_packet(ends, payload);
  packet.replace(10, 2, checksum(packet.substr(0, 20)));
  sockaddr_ll name{};
  name.sll_family = AF_PACKET;
  name.sll_protocol = htons(ETH_P_IP);
  name.sll_ifindex = static_cast<int>(if_nametoindex("lo"));
  name.sll_halen = ETH_ALEN;
  const int link = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto* const address = reinterpret_cast<const sockaddr*>(&name);
  const ssize_t sent = link < 0 ? -1 : sendto(link, packet.data(), packet.size(), 0, address, sizeof name);
  if (sent < 0) throw std::runtime_error(std::string("packet socket: ") + std::strerror(errno));
  close(link);
}

void RawIp::port_unreachable(const Ends& ends, std::string_view payload) const {
  const std::string type_and_code{3, 3};
  const std::string rest = std::string(4, '\0') + udp_packet(ends, payload);
  const std::string message = type_and_code + checksum(type_and_code + std::string(2, '\0') + rest) + rest;
  send(ip_packet({ends.to, 0, ends.from, 0}, IPPROTO_ICMP, message), ends.from);
}

void RawIp::send(const std::string& packet, const std::string& to) const {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  inet_pton(AF_INET, to.c_str(), &name.sin_addr);
  const auto* const address = reinterpret_cast<const sockaddr*>(&name);
  if (sendto(fd_, packet.data(), packet.size(), 0, address, sizeof name) < 0) {
    throw std::runtime_error("raw send to " + to + ": " + std::strerror(errno));
  }
}

void RawIp::send_v6(const std::string& packet, const std::string& to) const {
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  inet_pton(AF_INET6, to.c_str(), &name.sin6_addr);
  const auto* const address = reinterpret_cast<const sockaddr*>(&name);
  const int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  const ssize_t sent = fd < 0 ? -1 : sendto(fd, packet.data(), packet.size(), 0, address, sizeof name);
  if (sent < 0) throw std::runtime_error("raw send to " + to + ": " + std::strerror(errno));
  close(fd);
}

}  // namespace support
