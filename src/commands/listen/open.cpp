// SPDX-License-Identifier: MIT
#include "commands/listen/open.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <iterator>
#include <utility>

#include "base/error.hpp"
#include "commands/target.hpp"
#include "net/service.hpp"

namespace commands {
namespace {

constexpr int max_tries = 32;  // a port that is free over IPv4 may be taken over IPv6

class Opener {
 public:
  Opener(const ListenOptions& options, const net::SocketOptions& socket, const net::WantedMetadata& wanted,
         Stage& stage)
      : options_(options), socket_options_(socket), wanted_(wanted), stage_(stage) {}

  void open(const net::EndpointWord& word) {
    if (word.inherited) return adopt(word);
    if (word.host.empty()) return open_all(wildcards(word.port));
    std::vector<net::Endpoint> endpoints = look_up(stage_.loop, word.host, word.port, options_.family);
    for (net::Endpoint& one : endpoints) settle_zone(one, Whose::own, socket_options_.interface, stage_.report);
    open_all(std::move(endpoints));
  }

  Sockets take() { return std::move(sockets_); }

 private:
  void adopt(const net::EndpointWord& word) {
    for (const int fd : net::descriptors_of(word.host)) {
      auto socket = std::make_unique<net::UdpSocket>(stage_.loop.context());
      socket->adopt(fd, fmt::format("fd:{}", fd));
      if (options_.family && *options_.family != socket->family()) {
        throw base::UsageError(fmt::format("fd:{} is a socket over {}, and -{} asks for the other family", fd,
                                           net::name_of(socket->family()),
                                           *options_.family == net::Family::ipv4 ? 4 : 6));
      }
      prepare(*socket);
      sockets_.push_back(std::move(socket));
    }
  }

  std::vector<net::Endpoint> wildcards(std::uint16_t port) const {
    std::vector<net::Endpoint> all;
    if (options_.family != net::Family::ipv6) all.emplace_back(net::asio::ip::address_v4::any(), port);
    if (options_.family != net::Family::ipv4) all.emplace_back(net::asio::ip::address_v6::any(), port);
    return all;
  }

  // All on one port, also when the port is for the kernel to choose.
  void open_all(std::vector<net::Endpoint> endpoints) {
    for (int tries = 1;; ++tries) {
      try {
        Sockets opened = open_on_one_port(endpoints);
        std::move(opened.begin(), opened.end(), std::back_inserter(sockets_));
        return;
      } catch (const base::Failure& error) {
        const bool chosen = endpoints.front().port() == 0;
        if (!chosen || error.code != EADDRINUSE || tries == max_tries) throw;
      }
    }
  }

  Sockets open_on_one_port(std::vector<net::Endpoint> endpoints) {
    Sockets opened;
    for (net::Endpoint& endpoint : endpoints) {
      if (!opened.empty()) endpoint.port(opened.front()->local_endpoint().port());
      try {
        opened.push_back(bound(endpoint));
      } catch (const base::Failure& error) {
        const bool lacks = error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL;
        if (!lacks || opened.empty() || !is_any6(endpoint)) throw;
        stage_.report.notice("no IPv6 on this host: listening on IPv4 only");
      }
    }
    return opened;
  }

  static bool is_any6(const net::Endpoint& endpoint) {
    return endpoint.address().is_v6() && endpoint.address().is_unspecified();
  }

  std::unique_ptr<net::UdpSocket> bound(const net::Endpoint& endpoint) {
    auto socket = std::make_unique<net::UdpSocket>(stage_.loop.context());
    socket->open(net::family_of(endpoint));
    prepare(*socket);
    try {
      socket->bind(endpoint);
    } catch (const base::Failure& error) {
      if (error.code != EADDRINUSE) throw;
      for (const auto& one : sockets_) refuse_overlap(one->local_endpoint(), endpoint);
      throw;
    }
    return socket;
  }

  // Throws Failure if the two ENDPOINTs of one command are in each other's way.
  static void refuse_overlap(const net::Endpoint& one, const net::Endpoint& other) {
    const bool overlap = net::family_of(one) == net::family_of(other) && one.port() == other.port() &&
                         (one.address().is_unspecified() || other.address().is_unspecified());
    if (!overlap) return;
    throw base::failure(EADDRINUSE, "cannot bind " + net::to_string(other),
                        "port in use by its own " + net::to_string(one));
  }

  // Sets what the options ask for.
  void prepare(net::UdpSocket& socket) {
    const net::GrantedBuffers granted = net::apply(socket_options_, false, socket);
    socket.want(wanted_);
    if (std::exchange(granted_, granted) != granted) report_buffers(granted, stage_.report);
  }

  const ListenOptions& options_;
  const net::SocketOptions& socket_options_;
  const net::WantedMetadata& wanted_;
  Stage& stage_;
  Sockets sockets_;
  std::optional<net::GrantedBuffers> granted_;  // as it was told last
};

}  // namespace

Sockets open_endpoints(const ListenOptions& options, const net::SocketOptions& socket,
                       const net::WantedMetadata& wanted, Stage& stage) {
  Opener opener(options, socket, wanted, stage);
  for (const net::EndpointWord& word : options.endpoints) opener.open(word);
  return opener.take();
}

Sockets open_shared(const Sockets& first, const net::SocketOptions& options, const net::WantedMetadata& wanted,
                    Stage& stage) {
  Sockets sockets;
  sockets.reserve(first.size());
  for (const auto& like : first) {
    // Linux takes it after the bind, too: nobody else comes between the two.
    like->set_reuse_port(true);
    auto socket = std::make_unique<net::UdpSocket>(stage.loop.context());
    socket->open(like->family());
    net::apply(options, false, *socket);
    socket->set_reuse_port(true);
    socket->want(wanted);
    socket->bind(like->local_endpoint());
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

}  // namespace commands
