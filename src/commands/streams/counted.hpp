// SPDX-License-Identifier: MIT
// --sequence: datagrams that carry a number, as iperf 2's do or at a place that is given. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "commands/streams/numbered_stream.hpp"
#include "net/datagram.hpp"

namespace commands {

// Where the number stands: big-endian, 1, 2, 4 or 8 bytes.
struct SequenceField {
  std::size_t offset = 0;
  unsigned bytes = 4;
};

struct CountedDatagram {
  std::uint64_t number = 0;
  bool last = false;                    // the sender says that it ends with it
  std::optional<net::SystemTime> sent;  // by the sender's clock
};

// iperf 2's header of UDP datagrams: a 32-bit number, below 0 in the last one, and the time in seconds and
// microseconds. Nothing when that is no such header.
std::optional<CountedDatagram> parse_iperf(std::string_view payload);
std::optional<CountedDatagram> parse_field(std::string_view payload, const SequenceField& field);

// The datagrams of one sender.
class CountedStream : public NumberedStream {
 public:
  // `bits` of the numbers.
  explicit CountedStream(unsigned bits) : NumberedStream(bits) {}

  // `to_wall` is what makes the arrival a time of the wall clock.
  void add(const CountedDatagram& datagram, net::SystemTime arrival, std::chrono::nanoseconds to_wall);

  // Nothing where datagrams carry no time. The delay means something only if both clocks agree.
  std::optional<double> jitter_ms() const;
  std::optional<double> delay_ms() const;  // the mean

 private:
  std::optional<std::chrono::nanoseconds> transit_;
  double jitter_ms_ = 0;
  double delays_ms_ = 0;
  std::uint64_t timed_ = 0;
  bool ended_ = false;
};

}  // namespace commands
