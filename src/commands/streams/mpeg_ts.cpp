// SPDX-License-Identifier: MIT
#include "commands/streams/mpeg_ts.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/bytes.hpp"

namespace commands {
namespace {

constexpr std::uint8_t sync_byte = 0x47;
constexpr std::uint16_t null_pid = 0x1fff;
constexpr std::uint8_t rtp_type_mp2t = 33;  // RFC 3551

bool is_ts(std::string_view bytes) {
  if (bytes.empty() || base::byte_at(bytes, 0) != sync_byte || bytes.size() % ts_packet_size != 0) return false;
  for (std::size_t at = 0; at < bytes.size(); at += ts_packet_size) {
    if (base::byte_at(bytes, at) != sync_byte) return false;
  }
  return true;
}

// A number that two different payloads hardly share.
std::uint64_t fingerprint(std::string_view bytes) {
  std::uint64_t hash = bytes.size();
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = bytes.size() < sizeof word ? bytes.size() : sizeof word;
    std::memcpy(&word, bytes.data(), size);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 29;
    bytes.remove_prefix(size);
  }
  return hash;
}

}  // namespace

std::string_view ts_packets_of(std::string_view datagram, const RtpPacket& packet) {
  if (is_ts(datagram)) return datagram;
  const bool carries = packet.kind == RtpKind::rtp && packet.payload_type == rtp_type_mp2t && is_ts(packet.payload);
  return carries ? packet.payload : std::string_view();
}

// What the continuity counter depends on (ISO/IEC 13818-1, 2.4.3.2 to 2.4.3.5).
struct TsStream::Packet {
  explicit Packet(std::string_view bytes)
      : damaged((base::byte_at(bytes, 1) & 0x80) != 0),
        pid(static_cast<std::uint16_t>((base::byte_at(bytes, 1) & 0x1f) << 8 | base::byte_at(bytes, 2))),
        control(base::byte_at(bytes, 3) >> 4 & 3),
        counter(base::byte_at(bytes, 3) & 0x0f) {
    constexpr std::size_t header_size = 4;
    std::size_t start = header_size;
    if (has_adaptation_field()) {
      const std::size_t length = base::byte_at(bytes, header_size);
      const std::uint8_t flags = length > 0 ? base::byte_at(bytes, header_size + 1) : std::uint8_t{0};
      discontinuity = (flags & 0x80) != 0;
      constexpr std::size_t clock_size = 6;
      if ((flags & 0x10) != 0 && length > clock_size) clock = clock_at(bytes.substr(header_size + 2, clock_size));
      start += 1 + length;
    }
    if (start < bytes.size()) payload = bytes.substr(start);
  }

  // 33 bits of 90 kHz, 6 that are reserved, 9 bits of 27 MHz (2.4.3.5).
  static std::uint64_t clock_at(std::string_view bytes) {
    const std::uint64_t value = base::ByteReader(bytes).number(bytes.size());
    return (value >> 15) * 300 + (value & 0x1ff);
  }

  bool has_adaptation_field() const { return (control & 2) != 0; }
  bool has_payload() const { return (control & 1) != 0; }

  bool damaged;
  std::uint16_t pid;
  std::uint8_t control;  // adaptation_field_control
  std::uint8_t counter;
  bool discontinuity = false;
  std::optional<std::uint64_t> clock;  // PCR, in units of 27 MHz
  std::string_view payload;
};

void TsStream::add(std::string_view packets, net::SystemTime arrival) {
  const bool fresh = !first_;
  if (fresh) first_ = arrival;
  last_ = arrival;
  for (; packets.size() >= ts_packet_size; packets.remove_prefix(ts_packet_size)) {
    add_packet(packets.substr(0, ts_packet_size), arrival);
  }
  if (!fresh) return;
  first_packets_ = packets_;
  for (auto& [number, pid] : pids_) pid.first_packets = pid.packets;
}

void TsStream::add_packet(std::string_view bytes, net::SystemTime arrival) {
  const Packet packet(bytes);
  ++packets_;
  if (packet.damaged) {
    ++transport_errors_;
    return;
  }
  if (packet.pid == null_pid) return;
  auto found = pids_.find(packet.pid);
  if (found == pids_.end()) {
    if (pids_.size() >= max_pids) return;
    found = pids_.try_emplace(packet.pid).first;
  }
  Pid& pid = found->second;
  ++pid.packets;
  if (packet.control == 0) return;  // reserved: decoders discard it
  if (packet.clock) take_clock(packet, pid.clock, arrival);
  if (goes_on(packet, pid)) return;
  ++pid.errors;
  ++errors_;
}

void TsStream::take_clock(const Packet& packet, Clock& clock, net::SystemTime arrival) {
  constexpr std::uint64_t cycle = (std::uint64_t{1} << 33) * 300;
  if (clock.started && !packet.discontinuity) {
    const auto passed = arrival - clock.arrival;
    clock.longest = std::max(clock.longest, std::chrono::nanoseconds(passed));
    const double said = static_cast<double>((*packet.clock + cycle - clock.value) % cycle) / 27e3;  // ms
    const double took = std::chrono::duration<double, std::milli>(passed).count();
    constexpr double jump_ms = 10'000;  // of the clock, or of the stream
    if (std::fabs(took - said) < jump_ms) clock.jitter_ms += (std::fabs(took - said) - clock.jitter_ms) / 16;
    clock.compared = true;
  }
  clock.value = *packet.clock;
  clock.arrival = arrival;
  clock.started = true;
}

// The counter advances only with a payload. One duplicate may follow a packet: the same counter and the same
// payload (only the PCR, which is no part of it, may differ). The same counter with another payload is a loss
// of 16.
bool TsStream::goes_on(const Packet& packet, Pid& pid) {
  const std::uint64_t payload = packet.has_payload() ? fingerprint(packet.payload) : pid.payload;
  const std::uint8_t last = pid.counter;
  const bool same = packet.counter == last;
  const bool fresh = !pid.has_counter || packet.discontinuity;
  const bool repeat = !fresh && packet.has_payload() && same && payload == pid.payload && !pid.repeated;
  bool right = fresh || repeat;
  if (!right) right = packet.has_payload() ? packet.counter == ((last + 1) & 0x0f) : same;
  if (packet.has_payload() || !right) pid.repeated = repeat;
  pid.payload = payload;
  pid.counter = packet.counter;
  pid.has_counter = true;
  return right;
}

double TsStream::rate_of(std::uint64_t packets, std::uint64_t first_packets) const {
  const double seconds = first_ ? std::chrono::duration<double>(last_ - *first_).count() : 0;
  return seconds > 0 ? static_cast<double>(packets - first_packets) * ts_packet_size * 8 / seconds : 0;
}

std::vector<TsReport> TsStream::reports() const {
  std::vector<TsReport> all;
  all.reserve(pids_.size());
  for (const auto& [number, pid] : pids_) {
    TsReport report{number, pid.packets, pid.errors, rate_of(pid.packets, pid.first_packets), {}, {}};
    if (pid.clock.compared) {
      report.pcr_interval_ms = std::chrono::duration<double, std::milli>(pid.clock.longest).count();
      report.pcr_jitter_ms = pid.clock.jitter_ms;
    }
    all.push_back(report);
  }
  return all;
}

}  // namespace commands
