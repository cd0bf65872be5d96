// SPDX-License-Identifier: MIT
// Which way a datagram would go.
#pragma once

#include <optional>
#include <string>

#include "net/address.hpp"

namespace net {

struct FoundRoute {
  enum class Answer { unknown, none, by_interface };

  Answer answer = Answer::unknown;     // unknown: the kernel could not be asked
  unsigned interface = 0;              // that it leaves by
  bool local = false;                  // the destination is this host itself
  bool broadcast = false;              // it is the broadcast address of a network here
  std::optional<Address> source = {};  // that it would leave from
};

// The route that this host would take to a unicast address or a group, policy rules among it (rtnetlink(7),
// RTM_GETROUTE; needs no privileges). A zone chooses the interface.
FoundRoute route_to(const Address& destination);

// The cure for an errno that sending there came to, or "" where none is known to help.
std::string hint_of_sending(int error, const Address& destination);

}  // namespace net
