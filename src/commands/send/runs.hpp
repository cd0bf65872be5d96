// SPDX-License-Identifier: MIT
// Whether datagrams leave as segmented runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "net/udp_socket.hpp"
#include "traffic/transmitter.hpp"

namespace commands {

// The loopback refuses a run that is handed over as one with one ICMP error, and at once. So that refusals are counted
// by datagram, the first one leaves alone; once one was refused all leave apart, no more at a time than the kernel
// keeps errors of.
class Runs {
 public:
  explicit Runs(net::UdpSocket& socket) : socket_(socket) {}

  // `largest`: bytes of a datagram that no link fragments.
  void allow(std::size_t largest) { largest_ = largest; }
  // Before a batch is filled: how many datagrams were sent before it, and refused.
  void settle(std::uint64_t before, std::uint64_t refused) {
    constexpr std::size_t max_errors = 128;  // what a receive buffer of 208 KiB, the default, keeps
    const bool apart = before == 0 || refused > 0;
    if (apart != apart_) socket_.use_segmentation(apart ? 0 : largest_);
    apart_ = apart;
    batch_ = before == 0 ? 1 : apart ? max_errors : std::numeric_limits<std::size_t>::max();
  }
  // True when what waits there is enough for a batch.
  bool is_enough(const traffic::Transmitter& out) const { return out.full() || out.waiting() >= batch_; }

 private:
  net::UdpSocket& socket_;
  std::size_t largest_ = 0;
  bool apart_ = true;
  std::size_t batch_ = 1;
};

}  // namespace commands
