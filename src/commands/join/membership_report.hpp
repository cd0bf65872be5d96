// What `join` says of its memberships: joined and left, rates, streams, the summary.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/units.hpp"
#include "commands/join/memberships.hpp"
#include "output/report.hpp"

namespace commands {

class MembershipReport {
 public:
  explicit MembershipReport(output::Report& report) : report_(report) {}

  // `what` is "joined" or "left".
  void announce(const char* what, const Membership& one);
  // The rates of each membership since the last time; after leaving, the interfaces' own counters.
  void stats(const Memberships& memberships, base::Nanoseconds interval);
  void summarize(const Membership& one);

 private:
  void stats_of(Memberships::Socket& socket, const Membership& one, double seconds);
  void interface_stats(const Memberships& memberships, double seconds);
  using Print = void (MembershipReport::*)(const std::string& line);
  void streams_of(const Membership& one, Print print);
  void print_always(const std::string& line) { output::print_line(line); }
  void print_as_talk(const std::string& line) { report_.line(line); }

  struct Counts {
    std::uint64_t datagrams = 0;
    std::uint64_t bytes = 0;
    std::uint64_t dropped = 0;
  };

  output::Report& report_;
  std::map<const Membership*, Counts> last_;
  std::map<std::string, Counts> last_of_interface_;  // packets, and multicast ones among them
};

}  // namespace commands
