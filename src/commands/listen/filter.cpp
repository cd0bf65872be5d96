// SPDX-License-Identifier: MIT
#include "commands/listen/filter.hpp"

#include <algorithm>

namespace commands {

bool SenderFilter::admits(const net::Address& sender) const {
  const auto holds = [&](const net::Network& network) { return network.contains(sender); };
  if (std::any_of(denied.begin(), denied.end(), holds)) return false;
  return allowed.empty() || std::any_of(allowed.begin(), allowed.end(), holds);
}

}  // namespace commands
