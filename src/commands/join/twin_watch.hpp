// SPDX-License-Identifier: MIT
// Notices that the same datagrams come by two interfaces. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "net/datagram.hpp"

namespace commands {

class TwinWatch {
 public:
  struct Twins {
    unsigned first = 0, second = 0;  // interfaces
  };

  // A datagram that came by an interface. Returns the two, once, when some datagrams came by both.
  std::optional<Twins> heard(const net::Received& received, unsigned interface);

 private:
  struct Seen {
    std::uint64_t hash = 0;
    unsigned interface = 0;
  };
  std::array<Seen, 256> seen_{};
  unsigned twins_ = 0;
  bool told_ = false;
};

}  // namespace commands
