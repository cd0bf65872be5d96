// SPDX-License-Identifier: MIT
// Reading what has arrived at a socket: the one loop that all who receive have.
#pragma once

#include <cstddef>
#include <limits>

#include "net/udp_socket.hpp"

namespace net {

// Hands each ICMP error that waits to `use`: a bounded number, for anybody can send them. Those that are left are the
// next event.
template <class Use>
void take_errors(UdpSocket& socket, Use use) {
  constexpr int max_a_turn = 1'024;
  for (int i = 0; i < max_a_turn; ++i) {
    const auto error = socket.transport_error();
    if (!error) return;
    use(*error);
  }
}

constexpr auto any_number = [] { return std::numeric_limits<std::size_t>::max(); };

// What has arrived: reads batch after batch, of at most `room()` datagrams, and calls `take()` after each, until
// nothing waits or `max_batches` were read, for others are to have their turn; then hands each ICMP error to `use`.
template <class Room, class Take, class Use>
void drain(UdpSocket& socket, ReceiveBatch& batch, std::size_t max_batches, const Room& room, const Take& take,
           const Use& use) {
  for (std::size_t i = 0; i < max_batches; ++i) {
    if (socket.receive(batch, room()) > 0) take();
    if (batch.size() == 0 || socket.drained()) break;
  }
  take_errors(socket, use);
}

}  // namespace net
