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
    if (word.host.empty()) return open_wildcards(word.port);
    std::vector<net::Endpoint> endpoints = look_up(stage_.loop, word.host, word.port, options_.family);
    for (net::Endpoint& endpoint : endpoints) {
      if (net::needs_zone(endpoint.address())) {
        const net::Address zoned =
            socket_options_.interface           ? net::with_zone(endpoint.address(), socket_options_.interface->index)
            : endpoint.address().is_multicast() ? net::with_only_zone(endpoint.address())
                                                : net::with_own_zone(endpoint.address());
        endpoint.address(zoned);
        stage_.report.notice("took " + net::to_string(zoned));
      }
    }
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

  // The addresses of a name, all on one port, also when the port is for the kernel to choose.
  void open_all(std::vector<net::Endpoint> endpoints) {
    for (int tries = 1;; ++tries) {
      Sockets opened;
      try {
        for (net::Endpoint endpoint : endpoints) {
          if (!opened.empty()) endpoint.port(opened.front()->local_endpoint().port());
          opened.push_back(bound(endpoint));
        }
        std::move(opened.begin(), opened.end(), std::back_inserter(sockets_));
        return;
      } catch (const base::Failure& error) {
        const bool chosen = endpoints.front().port() == 0;
        if (!chosen || error.code != EADDRINUSE || tries == max_tries) throw;
      }
    }
  }

  // Both families on one port, also when the port is for the kernel to choose.
  void open_wildcards(std::uint16_t port) {
    const net::Endpoint any4(net::asio::ip::address_v4::any(), port);
    if (options_.family == net::Family::ipv4) {
      sockets_.push_back(bound(any4));
      return;
    }
    if (options_.family == net::Family::ipv6) {
      sockets_.push_back(bound({net::asio::ip::address_v6::any(), port}));
      return;
    }
    for (int tries = 1;; ++tries) {
      auto v4 = bound(any4);
      try {
        auto v6 = bound({net::asio::ip::address_v6::any(), v4->local_endpoint().port()});
        sockets_.push_back(std::move(v4));
        sockets_.push_back(std::move(v6));
        return;
      } catch (const base::Failure& error) {
        const int code = error.code;
        if (code == EAFNOSUPPORT || code == EADDRNOTAVAIL) {
          stage_.report.notice("no IPv6 on this host: listening on IPv4 only");
          sockets_.push_back(std::move(v4));
          return;
        }
        if (port != 0 || code != EADDRINUSE || tries == max_tries) throw;
      }
    }
  }

  std::unique_ptr<net::UdpSocket> bound(const net::Endpoint& endpoint) {
    auto socket = std::make_unique<net::UdpSocket>(stage_.loop.context());
    socket->open(net::family_of(endpoint));
    prepare(*socket);
    socket->bind(endpoint);
    return socket;
  }

  // Sets what the options ask for.
  void prepare(net::UdpSocket& socket) {
    const net::GrantedBuffers granted = net::apply(socket_options_, false, socket);
    socket.want(wanted_);
    report_buffers(granted, stage_.report);
  }

  const ListenOptions& options_;
  const net::SocketOptions& socket_options_;
  const net::WantedMetadata& wanted_;
  Stage& stage_;
  Sockets sockets_;
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
