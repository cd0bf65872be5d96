// SPDX-License-Identifier: MIT
// The links of this host as the kernel builds them one on another: what an interface is, and whose it is.
#pragma once

#include <string>
#include <vector>

namespace net {

struct Link {
  unsigned index = 0;
  bool running = true;     // false: up, but nobody at the other end (IFF_RUNNING)
  std::string kind;        // "veth", "bridge", "macvlan", ...; "" for a plain one
  unsigned master = 0;     // the interface that owns this one; 0 for none
  std::string port_kind;   // what it is a port of: "bridge", "bond", "team", "vrf", ...
  unsigned parent = 0;     // the interface that a macvlan or a VLAN sits on
  bool takes_all = false;  // a macvlan in passthru mode: its parent sees nothing
};

// Every link (rtnetlink(7), RTM_GETLINK; needs no privileges). Empty when the kernel cannot be asked.
std::vector<Link> links();

}  // namespace net
