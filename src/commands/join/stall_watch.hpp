// SPDX-License-Identifier: MIT
// Notices the mark of IGMP or MLD snooping without a querier: a steady flow that stops for good some minutes
// after the join. Pure; the clock is passed in.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "net/address.hpp"

namespace commands {

// A switch that snoops forgets a membership which nobody asks about after 260 s (RFC 2236, 8.4; RFC
// 3376, 8.4; RFC 3810, 9.4). One watch is for one group on one interface.
class StallWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  explicit StallWatch(Time joined) : joined_(joined) {}

  // A datagram, or some that came at once.
  void heard(Time now, std::uint64_t datagrams = 1);
  // The membership was dropped: that the traffic stops is no surprise.
  void left() { done_ = true; }

  // True once, when the flow was steady in the minute before it stopped, stopped 200 to 280 s after the join,
  // and the silence is clearly longer than every gap before. To be called every second or so.
  bool stalled(Time now);

  // How long after the join the last datagram came.
  Duration last_heard() const { return last_ - joined_; }

 private:
  // The minute before the last datagram, in slots.
  static constexpr std::chrono::seconds slot_length{5};
  static constexpr std::size_t slots = 12;
  struct Slot {
    std::int64_t number = -1;  // since the join, so that what an older round left is known
    std::uint64_t datagrams = 0;
    Duration longest_gap{};  // of those that ended in it
  };

  Slot& slot_at(Time time);
  Duration silence_that_counts() const;

  Time joined_;
  Time last_{};
  bool heard_any_ = false;
  bool done_ = false;
  std::array<Slot, slots> slots_{};
};

// "239.1.1.1:5000 on eth0 fell silent 258 s after the join: ..." with the usual cause and its cure.
std::string stall_text(const net::Endpoint& group, std::string_view interface, StallWatch::Duration after_join);

}  // namespace commands
