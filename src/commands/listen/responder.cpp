// SPDX-License-Identifier: MIT
#include "commands/listen/responder.hpp"

#include <algorithm>

namespace commands {
net::WantedMetadata Responder::needs() const {
  net::WantedMetadata needs;
  needs.destination = true;  // to answer from the address that was asked
  needs.ttl = true;          // that two responders end
  return needs;
}

net::Route Responder::route_to_sender(const net::Received& received) const {
  const int came = received.metadata.ttl.value_or(1);
  const int ttl = came <= 1 ? -1 : std::min(came - 1, max_ttl_.value_or(255));
  return {*received.sender, net::source_of_answer(received.metadata), ttl};
}

void Echo::answer(const net::Received& received, traffic::Transmitter& out) {
  out.set_route(route_to_sender(received));
  for (std::size_t i = 0; i < received.count(); ++i) {
    const std::string_view payload = received.payload(i);
    const std::string_view answer = text_ ? std::string_view(*text_) : payload;
    if (guard().allows(received, payload.size(), answer.size())) out.add(answer);
  }
}

}  // namespace commands
