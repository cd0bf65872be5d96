// SPDX-License-Identifier: MIT
#include "commands/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <memory>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/resolve.hpp"
#include "net/udp_socket.hpp"
#include "output/report.hpp"
#include "run/loop.hpp"

namespace commands {
namespace {

// "add -i eth0 (or wlan0)"; "" when no interface could send there.
std::string interface_hint(const net::Address& group) {
  std::vector<net::Interface> candidates = net::candidates_for(group);
  if (candidates.empty()) return "";
  const std::string first = net::names_of({candidates.front()});
  if (candidates.front().loopback) {  // the last resort: nothing leaves by it
    return fmt::format("no interface but {} is up and has an {} address (with -i {} it stays on this host)", first,
                       net::name_of(net::family_of(group)), first);
  }
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

net::SocketOptions with_way_to(const net::Endpoint& to, net::SocketOptions options) {
  const unsigned zone = net::zone_of_group(to.address());
  if (zone == 0 || options.interface) return options;
  options.interface.emplace();
  options.interface->index = zone;
  options.interface->name = net::interface_name(zone);
  return options;
}

// The source that was asked for, with the zone that it needs: the target's or -i's, else that of who has it.
net::Address zoned_source(const net::Address& source, const net::Endpoint& to, const net::SocketOptions& options) {
  if (!net::needs_zone(source)) return source;
  if (const unsigned zone = net::zone_of(to.address()); zone != 0) return net::with_zone(source, zone);
  return options.interface ? net::with_zone(source, options.interface->index) : net::with_own_zone(source);
}

// What connecting tells of the route. On a socket of its own: disconnecting one undoes what it was bound to.
Destination scouted(run::Loop& loop, const net::Endpoint& endpoint, const Target& target,
                    const net::SocketOptions& options) {
  const bool multicast = endpoint.address().is_multicast();
  net::UdpSocket scout(loop.context());
  scout.open(net::family_of(endpoint));
  net::SocketOptions plain;  // what bears on the route
  plain.interface = options.interface;
  plain.broadcast = options.broadcast;
  plain.dscp = options.dscp;
  net::apply(with_way_to(endpoint, plain), multicast, scout);
  if (target.source_address) scout.bind({zoned_source(*target.source_address, endpoint, options), 0});
  if (multicast || net::is_limited_broadcast(endpoint.address())) {
    connect_to_many(scout, endpoint, options.interface || net::zone_of(endpoint.address()) != 0);
  } else {
    scout.connect(endpoint);
  }
  return {endpoint, scout.local_endpoint().address(),
          static_cast<std::size_t>(scout.read(net::UdpSocket::Readable::path_mtu)), false};
}

bool is_reachable(run::Loop& loop, const net::Endpoint& endpoint, const Target& target,
                  const net::SocketOptions& options) {
  try {
    scouted(loop, endpoint, target, options);
    return true;
  } catch (const base::Failure&) {
    return false;
  }
}

// Binds to the source address and port that were asked for, if any.
void bind_source(const Target& target, const Destination& destination, const net::SocketOptions& options,
                 net::UdpSocket& socket) {
  if (!target.source_address && target.source_port == 0) return;
  const bool v4 = socket.family() == net::Family::ipv4;
  net::Address source = v4 ? net::Address(net::asio::ip::address_v4::any()) : net::asio::ip::address_v6::any();
  if (target.source_address) source = zoned_source(*target.source_address, destination.endpoint, options);
  socket.bind({source, target.source_port});
}

// The source address takes its family; what contradicts it is no address of the host's.
net::Family family_of_source(const Target& target) {
  const net::Family family = net::family_of(*target.source_address);
  const auto refuse = [&](std::string_view what) {
    throw base::UsageError(
        fmt::format("--source {} is {}, {}", net::to_string(*target.source_address), net::name_of(family), what));
  };
  if (target.family && *target.family != family)
    refuse(fmt::format("and -{} asks for the other", *target.family == net::Family::ipv4 ? 4 : 6));
  const auto address = net::looks_numeric(target.host) ? net::parse_address(target.host) : std::nullopt;
  if (address && net::family_of(*address) != family)
    refuse(fmt::format("and '{}' is not", base::printable(target.host)));
  return family;
}

}  // namespace

void settle_zone(net::Endpoint& endpoint, Whose whose, const std::optional<net::Interface>& chosen,
                 output::Report& report) {
  const net::Address& address = endpoint.address();
  const unsigned zone = net::zone_of(address);
  if (zone != 0 && chosen && chosen->index != zone) {
    throw base::UsageError(fmt::format("the zone of {} contradicts -i {}", net::to_string(address), chosen->shown()));
  }
  if (!net::needs_zone(address)) return;
  if (chosen) return endpoint.address(net::with_zone(address, chosen->index));
  const bool own = whose == Whose::own && !address.is_multicast();
  endpoint.address(own ? net::with_own_zone(address) : net::with_only_zone(address));
  report.notice("took " + net::to_string(endpoint.address()));
}

void Lookup::run() {
  try {
    found_ = net::resolve(host_, port_, family_);
  } catch (...) {
    error_ = std::current_exception();
  }
}

std::vector<net::Endpoint> Lookup::result() {
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  return std::move(found_);
}

std::vector<net::Endpoint> look_up(run::Loop& loop, const std::string& host, std::uint16_t port,
                                   std::optional<net::Family> family) {
  if (net::looks_numeric(host)) return net::resolve(host, port, family);
  const auto lookup = std::make_shared<Lookup>(host, port, family);
  if (!loop.aside([lookup] { lookup->run(); })) {
    throw base::Failure(run::Loop::past_deadline() ? ETIMEDOUT : EINTR,
                        fmt::format("cannot resolve '{}': {}", base::printable(host),
                                    run::Loop::past_deadline() ? "no answer before the deadline" : "interrupted"));
  }
  return lookup->result();
}

Destination find_destination(run::Loop& loop, const Target& target, const net::SocketOptions& options,
                             output::Report& report) {
  std::optional<net::Family> family = target.family;
  if (target.source_address) family = family_of_source(target);
  std::vector<net::Endpoint> candidates = look_up(loop, target.host, target.port, family);
  std::exception_ptr first_error;
  for (net::Endpoint& endpoint : candidates) {
    try {
      settle_zone(endpoint, Whose::of_others, options.interface, report);
      Destination destination = scouted(loop, endpoint, target, options);
      const bool took = target.source_address && net::needs_zone(*target.source_address) && !options.interface;
      if (took && net::zone_of(endpoint.address()) == 0) report.notice("took " + net::to_string(destination.local));
      if (options.ttl == 0 && !endpoint.address().is_multicast()) {
        throw base::UsageError("--ttl: 0 is for multicast destinations; unicast takes 1 to 255");
      }
      destination.has_other_family = std::any_of(candidates.begin(), candidates.end(), [&](const net::Endpoint& one) {
        return net::family_of(one) != net::family_of(endpoint) && is_reachable(loop, one, target, options);
      });
      return destination;
    } catch (const base::Failure&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  std::rethrow_exception(first_error);
}

void open_socket(net::UdpSocket& socket, const Target& target, const Destination& destination,
                 const net::SocketOptions& options, const net::WantedMetadata& wanted, output::Report& report) {
  socket.open(net::family_of(destination.endpoint));
  const net::SocketOptions way = with_way_to(destination.endpoint, options);
  report_buffers(net::apply(way, destination.is_multicast(), socket), report);
  socket.want(wanted);
  socket.report_transport_errors(true);
  bind_source(target, destination, options, socket);
}

net::SocketOptions with_room_for_replies(net::SocketOptions options) {
  constexpr std::size_t room = std::size_t{4} << 20;
  if (!options.receive_buffer) options.receive_buffer = room;
  return options;
}

void refuse_to_fragment(const Destination& destination, std::size_t size) {
  throw base::Failure(EMSGSIZE,
                      fmt::format("{} bytes do not leave in one piece: the route's MTU of {} holds at most {}", size,
                                  destination.mtu, destination.unfragmented()));
}

std::string family_hint(const Target& target, const Destination& destination) {
  if (!destination.has_other_family) return "";
  const bool v4 = destination.endpoint.address().is_v4();
  return fmt::format("{} has an {} address too: try {}", base::printable(target.host), v4 ? "IPv6" : "IPv4",
                     v4 ? "-6" : "-4");
}

void report_buffers(const net::GrantedBuffers& granted, output::Report& report) {
  if (granted.receive) report.verbose_notice(fmt::format("the receive buffer is {} bytes", *granted.receive));
  if (granted.send) report.verbose_notice(fmt::format("the send buffer is {} bytes", *granted.send));
}

}  // namespace commands
