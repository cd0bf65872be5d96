// SPDX-License-Identifier: MIT
// Runs of datagrams for segmented sends: they cover the batch, each is one that the kernel takes, and none is
// shorter than it has to be.
#include <vector>

#include "fuzz.hpp"
#include "net/send_batch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string payload(65'536, 'x');
  fuzz::Feed feed(data, size);
  net::SegmentLimits limits;
  limits.segments = feed.byte();
  limits.segment_bytes = feed.two_bytes();
  limits.run_bytes = feed.two_bytes();
  std::vector<net::Outgoing> datagrams;
  while (!feed.empty() && datagrams.size() < 4'096) {
    const std::uint8_t kind = feed.byte();
    const std::uint32_t bytes = kind & 1 ? feed.two_bytes() : kind >> 4;
    const std::size_t times = kind & 2 ? feed.byte() + 1u : 1;
    datagrams.insert(datagrams.end(), times, {payload.data(), bytes, kind >> 2 & 3u});
  }
  std::span<const net::Outgoing> left(datagrams);
  while (!left.empty()) {
    const std::size_t length = net::run_length(left, limits);
    MUST(length >= 1 && length <= left.size());
    const net::Outgoing& first = left.front();
    std::size_t total = 0;
    for (std::size_t i = 0; i < length; ++i) {
      MUST(left[i].route == first.route);
      MUST(i + 1 == length ? left[i].size <= first.size : left[i].size == first.size);
      MUST(length == 1 || left[i].size > 0);
      total += left[i].size;
    }
    MUST(length == 1 || (total <= limits.run_bytes && length <= limits.segments && first.size <= limits.segment_bytes));
    const bool could_grow = first.size > 0 && first.size <= limits.segment_bytes && length < limits.segments &&
                            (length + 1) * first.size <= limits.run_bytes && left[length - 1].size == first.size;
    if (could_grow && length < left.size()) {
      const net::Outgoing& next = left[length];
      MUST(next.route != first.route || next.size == 0 || next.size > first.size);
    }
    left = left.subspan(length);
  }
  return 0;
}
