// SPDX-License-Identifier: MIT
// A plain UDP socket of the test itself, independent of what is tested.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "support/process.hpp"

namespace support {

struct Message {
  std::string payload;
  std::string address;
  std::uint16_t port = 0;
};

class RawUdp {
 public:
  // Bound to a numeric address and port; port 0 is a free one.
  explicit RawUdp(const std::string& address = "127.0.0.1", std::uint16_t port = 0);
  ~RawUdp();
  RawUdp(const RawUdp&) = delete;
  RawUdp& operator=(const RawUdp&) = delete;

  int fd() const { return fd_; }
  std::uint16_t port() const;
  std::string endpoint() const;  // "127.0.0.1:53211", "[::1]:53211"

  // Hears an IPv4 group, as it comes in by the named interface.
  void join(const std::string& group, const std::string& interface) const;
  void send(std::string_view payload, std::uint16_t port, const std::string& address = {}) const;
  void reply(const Message& to, std::string_view payload) const { send(payload, to.port, to.address); }
  // The next datagram, or nothing when none comes in time.
  std::optional<Message> receive(Milliseconds timeout = patience) const;
  // The next datagram's payload; "(nothing came)" when none does.
  std::string next(Milliseconds timeout = patience) const;

 private:
  std::string address_;
  int fd_;
};

// Sends all of them, by as few calls as the kernel takes (sendmmsg(2)).
void send_messages(int fd, std::span<mmsghdr> messages);

// A port of 127.0.0.1 on which nobody listens, for as long as nobody takes it.
std::uint16_t unused_port();

bool has_ipv6();  // ::1 can be bound

}  // namespace support
