// SPDX-License-Identifier: MIT
#include "commands/join/stall_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace commands {
namespace {

using std::chrono::seconds;

// When a forgotten membership ends: 260 s, give or take what a report's delay and a coarse timer add.
constexpr seconds earliest{200};
constexpr seconds latest{280};

// What makes a minute steady: datagrams in it, and slots of it in which there were some.
constexpr std::uint64_t min_datagrams = 20;
constexpr std::size_t min_slots = 6;

constexpr seconds shortest_silence{5};
constexpr int mean_gaps = 10;
constexpr int longest_gaps = 3;

}  // namespace

StallWatch::Slot& StallWatch::slot_at(Time time) {
  const std::int64_t number = std::max<std::int64_t>((time - joined_) / slot_length, 0);
  Slot& slot = slots_[static_cast<std::size_t>(number) % slots];
  if (slot.number != number) slot = {number, 0, {}};
  return slot;
}

void StallWatch::heard(Time now, std::uint64_t datagrams) {
  if (done_ || datagrams == 0) return;
  Slot& slot = slot_at(now);
  slot.datagrams += datagrams;
  if (heard_any_) slot.longest_gap = std::max(slot.longest_gap, now - last_);
  heard_any_ = true;
  last_ = now;
}

// How long the silence must be to mean something, after the minute that the slots hold; the longest of all
// durations when that minute was not steady.
StallWatch::Duration StallWatch::silence_that_counts() const {
  const std::int64_t newest = last_heard() / slot_length;
  const std::int64_t oldest = std::max<std::int64_t>(newest - static_cast<std::int64_t>(slots) + 1, 0);
  std::uint64_t datagrams = 0;
  std::size_t busy = 0;
  Duration longest_gap{};
  for (const Slot& slot : slots_) {
    if (slot.number < oldest || slot.datagrams == 0) continue;
    ++busy;
    datagrams += slot.datagrams;
    longest_gap = std::max(longest_gap, slot.longest_gap);
  }
  if (datagrams < min_datagrams || busy < min_slots) return Duration::max();
  const Duration mean_gap = (last_heard() - oldest * slot_length) / static_cast<std::int64_t>(datagrams);
  return std::max({Duration(shortest_silence), mean_gap * mean_gaps, longest_gap * longest_gaps});
}

bool StallWatch::stalled(Time now) {
  if (done_ || !heard_any_ || last_heard() < earliest || last_heard() > latest) return false;
  const Duration silence = now - last_;
  if (silence < shortest_silence || silence < silence_that_counts()) return false;
  done_ = true;
  return true;
}

std::string stall_text(const net::Endpoint& group, std::string_view interface, StallWatch::Duration after_join) {
  const bool v4 = net::family_of(group) == net::Family::ipv4;
  const net::Endpoint shown(net::with_zone(group.address(), 0), group.port());
  return fmt::format(
      "{} on {} fell silent {} s after the join: usually a switch that snoops {} on a link without a "
      "querier, and so "
      "forgets the membership after 260 s; enable {} querier on the switch or router, or turn snooping off; "
      "joining "
      "again helps for as long",
      net::to_string(shown), base::escaped(interface), std::chrono::duration_cast<seconds>(after_join).count(),
      v4 ? "IGMP" : "MLD", v4 ? "an IGMP" : "an MLD");
}

}  // namespace commands
