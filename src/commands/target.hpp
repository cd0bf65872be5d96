// SPDX-License-Identifier: MIT
// From HOST and PORT to a destination that can be sent to, and what its route is like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/datagram.hpp"
#include "net/options.hpp"

namespace run {
class Loop;
}
namespace output {
class Report;
}

namespace commands {

// What the command line says of where to send, and from where.
struct Target {
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
  std::size_t unfragmented() const { return mtu - net::headers_size(net::family_of(endpoint)); }
};

// A name to be looked up on the side (run::Loop::aside).
class Lookup {
 public:
  Lookup(std::string host, std::uint16_t port, std::optional<net::Family> family)
      : host_(std::move(host)), port_(port), family_(family) {}

  void run();  // on whichever thread
  // Afterwards, once, on the thread that asked: what net::resolve() returned or threw, which ends there.
  std::vector<net::Endpoint> result();

 private:
  std::string host_;
  std::uint16_t port_;
  std::optional<net::Family> family_;
  std::vector<net::Endpoint> found_;
  std::exception_ptr error_;
};

// As net::resolve(), but a name is looked up on the side, so that a signal or deadline ends the wait (Failure).
std::vector<net::Endpoint> look_up(run::Loop& loop, const std::string& host, std::uint16_t port,
                                   std::optional<net::Family> family);

enum class Whose { own, of_others };

// Gives an address that needs a zone the chosen interface's, else that of the only interface that can be meant (an own
// one: that has it), with a notice. Throws UsageError where several can, none can, or the zone is another.
void settle_zone(net::Endpoint& endpoint, Whose whose, const std::optional<net::Interface>& chosen,
                 output::Report& report);

// Looks the host up and returns its first address of a usable family. An address that needs a zone takes the only
// candidate interface, with a notice. Throws UsageError, or Failure, also when this host has no
// route.
Destination find_destination(run::Loop& loop, const Target& target, const net::SocketOptions& options,
                             output::Report& report);

// Opens a socket to send to the destination: the options are applied, ICMP errors are reported, and the target's source
// is bound. It is not connected: replies may come from any port. With -v, the report tells what buffers were granted.
void open_socket(net::UdpSocket& socket, const Target& target, const Destination& destination,
                 const net::SocketOptions& options, const net::WantedMetadata& wanted, output::Report& report);

// The same with a larger receive buffer, unless its size was asked for: replies to many may come at once.
net::SocketOptions with_room_for_replies(net::SocketOptions options);

// Throws Failure that tells the limit: `size` bytes of payload do not leave unfragmented.
[[noreturn]] void refuse_to_fragment(const Destination& destination, std::size_t size);

// "NAME has an IPv6 address too: try -6", for when the first address refused; "" when there is no other. A service may
// listen on one family only.
std::string family_hint(const Target& target, const Destination& destination);

// With -v: what the kernel gave for the buffers that were asked for.
void report_buffers(const net::GrantedBuffers& granted, output::Report& report);

}  // namespace commands
