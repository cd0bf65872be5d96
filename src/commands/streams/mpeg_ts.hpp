// MPEG transport streams (ISO/IEC 13818-1) in datagrams: errors of the continuity counter, for each PID.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace commands {

constexpr std::size_t ts_packet_size = 188;

// The transport stream packets that a datagram is made of: its payload when that is whole packets of 188
// bytes, each beginning with the sync byte 0x47, else the payload of RTP of type 33 (RFC 2250) if that is. ""
// when neither.
std::string_view ts_packets_of(std::string_view datagram);

struct TsReport {
  std::uint16_t pid = 0;
  std::uint64_t packets = 0;
  std::uint64_t errors = 0;  // packets whose continuity counter did not go on from the one before
};

// One stream; datagrams of several senders look like errors. Bounded: a PID has 13 bits.
class TsTracker {
 public:
  void add(std::string_view datagram);

  bool is_ts() const { return datagrams_ > 0; }
  std::uint64_t datagrams() const { return datagrams_; }  // that held a transport stream
  std::uint64_t not_ts() const { return not_ts_; }        // datagrams that did not
  std::uint64_t packets() const { return packets_; }      // null packets among them
  std::uint64_t errors() const { return errors_; }        // of the continuity counter, over all PIDs
  // Packets that a modem before us marked as damaged (transport_error_indicator); nothing else of them
  // counts.
  std::uint64_t damaged() const { return damaged_; }

  std::vector<TsReport> reports() const;  // in the order of the PIDs, without null packets

 private:
  struct Stream {
    std::uint64_t packets = 0;
    std::uint64_t errors = 0;
    std::uint64_t payload = 0;  // fingerprint of the last one
    std::uint8_t counter = 0;
    bool has_counter = false;
    bool repeated = false;  // the last packet was a duplicate
  };
  struct Packet;

  void add_packet(std::string_view packet);
  static bool goes_on(const Packet& packet, Stream& stream);

  std::map<std::uint16_t, Stream> streams_;
  std::uint64_t datagrams_ = 0;
  std::uint64_t not_ts_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t damaged_ = 0;
};

}  // namespace commands
