// SPDX-License-Identifier: MIT
// --allow and --deny.
#pragma once

#include <vector>

#include "net/address.hpp"

namespace commands {

// Lets a sender through that no denied network holds, and, when any network is allowed, that one of those holds.
struct SenderFilter {
  std::vector<net::Network> allowed;
  std::vector<net::Network> denied;

  bool admits_all() const { return allowed.empty() && denied.empty(); }
  bool admits(const net::Address& sender) const;
};

}  // namespace commands
