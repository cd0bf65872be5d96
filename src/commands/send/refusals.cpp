// SPDX-License-Identifier: MIT
#include "commands/send/refusals.hpp"

#include <algorithm>

namespace commands {

void Refusals::sent(std::string_view payload) {
  ++sent_;
  if (datagrams_.size() < max_datagrams) datagrams_.push_back({std::string(payload.substr(0, max_quote)), false});
}

void Refusals::take(const net::TransportError& error) {
  if (!error.is_refusal() || error.offender != error.destination.address()) return;
  const auto quotes = [&](const Datagram& one) {
    const std::size_t compared = std::min(error.quoted.size(), one.payload.size());
    return !one.refused && compared > 0 && error.quoted.compare(0, compared, one.payload, 0, compared) == 0;
  };
  const auto found = std::find_if(datagrams_.begin(), datagrams_.end(), quotes);
  if (found == datagrams_.end()) return;
  found->refused = true;
  ++refused_;
}

}  // namespace commands
