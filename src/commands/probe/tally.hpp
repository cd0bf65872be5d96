// SPDX-License-Identifier: MIT
// What `--metrics` tells of a target: the sum of its flows, its addresses and the interfaces that it is asked by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "commands/probe/delay_buckets.hpp"
#include "output/metrics.hpp"

namespace commands {

// By direction, what never falls: what was told as lost in one is never told again in another, although more may be
// known of it by then, so that the sum is that of what is lost.
struct LostWays {
  std::uint64_t forward = 0, backward = 0, unknown = 0;

  std::uint64_t all() const { return forward + backward + unknown; }
  // Grows to what is known now.
  void follow(const LostWays& now);
};

struct Tally {
  std::uint64_t sent = 0, received = 0, timeouts = 0, late = 0, duplicates = 0, reordered = 0, refused = 0;
  DelayBuckets rtt;
  // Of STAMP.
  std::optional<LostWays> lost;
  DelayBuckets forward, backward;  // what both clocks, being synchronised, have told
  std::optional<int> hops_forward, hops_backward;

  // Of several flows the way of most hops is told.
  void add(const Tally& other);
};

// `target`: as it was written.
void measure(output::MetricsText& metrics, const std::string& target, const Tally& tally);

}  // namespace commands
