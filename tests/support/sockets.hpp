// SPDX-License-Identifier: MIT
// Waiting and collecting for tests of net::UdpSocket.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/udp_socket.hpp"
#include "support/addresses.hpp"
#include "support/process.hpp"

namespace support {

// A datagram with a payload of its own.
struct Copy {
  std::string payload;
  std::size_t size = 0;
  net::Endpoint sender;
  net::Metadata metadata;
};

// A socket bound to a free loopback port.
struct TestSocket {
  explicit TestSocket(net::Family family = net::Family::ipv4, const net::WantedMetadata& wanted = {}) {
    socket.open(family);
    socket.want(wanted);
    socket.bind({loopback(family), 0});
  }

  net::UdpSocket* operator->() { return &socket; }
  net::Endpoint endpoint() const { return socket.local_endpoint(); }

  // True when something to receive, or an error, came in time.
  bool wait_readable(Milliseconds timeout = patience) {
    const auto ready = std::make_shared<bool>(false);  // the handler may outlive this call
    socket.async_wait_readable([ready](const boost::system::error_code& error) { *ready = !error; });
    const auto end = std::chrono::steady_clock::now() + timeout;
    context.restart();
    while (!*ready && context.run_one_until(end) > 0) continue;
    return *ready;
  }

  // The next `count` datagrams, or fewer when no more come in time.
  std::vector<Copy> receive(std::size_t count, Milliseconds timeout = patience) {
    std::vector<Copy> all;
    while (all.size() < count) {
      if (socket.receive(batch) == 0) {
        if (socket.drained() && !wait_readable(timeout)) break;
        continue;
      }
      for (std::size_t place = 0; place < batch.size(); ++place) {
        const net::Received one = batch[place];
        for (std::size_t i = 0; i < one.count(); ++i) {
          all.push_back({std::string(one.payload(i)), one.size(i), *one.sender, one.metadata});
        }
      }
    }
    return all;
  }

  // The next ICMP error, or nothing when none comes in time.
  std::optional<net::TransportError> error(Milliseconds timeout = patience) {
    if (auto waiting = socket.transport_error()) return waiting;
    wait_readable(timeout);
    CHECK(socket.receive(batch) == 0);  // which takes note that there may be one
    return socket.transport_error();
  }

  boost::asio::io_context context;
  net::UdpSocket socket{context};
  net::ReceiveBatch batch{16};
};

inline std::vector<std::string> payloads(const std::vector<Copy>& datagrams) {
  std::vector<std::string> all;
  for (const Copy& one : datagrams) all.push_back(one.payload);
  return all;
}

}  // namespace support
