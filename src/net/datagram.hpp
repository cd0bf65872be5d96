// SPDX-License-Identifier: MIT
// What arrives and what leaves, a batch at a time. Nothing here allocates once a batch has been made.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "net/address.hpp"

struct mmsghdr;

namespace net {

using SystemTime = std::chrono::sys_time<std::chrono::nanoseconds>;

// Bytes of the headers before a payload: IP without options (RFC 791) or extensions (RFC 8200), and UDP (RFC 768).
constexpr unsigned udp_header_size = 8;
constexpr unsigned ip_header_size(Family family) { return family == Family::ipv4 ? 20 : 40; }
constexpr unsigned headers_size(Family family) { return ip_header_size(family) + udp_header_size; }

// The largest payload of one datagram: 65,507 bytes over IPv4 (RFC 791: 65,535 less 20 and 8), 65,527 over IPv6
// (RFC 8200, without jumbograms).
constexpr std::size_t max_payload(Family family) { return family == Family::ipv4 ? 65'507 : 65'527; }

// Which metadata to ask the kernel for. Each costs some time for every datagram.
struct WantedMetadata {
  bool details = false;      // destination, interface, TTL, traffic class
  bool time = false;         // kernel receive time
  bool coalesced = false;    // let runs of datagrams arrive as one (UDP_GRO); they share their metadata
  bool destination = false;  // of the details only these: destination and interface
  bool ttl = false;          // of the details only the TTL

  // Adds what `more` wants. Runs are wanted only where both take them.
  void add(const WantedMetadata& more);
};

// What the kernel tells about a datagram beside its payload and sender. A fact that was not asked for, or that the
// kernel did not give, is empty.
struct Metadata {
  std::optional<Address> destination;         // of the IP header: unicast, group or broadcast
  std::optional<Address> local;               // this host's own address to answer from (IPv4; IPv6: destination)
  std::optional<unsigned> interface;          // index of the interface it came in by
  std::optional<std::uint8_t> ttl;            // TTL / hop limit as received
  std::optional<std::uint8_t> traffic_class;  // DSCP (upper six bits) and ECN
  std::optional<SystemTime> time;             // when the kernel received it
  std::size_t segment_size = 0;               // not 0: a run, see Received
  bool truncated = false;                     // the control messages did not fit
};

// What one place of a batch holds: a datagram, or a run of datagrams that the kernel handed over as one (UDP_GRO),
// each of `segment_size` bytes but the last, which may be shorter. Sender and metadata are common to a run.
struct Received {
  std::string_view bytes;
  std::size_t cut = 0;  // bytes at the end of a single datagram that found no room; a run is never cut
  const Endpoint* sender = nullptr;
  Metadata metadata;

  bool is_run() const { return metadata.segment_size != 0 && bytes.size() > metadata.segment_size; }
  std::size_t count() const {
    return is_run() ? (bytes.size() + metadata.segment_size - 1) / metadata.segment_size : 1;
  }
  // The payload of datagram `i`, below count().
  std::string_view payload(std::size_t i) const {
    return is_run() ? bytes.substr(i * metadata.segment_size, metadata.segment_size) : bytes;
  }
  // Bytes on the wire: of datagram `i`, and of all. Derived, so that nothing can come out of step.
  std::size_t size(std::size_t i) const { return payload(i).size() + cut; }
  std::size_t size() const { return bytes.size() + cut; }
  // Keeps only the first `n` datagrams; `n` is from 1 to count().
  void keep_first(std::size_t n) {
    if (is_run()) bytes = bytes.substr(0, n * metadata.segment_size);
  }
};

// Places for what one call of recvmmsg(2) brings. The views that it returns are good until the next receive.
class ReceiveBatch {
 public:
  explicit ReceiveBatch(std::size_t places = 64);
  ~ReceiveBatch();
  ReceiveBatch(const ReceiveBatch&) = delete;
  ReceiveBatch& operator=(const ReceiveBatch&) = delete;

  std::size_t places() const { return places_; }
  std::size_t size() const { return filled_; }
  Received operator[](std::size_t place) const;

 private:
  friend class UdpSocket;
  mmsghdr* prepare(std::size_t places);  // ready for recvmmsg
  void filled(std::size_t count) { filled_ = count; }

  static constexpr std::size_t payload_room = 65'536;  // more than any datagram or coalesced run has
  // Places are a few cache lines more apart than that: payloads that all began at multiples of 64 KiB would share one
  // set of the cache.
  static constexpr std::size_t place_size = payload_room + 320;
  static constexpr std::size_t control_room = 256;

  struct Arrays;
  std::unique_ptr<Arrays> arrays_;
  std::size_t places_;
  std::size_t filled_ = 0;
  std::size_t used_;  // places whose headers the kernel may have changed
};

// The local address and interface that a datagram is to leave by; empty fields leave it to routing.
struct Source {
  std::optional<Address> address;
  unsigned interface = 0;
};

}  // namespace net
