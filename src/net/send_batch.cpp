// SPDX-License-Identifier: MIT
#include "net/send_batch.hpp"

#include <algorithm>

namespace net {

std::size_t run_length(std::span<const Outgoing> datagrams, const SegmentLimits& limits) {
  const Outgoing& first = datagrams.front();
  if (first.size == 0 || first.size > limits.segment_bytes) return 1;
  const std::size_t max = std::min({datagrams.size(), limits.segments, limits.run_bytes / first.size});
  std::size_t length = 1;
  while (length < max) {
    const Outgoing& next = datagrams[length];
    if (next.route != first.route || next.size == 0 || next.size > first.size) break;
    ++length;
    if (next.size < first.size) break;  // a shorter one ends the run
  }
  return length;
}

}  // namespace net
