// SPDX-License-Identifier: MIT
// Hearing of what is sent: for captures.
#pragma once

#include <cstdint>
#include <string_view>

#include "net/address.hpp"

namespace net {

// The headers of a datagram that left.
struct SentBy {
  Endpoint from;  // the unspecified address where even the routes do not tell
  Endpoint to;
  std::uint8_t ttl = 0;
  std::uint8_t traffic_class = 0;
};

// Hears of every datagram that the kernel took: for captures.
class SentTap {
 public:
  virtual void sent(std::string_view payload, const SentBy& by) = 0;
  virtual void sent_all() = 0;  // after each hand-over

 protected:
  ~SentTap() = default;
};

}  // namespace net
