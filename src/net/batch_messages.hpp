// SPDX-License-Identifier: MIT
// The arrays behind batches, for recvmmsg(2) and sendmmsg(2).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <vector>

#include "net/control.hpp"
#include "net/datagram.hpp"
#include "net/udp_socket.hpp"

namespace net {

struct ReceiveBatch::Arrays {
  explicit Arrays(std::size_t places)
      : payloads(new char[places * place_size]),
        controls(new char[places * control_room]),
        senders(places),
        vectors(places),
        headers(places) {}

  // Not std::vector: its pages must not be touched before a datagram needs them.
  std::unique_ptr<char[]> payloads;
  std::unique_ptr<char[]> controls;
  std::vector<Endpoint> senders;
  std::vector<iovec> vectors;
  std::vector<mmsghdr> headers;
};

// One for all sockets of a thread, for a send is over when it returns: a thousand sockets need not have one each.
struct UdpSocket::Messages {
  static Messages& of_this_thread() {
    thread_local const auto messages = std::make_unique<Messages>();
    return *messages;
  }

  static constexpr std::size_t max = 64;             // messages a system call
  static constexpr std::size_t max_vectors = 4'096;  // pieces of memory in all of them

  std::array<mmsghdr, max> headers;
  std::array<std::array<char, send_control_room>, max> controls;
  std::array<std::size_t, max> runs;  // datagrams in each message
  std::vector<iovec> vectors = std::vector<iovec>(max_vectors);
};

}  // namespace net
