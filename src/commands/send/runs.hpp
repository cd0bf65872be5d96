// SPDX-License-Identifier: MIT
// Whether datagrams leave as segmented runs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "net/udp_socket.hpp"
#include "traffic/transmitter.hpp"

namespace commands {

// The loopback refuses a run that is handed over as one with one ICMP error. So that refusals are counted by datagram,
// the first datagrams leave apart, and once one was refused all do, no more at a time than the kernel keeps errors of.
class Runs {
 public:
  explicit Runs(net::UdpSocket& socket) : socket_(socket) {}

  // `largest`: bytes of a datagram that no link fragments.
  void allow(std::size_t largest) { largest_ = largest; }
  // Before a batch is filled: `sent` and `refused` datagrams so far.
  void settle(std::uint64_t sent, std::uint64_t refused) {
    const bool apart = sent == 0 || refused > 0;
    if (apart != apart_) socket_.use_segmentation(apart ? 0 : largest_);
    apart_ = apart;
  }
  // True when what waits there is enough for a batch.
  bool is_enough(const traffic::Transmitter& out) const {
    constexpr std::size_t max_errors = 128;  // what a receive buffer of 208 KiB, the default, keeps
    return out.full() || (apart_ && out.waiting() >= max_errors);
  }

 private:
  net::UdpSocket& socket_;
  std::size_t largest_ = 0;
  bool apart_ = true;
};

}  // namespace commands
