// SPDX-License-Identifier: MIT
#include "commands/join/memberships.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "base/units.hpp"

namespace commands {
namespace {

// What a full kernel table means for this membership, and what to do about it.
std::string limit_hint(const Membership& membership) {
  const bool v4 = membership.group.is_v4();
  if (membership.source) return v4 ? "raise net.ipv4.igmp_max_msf" : "raise net.ipv6.mld_max_msf";
  return v4 ? "raise net.ipv4.igmp_max_memberships" : "raise net.core.optmem_max";
}

// A socket's table of memberships or sources is full: another socket has room.
bool is_full(int error) { return error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS; }

bool is_out_of_files(int error) { return error == EMFILE || error == ENFILE; }

// Where the group's socket is bound. A group of link scope is another one on each link, and the kernel wants the
// link named; any other is the same one with a zone or without.
net::Endpoint endpoint_of(const net::Address& group, std::uint16_t port, const net::Interface& interface) {
  const net::Address bare = net::with_zone(group, 0);
  return {net::needs_zone(bare) ? net::with_zone(bare, interface.index) : bare, port};
}

}  // namespace

bool Membership::takes(const net::Received& received) const {
  if (received.metadata.interface != interface.index) return false;
  const net::Address sender = received.sender->address();
  return !source || net::with_zone(*source, 0) == net::with_zone(sender, 0);
}

void Membership::take(const net::Received& received) {
  const auto now = run::Clock::now();
  if (datagrams == 0) first = now;
  add(received);
  stall_watch.heard(now, received.count());
}

std::string Membership::group_text() const {
  const std::string from = source ? net::to_string(*source) + "," : "";
  return from + net::to_string(net::Endpoint(net::with_zone(group, 0), port));
}

std::string Membership::text() const {
  // By the name that it has now; one that is gone by its last.
  const std::string name = net::exists(interface) ? net::shown_interface(interface.index) : interface.shown();
  return fmt::format("{} on {}", group_text(), name);
}

std::optional<std::size_t> Memberships::Socket::index_of(const net::Received& received) const {
  const auto found =
      std::find_if(memberships.begin(), memberships.end(), [&](const Membership* one) { return one->takes(received); });
  if (found == memberships.end()) return std::nullopt;
  return static_cast<std::size_t>(found - memberships.begin());
}

bool Memberships::is_limit(int error) { return is_full(error) || is_out_of_files(error); }

Memberships::Socket& Memberships::open(const net::Endpoint& group) {
  auto socket = std::make_unique<Socket>(loop_);
  try {
    socket->udp.open(net::family_of(group));
  } catch (const base::Failure& error) {
    if (!is_out_of_files(error.code)) throw;
    throw base::failure(error.code, fmt::format("cannot join {} after {}", net::to_string(group),
                                                base::counted(sockets_.size(), "socket")));
  }
  socket->udp.set_reuse_address(true);
  net::SocketOptions options = options_;
  options.interface.reset();  // the memberships say where
  granted_ = net::apply(options, true, socket->udp);
  socket->udp.set_multicast_all(false);
  socket->udp.want(wanted_);
  socket->udp.bind(group);
  sockets_.push_back(std::move(socket));
  by_group_[group].push_back(sockets_.back().get());
  return *sockets_.back();
}

bool Memberships::try_join(Socket& socket, const Membership& membership) {
  try {
    socket.udp.add_membership(membership.group, membership.interface, membership.source);
    return true;
  } catch (const base::Failure& error) {
    if (!is_full(error.code)) throw;
    return false;
  }
}

Membership& Memberships::join(const std::optional<net::Address>& source, const net::Address& group, std::uint16_t port,
                              const net::Interface& interface) {
  auto membership = std::make_unique<Membership>();
  membership->source = source;
  membership->group = group;
  membership->port = port;
  membership->interface = interface;
  const net::Endpoint endpoint = endpoint_of(group, port, interface);
  Socket* socket = nullptr;
  for (Socket* one : by_group_[endpoint]) {
    if (try_join(*one, *membership)) socket = one;
    if (socket != nullptr) break;
  }
  if (socket == nullptr) {
    socket = &open(endpoint);
    if (!try_join(*socket, *membership)) {
      throw base::failure(ENOBUFS, "cannot join " + membership->text(), limit_hint(*membership));
    }
  }
  membership->joined_at = run::Clock::now();
  membership->stall_watch = StallWatch(membership->joined_at);
  membership->number = memberships_.size();
  socket->memberships.push_back(membership.get());
  memberships_.push_back(std::move(membership));
  return *memberships_.back();
}

std::vector<const Membership*> Memberships::find(const net::Address& group, std::uint16_t port,
                                                 const net::Interface& interface) const {
  std::vector<const Membership*> found;
  const auto sockets = by_group_.find(endpoint_of(group, port, interface));
  if (sockets == by_group_.end()) return found;
  for (const Socket* socket : sockets->second) {
    for (const Membership* one : socket->memberships) {
      if (one->interface.index == interface.index) found.push_back(one);
    }
  }
  return found;
}

void Memberships::rejoin() {
  if (left_) return;
  for (const auto& socket : sockets_) {
    for (Membership* one : socket->memberships) {
      if (ending()) return;
      try {
        socket->udp.drop_membership(one->group, one->interface, one->source);
      } catch (const base::Failure&) {
        // It was lost before.
      }
      try {
        socket->udp.add_membership(one->group, one->interface, one->source);
      } catch (const base::Failure&) {
        continue;  // the interface is down or gone
      }
      one->stall_watch = StallWatch(run::Clock::now());
    }
  }
}

void Memberships::leave() {
  if (left_) return;
  left_ = true;
  for (const auto& socket : sockets_) {
    for (Membership* one : socket->memberships) {
      one->stall_watch.left();
      try {
        socket->udp.drop_membership(one->group, one->interface, one->source);
      } catch (const base::Failure&) {
        // The interface has gone, and the membership with it.
      }
    }
  }
}

}  // namespace commands
