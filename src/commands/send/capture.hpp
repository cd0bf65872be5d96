// SPDX-License-Identifier: MIT
// The UDP payloads in the packets of a capture: pure, and safe on any bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.hpp"

namespace commands {

// A packet as it stands in a capture file.
struct CapturedPacket {
  std::string_view bytes;     // what was kept of it
  std::size_t wire_size = 0;  // what there was
  base::Nanoseconds time{};   // since the epoch, as the file has it
};

// What such a packet brought.
struct CapturedDatagram {
  std::string_view payload;  // good until the next packet
  std::uint16_t port = 0;    // that it was sent to
};

// Packets that brought no datagram although they are of UDP, by cause.
struct SkippedPackets {
  std::uint64_t snapped = 0;     // the capture kept a part only
  std::uint64_t malformed = 0;   // lengths that contradict each other
  std::uint64_t incomplete = 0;  // datagrams whose fragments are not all there
};

// Puts fragments together (RFC 791, RFC 8200 4.5): at most 64 datagrams at a time, each for at most 30 s of the
// capture's own time.
class Reassembly {
 public:
  static constexpr std::size_t max_datagrams = 64;
  static constexpr base::Nanoseconds max_age = std::chrono::seconds(30);

  struct Fragment {
    std::string_view key;  // addresses, identification and protocol
    std::size_t offset = 0;
    bool more = false;
    std::string_view bytes;
  };

  // The whole datagram once its last fragment has come; good until the next call.
  std::optional<std::string_view> take(const Fragment& fragment, base::Nanoseconds time);
  std::uint64_t given_up() const { return given_up_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Datagram {
    std::string key;
    base::Nanoseconds begun{};
    std::string bytes;
    std::vector<std::pair<std::size_t, std::size_t>> have;  // [from, to), in order and apart
    std::optional<std::size_t> size;
  };
  Datagram& find(std::string_view key, base::Nanoseconds time);
  static void add(Datagram& datagram, std::size_t from, std::size_t to);

  std::vector<Datagram> waiting_;  // the oldest first
  std::string whole_;
  std::uint64_t given_up_ = 0;
};

class CaptureDecoder {
 public:
  // `link` is libpcap's DLT_ value; see is_supported().
  explicit CaptureDecoder(int link) : link_(link) {}

  // Ethernet (with 802.1Q and 802.1ad tags), raw IP, null, loop, SLL and SLL2.
  static bool is_supported(int link);

  std::optional<CapturedDatagram> take(const CapturedPacket& packet);

  // So far; datagrams that still wait for fragments count as incomplete.
  SkippedPackets skipped() const;
  // Datagrams that no Ethernet frame of 1,500 bytes carries in one piece.
  std::uint64_t oversized() const { return oversized_; }

 private:
  std::optional<CapturedDatagram> ip(std::string_view bytes, std::size_t wire_size, base::Nanoseconds time);
  std::optional<CapturedDatagram> ipv4(std::string_view bytes, std::size_t wire_size, base::Nanoseconds time);
  std::optional<CapturedDatagram> ipv6(std::string_view bytes, std::size_t wire_size, base::Nanoseconds time);
  std::optional<CapturedDatagram> fragment(const Reassembly::Fragment& fragment, std::size_t size,
                                           base::Nanoseconds time);
  std::optional<CapturedDatagram> udp(std::string_view bytes, std::size_t size);

  int link_;
  bool ethernet_ = false;  // the packet at hand came over a real one
  Reassembly fragments_;
  SkippedPackets skipped_;
  std::uint64_t oversized_ = 0;
};

}  // namespace commands
