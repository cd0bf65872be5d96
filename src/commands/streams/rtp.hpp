// RTP (RFC 3550) by its headers alone: loss, duplicates, reordering and jitter of each source. Pure; the
// arrival times are passed in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

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

struct RtpReport {
  std::uint32_t ssrc = 0;
  std::uint8_t payload_type = 0;  // the last one
  std::uint32_t clock_rate = 0;   // Hz, of that payload type
  std::uint64_t received = 0;     // packets, duplicates among them
  std::uint64_t lost = 0;         // missing so far between the first and the highest sequence number
  std::uint64_t duplicate = 0;
  std::uint64_t reordered = 0;  // overtaken by a later sequence number; never a duplicate
  std::uint64_t restarts = 0;   // jumps of the sequence number that the source then went on from
  double jitter_ms = 0;
};

// The sequence numbers of one source (RFC 3550, A.1, without the probation: the first packet counts). They
// are extended beyond 16 bits, so that a wrap is no loss. What is lost across a restart cannot be known and
// is not counted.
class RtpSequence {
 public:
  // How a packet follows on those before. `far` is off by more than networks do: perhaps a restart, which the
  // packet after it tells.
  enum class Step : std::uint8_t { on, late, duplicate, far, restart };
  Step add(std::uint16_t sequence);

  std::uint64_t lost() const { return lost_before_ + missing(); }
  std::uint64_t duplicate() const { return duplicate_; }
  std::uint64_t reordered() const { return reordered_; }
  std::uint64_t restarts() const { return restarts_; }

 private:
  // RFC 3550, A.1: gaps and lateness up to here are the network's, beyond it the source has jumped.
  static constexpr std::uint32_t max_dropout = 3'000;
  static constexpr std::uint32_t max_misorder = 100;
  static constexpr std::size_t window = 128;  // sequence numbers remembered; more than max_misorder

  void start(std::uint16_t sequence);
  void advance(std::uint32_t steps);
  Step add_late(std::uint32_t behind);
  Step add_far(std::uint16_t sequence, bool behind);
  std::uint64_t missing() const { return started_ ? highest_ - first_ + 1 - distinct_ : 0; }
  bool heard(std::uint64_t extended) const { return heard_[extended % window]; }
  void set_heard(std::uint64_t extended, bool value) { heard_[extended % window] = value; }

  bool started_ = false;
  std::uint64_t first_ = 0;  // extended sequence numbers
  std::uint64_t highest_ = 0;
  std::uint64_t distinct_ = 0;        // heard of those from first_ to highest_
  std::array<bool, window> heard_{};  // of the last `window` up to highest_
  std::optional<std::uint16_t> far_;  // the packet before was far off, with this sequence number
  bool far_was_behind_ = false;
  std::uint64_t lost_before_ = 0;  // before the last restart
  std::uint64_t duplicate_ = 0;
  std::uint64_t reordered_ = 0;
  std::uint64_t restarts_ = 0;
};

// Interarrival jitter (RFC 3550, 6.4.1 and A.8), kept in milliseconds so that a payload type of another clock
// rate does not spoil it.
class RtpJitter {
 public:
  void add(std::uint32_t timestamp, std::uint32_t clock_rate, net::SystemTime arrival);
  // After a restart: the next timestamp has nothing to do with the last one.
  void forget_last() { clock_rate_ = 0; }
  double milliseconds() const { return jitter_ms_; }

 private:
  std::uint32_t clock_rate_ = 0;  // of the last packet; 0: there is none
  std::uint32_t transit_ = 0;     // of the last packet, in timestamp units, modulo 2^32
  double jitter_ms_ = 0;
};

// Counts for every source, in bounded memory whoever sends.
class RtpTracker {
 public:
  static constexpr std::size_t default_most = 256;

  // `clock_rate` in Hz, above 0, is for payload types that RFC 3551 gives none. Sources after the first
  // `most_sources` are only counted as unlisted packets.
  explicit RtpTracker(std::uint32_t clock_rate = 90'000, std::size_t most_sources = default_most)
      : default_clock_rate_(clock_rate), most_sources_(most_sources) {}

  void add(std::string_view datagram, net::SystemTime arrival);

  std::vector<RtpReport> reports() const;               // in the order of the SSRCs
  std::uint64_t rtcp() const { return rtcp_; }          // RTCP packets
  std::uint64_t not_rtp() const { return not_rtp_; }    // datagrams that are neither
  std::uint64_t unlisted() const { return unlisted_; }  // RTP packets of sources beyond the bound

 private:
  struct Source {
    std::uint8_t payload_type = 0;
    std::uint32_t clock_rate = 0;
    std::uint64_t received = 0;
    RtpSequence sequence;
    RtpJitter jitter;
  };

  std::uint32_t default_clock_rate_;
  std::size_t most_sources_;
  std::map<std::uint32_t, Source> sources_;
  std::uint64_t rtcp_ = 0;
  std::uint64_t not_rtp_ = 0;
  std::uint64_t unlisted_ = 0;
};

}  // namespace commands
