// SPDX-License-Identifier: MIT
// MPEG transport streams (ISO/IEC 13818-1) in datagrams: continuity, transport errors, sync losses, the clock (PCR) and
// the rate of one sender's stream. Pure; the arrival times are passed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "commands/streams/rtp.hpp"
#include "net/datagram.hpp"

namespace commands {

constexpr std::size_t ts_packet_size = 188;

// The transport stream packets that a datagram is made of: its payload when that is whole packets of 188
// bytes, each beginning with the sync byte 0x47, else the payload of RTP of type 33 (RFC 2250) if that is. ""
// when neither. `packet` is what parse_rtp() makes of the datagram.
std::string_view ts_packets_of(std::string_view datagram, const RtpPacket& packet);

struct TsReport {
  std::uint16_t pid = 0;
  std::uint64_t packets = 0;
  std::uint64_t errors = 0;  // packets whose continuity counter did not go on from the one before
  double bits_per_second = 0;
  // TR 101 290, 2.3 and 2.4, as they arrive here; nothing where the PID carries no clock.
  std::optional<double> pcr_interval_ms;  // the largest between two
  std::optional<double> pcr_jitter_ms;    // of arrivals against the clock, smoothed as RFC 3550 does
};

// The stream of one sender. Bounded: PIDs after the first `max_pids` count in the sums only.
class TsStream {
 public:
  static constexpr std::size_t max_pids = 256;

  // Takes a datagram's transport stream packets, as ts_packets_of() returns them.
  void add(std::string_view packets, net::SystemTime arrival);
  // A datagram of the stream's sender in which packets do not begin with the sync byte, or are cut.
  void add_out_of_sync() { ++sync_losses_; }

  std::uint64_t packets() const { return packets_; }  // null packets among them
  std::uint64_t errors() const { return errors_; }    // of the continuity counter, over all PIDs
  // Packets that a modem before us marked as damaged (transport_error_indicator); nothing else of them counts.
  std::uint64_t transport_errors() const { return transport_errors_; }
  std::uint64_t sync_losses() const { return sync_losses_; }
  double bits_per_second() const { return rate_of(packets_, first_packets_); }

  std::vector<TsReport> reports() const;  // in the order of the PIDs, without null packets

 private:
  struct Clock {
    std::uint64_t value = 0;  // of the last PCR, in units of 27 MHz
    net::SystemTime arrival{};
    bool started = false;
    bool compared = false;
    std::chrono::nanoseconds longest{};
    double jitter_ms = 0;
  };
  struct Pid {
    std::uint64_t packets = 0;
    std::uint64_t first_packets = 0;  // of the datagram with which the stream's time begins
    std::uint64_t errors = 0;
    std::uint64_t payload = 0;  // fingerprint of the last one
    std::uint8_t counter = 0;
    bool has_counter = false;
    bool repeated = false;  // the last packet was a duplicate
    Clock clock;
  };
  struct Packet;

  void add_packet(std::string_view packet, net::SystemTime arrival);
  static bool goes_on(const Packet& packet, Pid& pid);
  static void take_clock(const Packet& packet, Clock& clock, net::SystemTime arrival);
  double rate_of(std::uint64_t packets, std::uint64_t first_packets) const;

  std::map<std::uint16_t, Pid> pids_;
  std::optional<net::SystemTime> first_;
  net::SystemTime last_{};
  std::uint64_t first_packets_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t transport_errors_ = 0;
  std::uint64_t sync_losses_ = 0;
};

}  // namespace commands
