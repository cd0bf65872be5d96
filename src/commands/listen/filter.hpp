// SPDX-License-Identifier: MIT
// --allow and --deny.
#pragma once

#include <algorithm>
#include <vector>

#include "net/address.hpp"

namespace commands {

// Lets a sender through that no denied network holds, and, when any network is allowed, that one of those holds.
struct SenderFilter {
  std::vector<net::Network> allowed;
  std::vector<net::Network> denied;

  bool admits_all() const { return allowed.empty() && denied.empty(); }
  bool admits(const net::Address& sender) const {
    const auto holds = [&](const net::Network& network) { return network.contains(sender); };
    if (std::ranges::any_of(denied, holds)) return false;
    return allowed.empty() || std::ranges::any_of(allowed, holds);
  }
};

}  // namespace commands
