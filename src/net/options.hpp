// SPDX-License-Identifier: MIT
// The socket options of a command line: plain data, and one function that applies it.
#pragma once

#include <cstddef>
#include <optional>

#include "net/interfaces.hpp"

namespace net {

class UdpSocket;

struct SocketOptions {
  std::optional<Interface> interface;
  std::optional<int> ttl;
  std::optional<int> dscp;  // 0-63
  bool broadcast = false;
  bool multicast_loopback = true;
  bool reuse_address = false;
  bool reuse_port = false;
  bool dont_fragment = false;
  std::optional<std::size_t> receive_buffer;  // bytes
  std::optional<std::size_t> send_buffer;
};

// What the kernel gave for the buffers that were asked for.
struct GrantedBuffers {
  std::optional<std::size_t> receive;
  std::optional<std::size_t> send;

  bool operator==(const GrantedBuffers&) const = default;
};

// Applies the options to an open, unbound socket. `multicast` is true for a socket that sends to groups or joins
// them: there the interface is where multicast leaves; otherwise all traffic is bound to it. Throws
// base::Failure.
GrantedBuffers apply(const SocketOptions& options, bool multicast, UdpSocket& socket);

}  // namespace net
