// SPDX-License-Identifier: MIT
#include "commands/streams/rtp.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/bytes.hpp"

namespace commands {
namespace {

std::uint16_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(base::byte_at(bytes, at) << 8 | base::byte_at(bytes, at + 1));
}

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  return std::uint32_t{u16_at(bytes, at)} << 16 | u16_at(bytes, at + 2);
}

constexpr std::size_t rtp_header_size = 12;

// Takes the CSRC list, header extension and padding off. False when they do not fit.
bool cut_to_payload(std::string_view& datagram) {
  const std::uint8_t first = base::byte_at(datagram, 0);
  const bool padded = (first & 0x20) != 0;
  const bool extended = (first & 0x10) != 0;
  std::size_t start = rtp_header_size + 4 * std::size_t{first & 0x0fu};
  if (extended) {
    if (start + 4 > datagram.size()) return false;
    start += 4 + 4 * std::size_t{u16_at(datagram, start + 2)};
  }
  if (start > datagram.size()) return false;
  const std::size_t padding = padded ? base::byte_at(datagram, datagram.size() - 1) : 0;
  if ((padded && padding == 0) || padding > datagram.size() - start) return false;
  datagram = datagram.substr(start, datagram.size() - start - padding);
  return true;
}

// RTCP packet types as they stand in the second byte. RTP has its marker bit there, and payload types 64 to
// 95 are left unused so that the two can be told apart (RFC 5761, section 4).
constexpr std::uint8_t first_rtcp_type = 192;
constexpr std::uint8_t last_rtcp_type = 223;
constexpr std::size_t rtcp_header_size = 4;

}  // namespace

RtpPacket parse_rtp(std::string_view datagram) {
  RtpPacket packet;
  if (datagram.size() < rtcp_header_size || base::byte_at(datagram, 0) >> 6 != 2) return packet;
  const std::uint8_t second = base::byte_at(datagram, 1);
  if (second >= first_rtcp_type && second <= last_rtcp_type) {
    packet.kind = RtpKind::rtcp;
    return packet;
  }
  if (datagram.size() < rtp_header_size) return packet;
  packet.payload = datagram;
  if (!cut_to_payload(packet.payload)) return RtpPacket();
  packet.kind = RtpKind::rtp;
  packet.payload_type = second & 0x7f;
  packet.sequence = u16_at(datagram, 2);
  packet.timestamp = u32_at(datagram, 4);
  packet.ssrc = u32_at(datagram, 8);
  return packet;
}

std::optional<std::uint32_t> static_clock_rate(std::uint8_t payload_type) {
  // By payload type; 0 where RFC 3551 gives none. G722 (9) keeps 8,000 although it samples at 16,000.
  static constexpr std::array<std::uint32_t, 35> rates{
      8'000, 0,      0,      8'000, 8'000,  8'000,  16'000, 8'000,  8'000,  8'000,  44'100, 44'100,
      8'000, 8'000,  90'000, 8'000, 11'025, 22'050, 8'000,  0,      0,      0,      0,      0,
      0,     90'000, 90'000, 0,     90'000, 0,      0,      90'000, 90'000, 90'000, 90'000};
  if (payload_type >= rates.size() || rates[payload_type] == 0) return std::nullopt;
  return rates[payload_type];
}

std::optional<std::uint32_t> ClockRates::of(std::uint8_t payload_type) const {
  const auto given = by_type.find(payload_type);
  if (given != by_type.end()) return given->second;
  const auto fixed = static_clock_rate(payload_type);
  return fixed ? fixed : any;
}

void RtpStream::add(const RtpPacket& packet, const ClockRates& rates, net::SystemTime arrival) {
  if (received() == 0 || payload_type_ != packet.payload_type) given_rate_ = rates.of(packet.payload_type);
  payload_type_ = packet.payload_type;
  const Judged judged = judge(packet, arrival);
  const bool learns = sequence().started() && sequence().distance(packet.sequence) == 1;
  const Step step = take(packet.sequence, arrival, judged.sense, judged.cycles);
  // Neither a copy nor what may be of another run tells anything about timing.
  if (step != Step::duplicate && step != Step::far) take_timing(packet, step, learns, arrival);
}

void RtpStream::take_timing(const RtpPacket& packet, Step step, bool learns, net::SystemTime arrival) {
  if (step == Step::restart) {
    jitter_.forget_last();
    meter_.restart();
  }
  if (given_rate_) {
    jitter_.add(packet.timestamp, *given_rate_, arrival);
  } else {
    if (metered_type_ != packet.payload_type) meter_ = ClockMeter();
    metered_type_ = packet.payload_type;
    meter_.add(packet.timestamp, arrival);
  }
  if (step == Step::late) return;
  const auto units = static_cast<std::int32_t>(packet.timestamp - timestamp_);
  if (learns && units >= 0) {
    steps_ += 1;
    units_ += units;
  }
  timestamp_ = packet.timestamp;
  arrival_ = arrival;
}

// A gap is loss as long as the timestamps go on with the numbers, or with the time that has passed; a jump that they do
// not explain is the sender's. The packet that only follows the one before needs no explanation: a pause in speech lets
// timestamps jump.
RtpStream::Judged RtpStream::judge(const RtpPacket& packet, net::SystemTime arrival) const {
  if (!sequence().started()) return {};
  const auto steps = static_cast<double>(sequence().distance(packet.sequence));
  const auto units = static_cast<double>(static_cast<std::int32_t>(packet.timestamp - timestamp_));
  if (steps == 0 || steps == 1 || steps_ < 1 || units_ <= 0) return {};
  const double expected = units * steps_ / units_;  // how many numbers the timestamps went on
  if (steps > 1) return judge_ahead(steps, units, expected, arrival);
  constexpr double cycle = 65'536;
  if (expected > 0) {  // half a round of the numbers or more may be lost
    const Judged ahead = judge_ahead(steps + cycle, units, expected, arrival);
    if (ahead.sense == SequenceTracker::Sense::goes_on) return ahead;
  }
  constexpr double slack = 256;  // frames out of their order, of many packets each
  const bool fits = std::fabs(expected - steps) <= std::max(slack, -2 * steps);
  return {fits ? SequenceTracker::Sense::unknown : SequenceTracker::Sense::jumps, 0};
}

RtpStream::Judged RtpStream::judge_ahead(double steps, double units, double expected, net::SystemTime arrival) const {
  constexpr double cycle = 65'536;
  const double elapsed = std::chrono::duration<double>(arrival - arrival_).count();
  const std::optional<double> rate = given_rate_ ? std::optional<double>(*given_rate_) : meter_.slope();
  const bool in_time = rate && *rate > 0 && elapsed > 0.2 && std::fabs(units / *rate - elapsed) <= 0.1 * elapsed + 0.1;
  if (std::fabs(expected - steps) <= std::max(2.0, steps / 4)) return {Sense::goes_on, 0};
  const double cycles = std::max(0.0, std::round((expected - steps) / cycle));
  const double all = steps + cycles * cycle;
  // By chance the nearest round is never far; only of a few rounds does it say something.
  constexpr double max_cycles = 16;
  constexpr double max_off = cycle / 64;
  if (cycles > 0 && cycles <= max_cycles && std::fabs(expected - all) <= std::clamp(all / 1'000, 2.0, max_off)) {
    return {Sense::goes_on, static_cast<std::uint64_t>(cycles)};
  }
  if (in_time) return {Sense::goes_on, static_cast<std::uint64_t>(cycles)};
  constexpr double slack = 256;
  const bool near = expected > -slack && std::fabs(expected - steps) <= std::max(slack, 2 * steps);
  return {near ? Sense::unknown : Sense::jumps, 0};
}

std::optional<std::uint32_t> RtpStream::clock_rate() const {
  if (given_rate_) return given_rate_;
  return metered_type_ == payload_type_ ? meter_.rate() : std::nullopt;
}

std::optional<double> RtpStream::jitter_ms() const {
  if (given_rate_) return jitter_.milliseconds();
  if (!clock_rate()) return std::nullopt;
  return meter_.jitter().milliseconds();
}

}  // namespace commands
