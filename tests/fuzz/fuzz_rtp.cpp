// SPDX-License-Identifier: MIT
// Streams of datagrams to the stream engine: each is a length byte, then so many bytes; the length is the time as well.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "commands/streams/streams.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t max_streams = 4;
  std::string_view left(reinterpret_cast<const char*>(data), size);
  commands::StreamOptions options;
  options.rtp = true;
  options.sequence = true;
  if (size % 2 == 1) options.field = commands::SequenceField{1, size % 4 == 1 ? 1u : 8u};
  commands::Streams streams(options, max_streams);
  net::SystemTime arrival{std::chrono::hours(1)};
  const net::Endpoint sender(net::asio::ip::address_v4(0x0a000001), 5'004);
  while (!left.empty()) {
    const auto wanted = static_cast<std::uint8_t>(left[0]);
    left.remove_prefix(1);
    net::Received received;
    received.bytes = left.substr(0, wanted);
    received.sender = &sender;
    left.remove_prefix(received.bytes.size());
    arrival += std::chrono::milliseconds(wanted);
    streams.add(0, received, {arrival, {}});
  }
  if (streams.of(0).size() > max_streams) std::abort();
  for (const commands::Stream* stream : streams.of(0)) {
    const auto* rtp = std::get_if<commands::RtpStream>(&stream->content);
    if (rtp == nullptr) continue;
    const commands::SequenceTracker& sequence = rtp->sequence();
    if (sequence.duplicate() + sequence.reordered() > rtp->received()) std::abort();
    if (sequence.runs().total() > sequence.lost()) std::abort();
    if (rtp->jitter_ms() && !(*rtp->jitter_ms() >= 0)) std::abort();
  }
  return 0;
}
