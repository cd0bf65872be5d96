// SPDX-License-Identifier: MIT
// What a STAMP reply tells of the way there and back: pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/units.hpp"
#include "commands/stamp_packet.hpp"
#include "net/datagram.hpp"

namespace commands {

struct StampFacts {
  base::Nanoseconds held{};  // by the reflector; not more than the round trip took
  // One way, as both clocks have it; nothing when the reflector's is in no format that is known.
  std::optional<base::Nanoseconds> forward, backward;
  bool synchronised = false;  // both clocks say that they are: only then do these mean anything
  std::optional<int> hops_forward, hops_backward;
  std::optional<int> dscp_arrived, ecn_arrived;  // there

  std::string text(std::optional<int> dscp_left) const;  // "forward 0.210 ms, backward 0.202 ms, hops 3 and 3"
};

// What the sender knows.
struct StampSight {
  net::SystemTime sent{};     // T1
  net::SystemTime arrived{};  // T4
  base::Nanoseconds round_trip{};
  bool synchronised = false;
  int ttl = 255;                 // that the request left with
  std::optional<int> reply_ttl;  // that the reply came with
};
StampFacts facts_of(const stamp::Reply& reply, const StampSight& sight);

// Of values as they come.
struct Spread {
  base::Nanoseconds min{}, max{};
  double sum = 0;
  std::uint64_t count = 0;

  void add(base::Nanoseconds value) {
    min = count == 0 ? value : std::min(min, value);
    max = count == 0 ? value : std::max(max, value);
    sum += static_cast<double>(value.count());
    ++count;
  }
  base::Nanoseconds avg() const {
    return base::Nanoseconds(count == 0 ? 0 : static_cast<std::int64_t>(sum / static_cast<double>(count)));
  }
};

// Of all replies.
struct StampSummary {
  bool direction_known = false;
  std::uint64_t lost_forward = 0, lost_backward = 0;  // if it is
  std::uint64_t lost_unknown = 0;                     // those behind the last reply, refused ones, or all
  Spread forward, backward;
  bool synchronised = false;
};

}  // namespace commands
