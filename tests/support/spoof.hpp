// SPDX-License-Identifier: MIT
// Packets of any sender, from raw sockets: for tests in namespaces (see support/namespace.hpp). udp() knows IPv6 too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace support {

struct Ends {
  std::string from;
  std::uint16_t from_port = 0;
  std::string to;
  std::uint16_t to_port = 0;
  std::uint8_t ttl = 64;
};

class RawIp {
 public:
  RawIp();
  ~RawIp();
  RawIp(const RawIp&) = delete;
  RawIp& operator=(const RawIp&) = delete;

  void udp(const Ends& ends, std::string_view payload) const;
  // The same with a checksum that is wrong.
  void damaged_udp(const Ends& ends, std::string_view payload) const;
  // The same as if it had come in by the loopback, whatever the sender: the kernel fills in one of 0.0.0.0 otherwise.
  void arriving_udp(const Ends& ends, std::string_view payload) const;
  // "Port unreachable" from `ends.to`, which quotes a datagram that `ends.from` is said to have sent.
  void port_unreachable(const Ends& ends, std::string_view payload) const;

 private:
  void send(const std::string& packet, const std::string& to) const;
  void send_v6(const std::string& packet, const std::string& to) const;

  int fd_;
};

}  // namespace support
