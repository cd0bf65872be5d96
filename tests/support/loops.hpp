// SPDX-License-Identifier: MIT
// Whether what goes round ends, as the kernel of this network namespace counts it.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <thread>

#include "support/kernel.hpp"
#include "support/udptool.hpp"

namespace support {

// A listener's options that leave its records out.
inline Words silent(Words responder) {
  responder.insert(responder.end(), {"-o", "none"});
  return responder;
}

// What sockets of both families have sent; what raw sockets sent is not in it.
inline std::uint64_t datagrams_out() {
  std::uint64_t count = kernel_counter("OutDatagrams");
  std::ifstream file("/proc/net/snmp6");
  std::string name;
  for (std::uint64_t value = 0; file >> name >> value;) count += name == "Udp6OutDatagrams" ? value : 0;
  return count;
}

// How many datagrams this namespace's sockets send from `before` on, at least so many, until none leaves for so long.
// What never ends is given up after the usual time.
inline std::uint64_t sent_until_quiet(std::uint64_t before, std::uint64_t least,
                                      Milliseconds quiet = Milliseconds(300)) {
  std::uint64_t sent = 0;
  const Stopwatch whole;
  for (Stopwatch still; (sent < least || still.elapsed() < quiet) && whole.elapsed() < patience;) {
    std::this_thread::sleep_for(Milliseconds(10));
    const std::uint64_t now = datagrams_out() - before;
    if (now != sent) still = Stopwatch();
    sent = now;
  }
  return sent;
}

}  // namespace support
