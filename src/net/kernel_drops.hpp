// SPDX-License-Identifier: MIT
// What this host's kernel dropped, and why: counters of the whole network namespace (proc_net(5), SNMP's MIBs).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/file.hpp"
#include "net/address.hpp"

namespace net {

struct KernelDrops {
  struct OfFamily {
    std::uint64_t bad_checksum = 0;
    std::uint64_t no_room = 0;     // in the receive buffer of a socket
    std::uint64_t incomplete = 0;  // fragments that never became a datagram
    std::uint64_t no_socket = 0;   // no socket was bound to the port
    std::uint64_t not_joined = 0;  // multicast and broadcast that no socket took
  };
  OfFamily ipv4, ipv6;
  std::uint64_t reverse_path = 0;  // rp_filter: of IPv4

  const OfFamily& of(Family family) const { return family == Family::ipv4 ? ipv4 : ipv6; }
};

// The counter of that name in a table of /proc/net/snmp or netstat, where a line of names stands before one of values,
// both of which begin with `table` and a colon. 0 where it is not there.
std::uint64_t counter_in_table(std::string_view text, std::string_view table, std::string_view name);
// The same for /proc/net/snmp6: a name and its value on each line.
std::uint64_t counter_in_list(std::string_view text, std::string_view name);

// How many of the datagrams that one socket lost had a bad checksum, where `all` is what the host's kernel dropped
// meanwhile: never more than the full buffers do not account for.
std::uint64_t bad_checksums_among(std::uint64_t lost, const KernelDrops::OfFamily& all);

class KernelCounters {
 public:
  // Opens the files, which stay open: in a sandbox they could not be opened later. One that is not there counts 0.
  KernelCounters();

  // Since this was made.
  KernelDrops drops() const;

 private:
  KernelDrops read() const;

  std::array<base::Descriptor, 3> files_;
  KernelDrops start_;
};

}  // namespace net
