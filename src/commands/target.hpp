// From HOST and PORT to a destination that can be sent to, and what its route is like.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "net/options.hpp"
#include "output/report.hpp"
#include "run/loop.hpp"

namespace commands {

struct DestinationWords {
  std::string host;
  std::uint16_t port = 0;
  std::optional<net::Family> family;
  std::optional<net::Address> source_address;
  std::uint16_t source_port = 0;
};

struct Destination {
  net::Endpoint endpoint;
  net::Address local;             // that the route leaves from
  std::size_t mtu = 0;            // of the route: IP packet size
  bool has_other_family = false;  // the name has a usable address of the other family too

  bool is_multicast() const { return endpoint.address().is_multicast(); }
  // The largest payload that leaves in one piece: the MTU less the IP and UDP headers.
  std::size_t unfragmented() const { return mtu - (endpoint.address().is_v4() ? 28 : 48); }
};

// Looks the host up and gives its first address of a usable family. An address that needs a zone takes the only
// candidate interface, with a notice. Throws UsageError, or Failure, when this host has no
// route too.
Destination find_destination(run::Loop& loop, const DestinationWords& words, const net::SocketOptions& options,
                             output::Report& report);

// Throws Failure that tells the limit: `size` bytes of payload do not leave unfragmented.
[[noreturn]] void refuse_to_fragment(const Destination& destination, std::size_t size);

// Binds to the source address and port that were asked for, if any.
void bind_source(const DestinationWords& words, net::UdpSocket& socket);

// "NAME has an IPv6 address too: try -6", for when the first address refused; "" when there is no other. A service may
// listen on one family only.
std::string family_hint(const DestinationWords& words, const Destination& destination);

}  // namespace commands
