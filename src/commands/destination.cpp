#include "commands/destination.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>

#include "base/error.hpp"
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
  } catch (const std::system_error& error) {
    const std::string hint = chose_interface ? "" : interface_hint(endpoint.address());
    if (error.code().value() != ENETUNREACH || hint.empty()) throw;
    throw std::system_error(error.code(),
                            fmt::format("cannot reach {} by any route, {}", net::to_string(endpoint), hint));
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
  } catch (const std::system_error&) {
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
      destination.has_other_family = std::any_of(candidates.begin(), candidates.end(), [&](const net::Endpoint& one) {
        return net::family_of(one) != net::family_of(endpoint) && is_reachable(loop, one, words, options);
      });
      return destination;
    } catch (const std::system_error&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  std::rethrow_exception(first_error);
}

}  // namespace commands
