// SPDX-License-Identifier: MIT
// Transport stream packets: four header bytes and six of the adaptation field of each from the input, the
// rest filled in, so that the input stays short. The input is also taken as one datagram.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "commands/streams/mpeg_ts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t header = 10;
  commands::TsStream tracker;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  tracker.add(commands::ts_packets_of(input, commands::parse_rtp(input)), {});
  const std::uint64_t before = tracker.packets();
  std::string datagram;
  for (std::size_t at = 0; at + header <= size; at += header) {
    std::string packet(input.substr(at, header));
    packet[0] = '\x47';
    packet.resize(commands::ts_packet_size, packet[header - 1]);
    datagram += packet;
  }
  tracker.add(datagram, {});
  if (tracker.packets() - before != datagram.size() / commands::ts_packet_size) std::abort();
  std::uint64_t packets = tracker.transport_errors();
  std::uint64_t errors = 0;
  for (const commands::TsReport& report : tracker.reports()) {
    if (report.errors >= report.packets && report.packets > 0) std::abort();  // the first is never one
    packets += report.packets;
    errors += report.errors;
  }
  if (packets > tracker.packets() || errors != tracker.errors()) std::abort();
  return 0;
}
