// SPDX-License-Identifier: MIT
// When the datagrams of a stream did not come: its longest gap, and where the losses of an interval were. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "net/datagram.hpp"

namespace commands {

// The longest time between two datagrams of a stream.
class LongestGap {
 public:
  void add(net::SystemTime arrival);
  double milliseconds() const { return std::chrono::duration<double, std::milli>(longest_).count(); }
  net::SystemTime ended() const { return ended_; }  // when the datagram after it came

 private:
  std::optional<net::SystemTime> last_;
  std::chrono::nanoseconds longest_{};
  net::SystemTime ended_{};
};

// What was lost within an interval, and between which arrivals all of it was.
struct IntervalLoss {
  std::uint64_t lost = 0;
  double percent = 0;  // of what was sent, as far as the numbers tell
  net::SystemTime from{}, to{};
};

class LossInterval {
 public:
  // One arrived with a number above all before; `skips`: numbers between are missing, for now at least.
  void add(net::SystemTime arrival, bool skips);
  // Of numbers `heard` and `lost` in all. Nothing: none is lost. What only comes late counts as lost until it comes.
  std::optional<IntervalLoss> so_far(std::uint64_t heard, std::uint64_t lost) const;
  // The next one.
  void begin(std::uint64_t heard, std::uint64_t lost);

 private:
  std::optional<net::SystemTime> last_;
  std::optional<net::SystemTime> from_;  // before the first numbers that are missing
  net::SystemTime to_{};                 // after the last ones
  std::uint64_t heard_ = 0;              // when it began
  std::uint64_t lost_ = 0;
};

}  // namespace commands
