// SPDX-License-Identifier: MIT
// What this host's kernel says about multicast, read without privileges: for `join --explain`. A file that is
// missing or cannot be read leaves its facts empty.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/interfaces.hpp"
#include "net/links.hpp"

namespace commands {

// A source that sockets on this host named for a group on an interface.
struct FilteredSource {
  net::Address address;
  std::uint64_t included = 0;  // sockets that want it
  std::uint64_t excluded = 0;  // sockets that block it
};

// A line of the kernel's table: all sockets of the host that are members of a group on an interface.
struct HostMembership {
  unsigned interface = 0;
  net::Address group;                   // without a zone
  std::uint64_t users = 0;              // 0: the table lacks it
  std::vector<FilteredSource> sources;  // may lack some: the kernel's listing leaves interfaces out at times
};

// The texts of /proc/net/igmp, igmp6, mcfilter, mcfilter6 and dev. Lines that are not understood are left
// out.
struct IgmpTable {
  std::map<unsigned, int> versions;  // of IGMP, by interface index: as forced, or as the querier speaks
  std::vector<HostMembership> memberships;
};
IgmpTable parse_igmp(std::string_view text);
std::vector<HostMembership> parse_igmp6(std::string_view text);
// Adds the sources to the memberships that they belong to. Serves both families.
void parse_mcfilter(std::string_view text, std::vector<HostMembership>& memberships);

// What an interface has received.
struct ReceiveCounters {
  std::uint64_t packets = 0;
  std::uint64_t multicast = 0;  // many virtual interfaces (veth, tun) do not count it and say 0
};
std::optional<ReceiveCounters> parse_receive_counters(std::string_view text, std::string_view interface);
// The interface's now. /proc/net/dev rather than /sys, which shows the network namespace that it was mounted
// in.
std::optional<ReceiveCounters> receive_counters(std::string_view interface);

// The whole number that a sysctl's text begins with, if it does.
std::optional<long> parse_setting(std::string_view text);

struct InterfaceState {
  net::Interface interface;
  net::Link link;
  bool stolen = false;   // a macvlan in passthru mode on it takes all that arrives
  long rp_filter = 0;    // RFC 3704, the stricter of all's and its own: 0 off, 1 strict, 2 loose
  int igmp_version = 0;  // 0: not known
  long forced_igmp = 0;  // 0: not forced
  long forced_mld = 0;
};

enum class HostKind : std::uint8_t { plain, container, wsl };

struct MulticastState {
  std::vector<InterfaceState> interfaces;
  std::optional<long> max_memberships;  // of an IPv4 socket: net.ipv4.igmp_max_memberships
  std::optional<long> max_sources_v4;   // of a membership: net.ipv4.igmp_max_msf
  std::optional<long> max_sources_v6;   // net.ipv6.mld_max_msf
  std::uint64_t max_files = 0;          // that this process may have open (RLIMIT_NOFILE)
  HostKind host = HostKind::plain;
  bool readable = false;  // the tables of memberships could be read
  std::vector<HostMembership> memberships;

  const InterfaceState* find(unsigned index) const;
  std::string name_of(unsigned interface) const;  // escaped
};

// Throws Failure when the interfaces cannot be listed.
MulticastState read_multicast_state();

}  // namespace commands
