// SPDX-License-Identifier: MIT
// Where to: the targets, and the sockets that reach them.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.hpp"
#include "commands/forward.hpp"
#include "commands/target.hpp"
#include "net/resolve.hpp"

namespace commands {
namespace {

constexpr std::size_t max_segment = 1'452;  // of what leaves in runs: an Ethernet's over IPv6

}  // namespace

bool Forwarder::needs_names() const { return two_way() && !net::looks_numeric(options_.targets.front().host); }

void Forwarder::find_targets() {
  for (const net::EndpointWord& word : options_.targets) {
    net::Endpoint to = look_up(stage_.loop, word.host, word.port, std::nullopt).front();
    if (net::needs_zone(to.address())) settle_zone(to, Whose::of_others, multicast_by_, stage_.report);
    paths_.push_back({net::join_host_port(base::escaped(word.host), word.port), word, to});
    if (is_own(to)) {
      throw base::UsageError(fmt::format("--forward {}: that is where this command listens", paths_.back().text));
    }
  }
}

unsigned Forwarder::interface_to(const net::Address& target) const {
  const unsigned zone = net::zone_of_group(target);
  return zone != 0 ? zone : target.is_multicast() && multicast_by_ ? multicast_by_->index : 0;
}

net::Route Forwarder::route_to(const net::Endpoint& target, int ttl) const {
  return {target, {{}, interface_to(target.address())}, ttl};
}

void Forwarder::open(std::vector<net::Endpoint> own, const Forwarder* found) {
  own_ = std::move(own);
  if (found != nullptr) {
    for (const Path& path : found->paths_) paths_.push_back({path.text, path.word, path.to, {}, 0, 0, 0, 0, path.told});
  } else {
    find_targets();
  }
  stage_.loop.every(std::clamp<base::Nanoseconds>(options_.session_timeout / 4, std::chrono::milliseconds(50),
                                                  std::chrono::seconds(1)),
                    [this](base::Nanoseconds) { expire(); });
  if (two_way()) return;
  for (Path& path : paths_) {
    const auto fits = [&](const auto& socket) { return socket->family() == net::family_of(path.to); };
    auto at = std::find_if(fan_sockets_.begin(), fan_sockets_.end(), fits);
    if (at == fan_sockets_.end()) {
      fan_sockets_.push_back(open_socket(path.to));
      at = std::prev(fan_sockets_.end());
      net::UdpSocket& socket = **at;
      stage_.loop.on_readable(socket, [this, &socket] { drain_fan(socket); });
    }
    path.out = std::make_unique<traffic::Transmitter>(**at);
  }
}

bool Forwarder::is_own(const net::Endpoint& target) {
  return std::any_of(own_.begin(), own_.end(), [&](const net::Endpoint& one) {
    if (one.port() != target.port() || net::family_of(one) != net::family_of(target)) return false;
    if (!one.address().is_unspecified()) return same_host(one.address(), target.address());
    return target.address().is_unspecified() ||
           own_addresses_.holds(target.address(), run::Clock::now()).value_or(true);
  });
}

std::unique_ptr<net::UdpSocket> Forwarder::open_socket(const net::Endpoint& to) {
  auto socket = std::make_unique<net::UdpSocket>(stage_.loop.context());
  socket->open(net::family_of(to));
  net::SocketOptions options = socket_options_;
  options.receive_buffer.reset();
  options.reuse_address = options.reuse_port = false;
  if (net::zone_of(to.address()) != 0) options.interface.reset();
  net::apply(options, to.address().is_multicast(), *socket);
  net::WantedMetadata wanted;
  wanted.ttl = true;
  wanted.coalesced = true;
  socket->want(wanted);
  socket->report_transport_errors(true);
  socket->use_segmentation(max_segment);
  return socket;
}

}  // namespace commands
