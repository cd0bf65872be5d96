// SPDX-License-Identifier: MIT
// Packets of any bytes: whatever comes out lies within what went in, memory is bounded, and the counts add up.
#include <string>

#include "commands/send/capture.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int links[] = {0, 1, 12, 14, 101, 108, 113, 228, 229, 276};
  fuzz::Feed feed(data, size);
  commands::CaptureDecoder decoder(links[feed.byte() % std::size(links)]);
  std::uint64_t packets = 0;
  base::Nanoseconds time{};
  while (!feed.empty()) {
    time += std::chrono::milliseconds(feed.two_bytes());
    const std::string packet(feed.bytes(feed.byte()));
    const std::size_t wire_size = packet.size() + feed.byte() % 4;
    const auto datagram = decoder.take({packet, wire_size, time});
    ++packets;
    if (datagram) MUST(datagram->payload.size() <= 65'535);
  }
  const commands::SkippedPackets skipped = decoder.skipped();
  MUST(skipped.snapped + skipped.malformed <= packets);
  MUST(skipped.incomplete <= packets);
  return 0;
}
