// SPDX-License-Identifier: MIT
// Where what was received is recorded: on stdout in some form, in a capture file.
#pragma once

#include <cstdint>

#include "net/datagram.hpp"

namespace output {

class RecordSink {
 public:
  // A record for each datagram of what was received on `local_port`. The payloads may be kept by reference until
  // the batch is used again.
  virtual void write(const net::Received& received, std::uint16_t local_port) = 0;
  // Writes out what is not yet: after each wake-up.
  virtual void flush() {}

 protected:
  ~RecordSink() = default;
};

}  // namespace output
