// Streams of datagrams to the RTP tracker: each is a length byte, then so many bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "commands/streams/rtp.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view left(reinterpret_cast<const char*>(data), size);
  commands::RtpTracker tracker(90'000, 4);
  net::SystemTime arrival{};
  std::uint64_t datagrams = 0;
  while (!left.empty()) {
    const auto wanted = static_cast<std::uint8_t>(left[0]);
    left.remove_prefix(1);
    const std::string_view datagram = left.substr(0, wanted);
    left.remove_prefix(datagram.size());
    arrival += std::chrono::milliseconds(wanted);
    tracker.add(datagram, arrival);
    ++datagrams;
  }
  std::uint64_t counted = tracker.rtcp() + tracker.not_rtp() + tracker.unlisted();
  for (const commands::RtpReport& report : tracker.reports()) {
    counted += report.received;
    if (report.duplicate + report.reordered > report.received) std::abort();
    if (report.lost > report.received * 3'000) std::abort();  // no gap is larger
    if (!(report.jitter_ms >= 0)) std::abort();
  }
  if (counted != datagrams) std::abort();
  return 0;
}
