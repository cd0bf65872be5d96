#include "commands/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <exception>

#include "base/error.hpp"
#include "base/text.hpp"
#include "commands/lookup.hpp"

namespace commands {
namespace {

void settle_zone(net::Endpoint& endpoint, const net::SocketOptions& options, output::Report& report) {
  const net::Address& address = endpoint.address();
  const unsigned zone = net::zone_of(address);
  if (zone != 0 && options.interface && options.interface->index != zone) {
    throw base::UsageError(
        fmt::format("the zone of {} contradicts -i {}", net::to_string(address), options.interface->name));
  }
  if (!net::needs_zone(address)) return;
  if (options.interface) {
    endpoint.address(net::with_zone(address, options.interface->index));
  } else {
    endpoint.address(net::with_only_zone(address));
    report.notice("took " + net::to_string(endpoint.address()));
  }
}

// "add -i eth0 (or wlan0)"; "" when no interface could send there.
std::string interface_hint(const net::Address& group) {
  std::vector<net::Interface> candidates = net::candidates_for(group);
  if (candidates.empty()) return "";
  const std::string first = net::names_of({candidates.front()});
  candidates.erase(candidates.begin());
  return candidates.empty() ? "add -i " + first : fmt::format("add -i {} (or {})", first, net::names_of(candidates));
}

// Where the destination is no host, the choice of an interface helps against a missing route.
void connect_to_many(net::UdpSocket& scout, const net::Endpoint& endpoint, bool chose_interface) {
  try {
    scout.connect(endpoint);
  } catch (const base::Failure& error) {
    const std::string hint = chose_interface ? "" : interface_hint(endpoint.address());
    if (error.code != ENETUNREACH || hint.empty()) throw;
    throw base::failure(error.code, fmt::format("cannot reach {} by any route, {}", net::to_string(endpoint), hint));
  }
}

// What connecting tells of the route. On a socket of its own: disconnecting one undoes what it was bound to.
Destination scouted(run::Loop& loop, const net::Endpoint& endpoint, const DestinationWords& words,
                    const net::SocketOptions& options) {
  const bool multicast = endpoint.address().is_multicast();
  net::UdpSocket scout(loop.context());
  scout.open(net::family_of(endpoint));
  net::SocketOptions plain;  // what bears on the route
  plain.interface = options.interface;
  plain.broadcast = options.broadcast;
  plain.dscp = options.dscp;
  net::apply(plain, multicast, scout);
  if (words.source_address) scout.bind({*words.source_address, 0});
  if (multicast || net::is_limited_broadcast(endpoint.address())) {
    connect_to_many(scout, endpoint, options.interface || net::zone_of(endpoint.address()) != 0);
  } else {
    scout.connect(endpoint);
  }
  return {endpoint, scout.local_endpoint().address(), scout.path_mtu(), false};
}

bool is_reachable(run::Loop& loop, const net::Endpoint& endpoint, const DestinationWords& words,
                  const net::SocketOptions& options) {
  try {
    scouted(loop, endpoint, words, options);
    return true;
  } catch (const base::Failure&) {
    return false;
  }
}

}  // namespace

Destination find_destination(run::Loop& loop, const DestinationWords& words, const net::SocketOptions& options,
                             output::Report& report) {
  std::optional<net::Family> family = words.family;
  if (!family && words.source_address) family = net::family_of(*words.source_address);
  std::vector<net::Endpoint> candidates = look_up(loop, words.host, words.port, family);
  std::exception_ptr first_error;
  for (net::Endpoint& endpoint : candidates) {
    try {
      settle_zone(endpoint, options, report);
      Destination destination = scouted(loop, endpoint, words, options);
      if (options.ttl == 0 && !endpoint.address().is_multicast()) {
        throw base::UsageError("--ttl: 0 is for multicast destinations; unicast takes 1 to 255");
      }
      destination.has_other_family = std::any_of(candidates.begin(), candidates.end(), [&](const net::Endpoint& one) {
        return net::family_of(one) != net::family_of(endpoint) && is_reachable(loop, one, words, options);
      });
      return destination;
    } catch (const base::Failure&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  std::rethrow_exception(first_error);
}

void refuse_to_fragment(const Destination& destination, std::size_t size) {
  throw base::Failure(EMSGSIZE,
                      fmt::format("{} bytes do not leave in one piece: the route's MTU of {} holds at most {}", size,
                                  destination.mtu, destination.unfragmented()));
}

void bind_source(const DestinationWords& words, net::UdpSocket& socket) {
  if (!words.source_address && words.source_port == 0) return;
  const bool v4 = socket.family() == net::Family::ipv4;
  const net::Address any = v4 ? net::Address(net::asio::ip::address_v4::any()) : net::asio::ip::address_v6::any();
  socket.bind({words.source_address.value_or(any), words.source_port});
}

std::string family_hint(const DestinationWords& words, const Destination& destination) {
  if (!destination.has_other_family) return "";
  const bool v4 = destination.endpoint.address().is_v4();
  return fmt::format("{} has an {} address too: try {}", base::escaped(words.host), v4 ? "IPv6" : "IPv4",
                     v4 ? "-6" : "-4");
}

}  // namespace commands
