// SPDX-License-Identifier: MIT
// The memberships of `join`: sockets as the kernel's limits ask for, and what each membership brought.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands/join/stall_watch.hpp"
#include "net/options.hpp"
#include "run/loop.hpp"
#include "traffic/counts.hpp"

namespace commands {

// One group on one interface, from one source or from any.
struct Membership : traffic::Counts {
  std::size_t number = 0;  // in the order of joining
  std::optional<net::Address> source;
  net::Address group;
  std::uint16_t port = 0;
  net::Interface interface;

  run::Clock::time_point joined_at{};
  std::optional<run::Clock::time_point> first;  // when the first datagram came
  StallWatch stall_watch{joined_at};

  bool takes(const net::Received& received) const;
  void take(const net::Received& received);
  // "10.0.0.9,232.1.1.1:5000"
  std::string group_text() const;
  // "10.0.0.9,232.1.1.1:5000 on eth0"
  std::string text() const;
};

class Memberships {
 public:
  Memberships(run::Loop& loop, const net::SocketOptions& options, const net::WantedMetadata& wanted)
      : loop_(loop), options_(options), wanted_(wanted) {}

  // A socket bound to one group, so that the kernel keeps everything else away, and the memberships that are on it.
  struct Socket {
    explicit Socket(run::Loop& loop) : udp(loop.context()) {}

    net::UdpSocket udp;
    std::vector<Membership*> memberships;

    // Which of them brought what was received, or nothing when it came in some other way.
    std::optional<std::size_t> index_of(const net::Received& received) const;
  };

  // Throws Failure; where it is for a limit of the system, it says how to raise that.
  Membership& join(const std::optional<net::Address>& source, const net::Address& group, std::uint16_t port,
                   const net::Interface& interface);
  // The memberships of that group on that interface, whatever their sources.
  std::vector<const Membership*> find(const net::Address& group, std::uint16_t port,
                                      const net::Interface& interface) const;
  // Whether an error of join() is for such a limit, so that no other membership would be had either.
  static bool is_limit(int error);
  // The buffers of the sockets, once there is one.
  const net::GrantedBuffers& granted() const { return granted_; }
  // Whether the end was asked for: joins are to go no further.
  bool ending() const { return loop_.stopping(); }
  // Leaves every group and joins it again; what cannot be joined again is tried the next time.
  void rejoin();
  // Leaves every group; the sockets stay.
  void leave();

  const std::vector<std::unique_ptr<Membership>>& all() const { return memberships_; }
  const std::vector<std::unique_ptr<Socket>>& sockets() const { return sockets_; }
  bool left() const { return left_; }

 private:
  Socket& open(const net::Endpoint& group);
  bool try_join(Socket& socket, const Membership& membership);

  run::Loop& loop_;
  net::SocketOptions options_;
  net::WantedMetadata wanted_;
  std::vector<std::unique_ptr<Membership>> memberships_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::map<net::Endpoint, std::vector<Socket*>> by_group_;
  net::GrantedBuffers granted_;
  bool left_ = false;
};

}  // namespace commands
