#include "commands/streams/mpeg_ts.hpp"

#include <cstring>

#include "commands/streams/rtp.hpp"

namespace commands {
namespace {

constexpr std::uint8_t sync_byte = 0x47;
constexpr std::uint16_t null_pid = 0x1fff;
constexpr std::uint8_t rtp_type_mp2t = 33;  // RFC 3551

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

bool is_ts(std::string_view bytes) {
  if (bytes.empty() || bytes.size() % ts_packet_size != 0) return false;
  for (std::size_t at = 0; at < bytes.size(); at += ts_packet_size) {
    if (byte_at(bytes, at) != sync_byte) return false;
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

std::string_view ts_packets_of(std::string_view datagram) {
  if (is_ts(datagram)) return datagram;
  const RtpPacket packet = parse_rtp(datagram);
  const bool carries = packet.kind == RtpKind::rtp && packet.payload_type == rtp_type_mp2t && is_ts(packet.payload);
  return carries ? packet.payload : std::string_view();
}

// What the continuity counter depends on (ISO/IEC 13818-1, 2.4.3.2 to 2.4.3.5).
struct TsTracker::Packet {
  explicit Packet(std::string_view bytes)
      : damaged((byte_at(bytes, 1) & 0x80) != 0),
        pid(static_cast<std::uint16_t>((byte_at(bytes, 1) & 0x1f) << 8 | byte_at(bytes, 2))),
        control(byte_at(bytes, 3) >> 4 & 3),
        counter(byte_at(bytes, 3) & 0x0f) {
    constexpr std::size_t header_size = 4;
    std::size_t start = header_size;
    if (has_adaptation_field()) {
      const std::size_t length = byte_at(bytes, header_size);
      discontinuity = length > 0 && (byte_at(bytes, header_size + 1) & 0x80) != 0;
      start += 1 + length;
    }
    if (start < bytes.size()) payload = bytes.substr(start);
  }

  bool has_adaptation_field() const { return (control & 2) != 0; }
  bool has_payload() const { return (control & 1) != 0; }

  bool damaged;
  std::uint16_t pid;
  std::uint8_t control;  // adaptation_field_control
  std::uint8_t counter;
  bool discontinuity = false;
  std::string_view payload;
};

void TsTracker::add(std::string_view datagram) {
  std::string_view packets = ts_packets_of(datagram);
  ++(packets.empty() ? not_ts_ : datagrams_);
  for (; !packets.empty(); packets.remove_prefix(ts_packet_size)) add_packet(packets.substr(0, ts_packet_size));
}

void TsTracker::add_packet(std::string_view bytes) {
  const Packet packet(bytes);
  ++packets_;
  if (packet.damaged) {
    ++damaged_;
    return;
  }
  if (packet.pid == null_pid) return;
  Stream& stream = streams_[packet.pid];
  ++stream.packets;
  if (packet.control == 0) return;  // reserved: decoders discard it
  if (goes_on(packet, stream)) return;
  ++stream.errors;
  ++errors_;
}

// The counter advances only with a payload. One duplicate may follow a packet: the same counter and the same
// payload (only the PCR, which is no part of it, may differ). The same counter with another payload is a loss
// of 16.
bool TsTracker::goes_on(const Packet& packet, Stream& stream) {
  const std::uint64_t payload = packet.has_payload() ? fingerprint(packet.payload) : stream.payload;
  const std::uint8_t last = stream.counter;
  const bool same = packet.counter == last;
  const bool fresh = !stream.has_counter || packet.discontinuity;
  const bool repeat = !fresh && packet.has_payload() && same && payload == stream.payload && !stream.repeated;
  bool right = fresh || repeat;
  if (!right) right = packet.has_payload() ? packet.counter == ((last + 1) & 0x0f) : same;
  if (packet.has_payload() || !right) stream.repeated = repeat;
  stream.payload = payload;
  stream.counter = packet.counter;
  stream.has_counter = true;
  return right;
}

std::vector<TsReport> TsTracker::reports() const {
  std::vector<TsReport> all;
  all.reserve(streams_.size());
  for (const auto& [pid, stream] : streams_) all.push_back({pid, stream.packets, stream.errors});
  return all;
}

}  // namespace commands
