// SPDX-License-Identifier: MIT
// Which of the datagrams that were sent their target has refused, as far as its ICMP errors tell. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/icmp.hpp"

namespace commands {

// An error counts for one datagram, and only if its target says so and it quotes what the datagram held: what somebody
// on the way says, and what quotes no more than the ports, may be forged or beaten by a reply.
class Refusals {
 public:
  static constexpr std::size_t max_datagrams = 256;  // with more, no wait ends early
  static constexpr std::size_t max_quote = 128;      // bytes of each that are compared

  void sent(std::string_view payload);
  void take(const net::TransportError& error);
  // True when each datagram that was sent has been refused.
  bool all() const { return sent_ > 0 && refused_ == sent_; }

 private:
  struct Datagram {
    std::string payload;
    bool refused = false;
  };

  std::vector<Datagram> datagrams_;
  std::size_t sent_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace commands
