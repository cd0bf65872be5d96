// SPDX-License-Identifier: MIT
// RTP (RFC 3550) by its headers alone: loss, duplicates, reordering and jitter of a stream. Pure; the arrival times are
// passed in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "commands/streams/clock.hpp"
#include "commands/streams/numbered_stream.hpp"
#include "net/datagram.hpp"

namespace commands {

// What a datagram on an RTP port is. RTCP may share the port (RFC 5761).
enum class RtpKind : std::uint8_t { rtp, rtcp, other };

struct RtpPacket {
  RtpKind kind = RtpKind::other;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  std::string_view payload;  // without header, CSRC list, header extension and padding
};

// RFC 3550, 5.1. `other` unless the version is 2 and CSRC list, header extension and padding fit.
RtpPacket parse_rtp(std::string_view datagram);

// The clock rate in Hz of a static payload type (RFC 3551, tables 4 and 5); nothing for a dynamic one.
std::optional<std::uint32_t> static_clock_rate(std::uint8_t payload_type);

// --clock-rate: of dynamic payload types, in Hz.
struct ClockRates {
  std::optional<std::uint32_t> any;
  std::map<std::uint8_t, std::uint32_t> by_type;

  // The rate of a payload type as far as it is given: here, or by RFC 3551.
  std::optional<std::uint32_t> of(std::uint8_t payload_type) const;
};

// The packets of one SSRC from one sender.
class RtpStream : public NumberedStream {
 public:
  RtpStream() : NumberedStream(16) {}

  void add(const RtpPacket& packet, const ClockRates& rates, net::SystemTime arrival);

  std::uint8_t payload_type() const { return payload_type_; }  // the last one
  std::optional<std::uint32_t> clock_rate() const;             // Hz, of that payload type; nothing: unknown
  bool clock_is_measured() const { return !given_rate_ && clock_rate(); }
  std::optional<double> jitter_ms() const;  // nothing while the clock is unknown

 private:
  struct Judged {
    Sense sense = Sense::unknown;
    std::uint64_t cycles = 0;
  };
  Judged judge(const RtpPacket& packet, net::SystemTime arrival) const;
  Judged judge_ahead(double steps, double units, double expected, net::SystemTime arrival) const;
  void take_timing(const RtpPacket& packet, Step step, bool learns, net::SystemTime arrival);

  std::uint8_t payload_type_ = 0;
  std::optional<std::uint32_t> given_rate_;
  Jitter jitter_;  // against the given rate
  ClockMeter meter_;
  std::uint8_t metered_type_ = 0;
  // Of the packet with the highest number.
  std::uint32_t timestamp_ = 0;
  net::SystemTime arrival_{};
  // How far timestamps go with each number, over steps that need no explanation.
  double steps_ = 0, units_ = 0;
};

}  // namespace commands
