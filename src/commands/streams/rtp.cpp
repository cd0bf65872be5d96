#include "commands/streams/rtp.hpp"

#include <array>
#include <cmath>

namespace commands {
namespace {

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::uint16_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  return std::uint32_t{u16_at(bytes, at)} << 16 | u16_at(bytes, at + 2);
}

constexpr std::size_t header_size = 12;

// Takes the CSRC list, header extension and padding off. False when they do not fit.
bool cut_to_payload(std::string_view& datagram) {
  const std::uint8_t first = byte_at(datagram, 0);
  const bool padded = (first & 0x20) != 0;
  const bool extended = (first & 0x10) != 0;
  std::size_t start = header_size + 4 * std::size_t{first & 0x0fu};
  if (extended) {
    if (start + 4 > datagram.size()) return false;
    start += 4 + 4 * std::size_t{u16_at(datagram, start + 2)};
  }
  if (start > datagram.size()) return false;
  const std::size_t padding = padded ? byte_at(datagram, datagram.size() - 1) : 0;
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
  if (datagram.size() < rtcp_header_size || byte_at(datagram, 0) >> 6 != 2) return packet;
  const std::uint8_t second = byte_at(datagram, 1);
  if (second >= first_rtcp_type && second <= last_rtcp_type) {
    packet.kind = RtpKind::rtcp;
    return packet;
  }
  if (datagram.size() < header_size) return packet;
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
  constexpr std::array<std::uint32_t, 35> rates{8'000, 0,      0,      8'000, 8'000,  8'000,  16'000, 8'000,  8'000,
                                                8'000, 44'100, 44'100, 8'000, 8'000,  90'000, 8'000,  11'025, 22'050,
                                                8'000, 0,      0,      0,     0,      0,      0,      90'000, 90'000,
                                                0,     90'000, 0,      0,     90'000, 90'000, 90'000, 90'000};
  if (payload_type >= rates.size() || rates[payload_type] == 0) return std::nullopt;
  return rates[payload_type];
}

void RtpSequence::start(std::uint16_t sequence) {
  lost_before_ += missing();
  started_ = true;
  // One cycle up, so that a packet from just before the first has an extended number as well.
  first_ = highest_ = (1u << 16) + sequence;
  distinct_ = 1;
  heard_.fill(false);
  set_heard(highest_, true);
  far_.reset();
}

RtpSequence::Step RtpSequence::add(std::uint16_t sequence) {
  if (!started_) {
    start(sequence);
    return Step::on;
  }
  const auto ahead = static_cast<std::uint16_t>(sequence - highest_);
  const auto behind = static_cast<std::uint16_t>(highest_ - sequence);
  if (ahead != 0 && ahead < max_dropout) {
    advance(ahead);
    return Step::on;
  }
  return behind <= max_misorder ? add_late(behind) : add_far(sequence, behind < 0x8000);
}

void RtpSequence::advance(std::uint32_t steps) {
  const std::uint64_t to = highest_ + steps;
  if (steps >= window) {
    heard_.fill(false);
  } else {
    for (std::uint64_t at = highest_ + 1; at < to; ++at) set_heard(at, false);
  }
  highest_ = to;
  set_heard(to, true);
  ++distinct_;
  far_.reset();
}

RtpSequence::Step RtpSequence::add_late(std::uint32_t behind) {
  far_.reset();
  const std::uint64_t extended = highest_ - behind;
  if (heard(extended)) {
    ++duplicate_;
    return Step::duplicate;
  }
  set_heard(extended, true);
  ++reordered_;
  // One from before the first that was heard was never counted as missing.
  if (extended >= first_) ++distinct_;
  return Step::late;
}

// A jump is a restart when the next packet to arrive goes on from it (RFC 3550, A.1). Unlike there a packet
// of the old run in between calls that off, so that a late copy of the stream by another path is no series of
// restarts.
RtpSequence::Step RtpSequence::add_far(std::uint16_t sequence, bool behind) {
  if (far_ && sequence == static_cast<std::uint16_t>(*far_ + 1)) {
    if (far_was_behind_) --reordered_;  // it was the new beginning
    start(*far_);
    advance(1);
    ++restarts_;
    return Step::restart;
  }
  far_ = sequence;
  far_was_behind_ = behind;
  if (behind) ++reordered_;
  return Step::far;
}

void RtpJitter::add(std::uint32_t timestamp, std::uint32_t clock_rate, net::SystemTime arrival) {
  constexpr std::uint64_t second = 1'000'000'000;
  const auto nanoseconds = static_cast<std::uint64_t>(arrival.time_since_epoch().count());
  // Only differences modulo 2^32 count, as they do for the timestamps themselves.
  const std::uint64_t units = nanoseconds / second * clock_rate + nanoseconds % second * clock_rate / second;
  const std::uint32_t transit = static_cast<std::uint32_t>(units) - timestamp;
  if (clock_rate_ == clock_rate) {
    const double difference = std::fabs(static_cast<double>(static_cast<std::int32_t>(transit - transit_)));
    jitter_ms_ += (difference * 1e3 / clock_rate - jitter_ms_) / 16;
  }
  clock_rate_ = clock_rate;
  transit_ = transit;
}

void RtpTracker::add(std::string_view datagram, net::SystemTime arrival) {
  const RtpPacket packet = parse_rtp(datagram);
  if (packet.kind != RtpKind::rtp) {
    ++(packet.kind == RtpKind::rtcp ? rtcp_ : not_rtp_);
    return;
  }
  auto found = sources_.find(packet.ssrc);
  if (found == sources_.end()) {
    if (sources_.size() >= most_sources_) {
      ++unlisted_;
      return;
    }
    found = sources_.try_emplace(packet.ssrc).first;
  }
  Source& source = found->second;
  ++source.received;
  source.payload_type = packet.payload_type;
  source.clock_rate = static_clock_rate(packet.payload_type).value_or(default_clock_rate_);
  const RtpSequence::Step step = source.sequence.add(packet.sequence);
  // Neither a copy nor what may be of another run tells anything about timing.
  if (step == RtpSequence::Step::duplicate || step == RtpSequence::Step::far) return;
  if (step == RtpSequence::Step::restart) source.jitter.forget_last();
  source.jitter.add(packet.timestamp, source.clock_rate, arrival);
}

std::vector<RtpReport> RtpTracker::reports() const {
  std::vector<RtpReport> all;
  all.reserve(sources_.size());
  for (const auto& [ssrc, source] : sources_) {
    RtpReport report;
    report.ssrc = ssrc;
    report.payload_type = source.payload_type;
    report.clock_rate = source.clock_rate;
    report.received = source.received;
    report.lost = source.sequence.lost();
    report.duplicate = source.sequence.duplicate();
    report.reordered = source.sequence.reordered();
    report.restarts = source.sequence.restarts();
    report.jitter_ms = source.jitter.milliseconds();
    all.push_back(report);
  }
  return all;
}

}  // namespace commands
