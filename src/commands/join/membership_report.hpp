// SPDX-License-Identifier: MIT
// What `join` says of its memberships: joined and left, rates, streams, the summary.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/units.hpp"
#include "commands/intake.hpp"
#include "commands/join/explain/host_state.hpp"
#include "commands/join/memberships.hpp"
#include "commands/streams/streams.hpp"
#include "output/report.hpp"

namespace commands {

class MembershipReport {
 public:
  // `streams` are null without --rtp and --sequence.
  MembershipReport(output::Report& report, Intake& intake, const Streams* streams)
      : report_(report), intake_(intake), streams_(streams) {}

  // `what` is "joined" or "left".
  void announce(const char* what, const Membership& one);
  // The rates of each membership since the last time; after leaving, the interfaces' own counters.
  void stats(const Memberships& memberships, base::Nanoseconds interval);
  // A line for each membership; many silent ones share one.
  void summarize(const Memberships& memberships);

 private:
  // `in_text`: also where it is no event.
  void stats_of(const Membership& one, std::uint64_t drops, base::Nanoseconds interval, bool in_text);
  void interface_stats(const Memberships& memberships, base::Nanoseconds interval);
  void summarize(const Membership& one, bool in_text);
  void streams_of(const Membership& one, bool asked);

  struct Told {
    std::uint64_t datagrams = 0;
    std::uint64_t bytes = 0;
    std::uint64_t dropped = 0;
  };

  output::Report& report_;
  Intake& intake_;
  const Streams* streams_;
  std::map<const Membership*, Told> last_;
  std::map<std::string, ReceiveCounters> last_of_interface_;
};

}  // namespace commands
