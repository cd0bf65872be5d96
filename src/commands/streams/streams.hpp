// SPDX-License-Identifier: MIT
// The streams among what arrives, for --rtp and --sequence of listen and join. Pure, and bounded whoever sends.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "commands/streams/counted.hpp"
#include "commands/streams/mpeg_ts.hpp"
#include "commands/streams/rtp.hpp"
#include "net/datagram.hpp"

namespace commands {

struct StreamOptions {
  bool rtp = false;
  ClockRates clock_rates;
  bool sequence = false;
  std::optional<SequenceField> field;  // else iperf 2's
  unsigned sole_interface = 0;         // that all comes by; 0: each datagram tells

  bool any() const { return rtp || sequence; }
};

// When something arrived, by a clock that nobody sets, and what makes that a time of the wall clock.
struct Arrival {
  net::SystemTime time{};
  std::chrono::nanoseconds to_wall{};
};

// Both clocks are read once for what is taken together: for each datagram they cost as much as all else.
class ArrivalClock {
 public:
  Arrival of(const net::Received& received);
  void batch_done() { now_.reset(); }

 private:
  std::optional<Arrival> now_;
};

enum class StreamKind : std::uint8_t { rtp, ts, counted };

// What tells streams apart. A place is the client's: the index of a membership, of a socket.
struct StreamKey {
  std::size_t place = 0;
  unsigned interface = 0;  // 0: not known
  net::Endpoint sender;
  StreamKind kind = StreamKind::rtp;
  std::uint32_t ssrc = 0;  // of RTP

  bool operator==(const StreamKey& other) const;
};

struct Stream {
  StreamKey key;
  std::variant<RtpStream, TsStream, CountedStream> content;
  std::uint64_t datagrams = 0;
  net::SystemTime last{};
};

class Streams {
 public:
  static constexpr std::size_t default_max = 1'024;

  // A new stream takes the place of the oldest of which only one datagram came, else of one that fell silent: a
  // stranger who makes up streams pushes out only such.
  explicit Streams(const StreamOptions& options, std::size_t max_streams = default_max)
      : options_(options), max_(max_streams) {}

  // What must be known of each datagram: a time of its own, and by which interface it came, which tells streams apart.
  static net::WantedMetadata needs(const StreamOptions& options);

  const StreamOptions& options() const { return options_; }

  // Each datagram of what was received.
  void add(std::size_t place, const net::Received& received, const Arrival& arrival);

  // What is lost from now on counts as of the next interval.
  void begin_interval();
  // The streams of a place, in the order of kind, SSRC and sender.
  std::vector<const Stream*> of(std::size_t place) const;
  std::uint64_t forgotten() const { return forgotten_; }  // streams that had to go
  std::uint64_t unlisted() const { return unlisted_; }    // datagrams of streams that found no room

  // Of all streams of a place that ever were.
  struct Sums {
    std::uint64_t rtp_lost = 0;
    std::uint64_t sequence_lost = 0;
    std::uint64_t continuity_errors = 0;
  };
  Sums sums(std::size_t place) const;

  // The first two senders at a place, once, when there are two.
  struct TwoSenders {
    std::size_t place;
    net::Endpoint first;
    net::Endpoint second;
  };
  std::optional<TwoSenders> take_two_senders();

 private:
  struct Hash {
    std::size_t operator()(const StreamKey& key) const;
  };
  using List = std::list<Stream>;

  void add_rtp(StreamKey& key, const RtpPacket& packet, net::SystemTime arrival);
  void add_ts(StreamKey& key, std::string_view payload, const RtpPacket& packet, net::SystemTime arrival);
  void add_counted(StreamKey& key, std::string_view payload, const Arrival& arrival);
  Stream* find(const StreamKey& key);
  // Null when there is no room.
  Stream* find_or_make(const StreamKey& key, net::SystemTime arrival);
  Stream* make(const StreamKey& key, net::SystemTime now);
  bool make_room(net::SystemTime now);
  void forget(List& list, List::iterator stream);
  void prove(List::iterator stream);
  static void add_to(Sums& sums, const Stream& stream);

  StreamOptions options_;
  std::size_t max_;
  List fresh_;   // of one datagram, the oldest first
  List proven_;  // of more
  std::unordered_map<StreamKey, List::iterator, Hash> index_;
  std::array<Stream*, 3> recent_{};  // by kind
  net::SystemTime looked_{};         // for silent ones, last
  std::uint64_t forgotten_ = 0;
  std::uint64_t unlisted_ = 0;
  std::map<std::size_t, Sums> gone_;  // by place: of streams that were forgotten
  struct Sender {
    net::Endpoint first;
    bool told = false;
  };
  std::map<std::size_t, Sender> senders_;  // by place
  std::optional<TwoSenders> two_senders_;
};

}  // namespace commands
