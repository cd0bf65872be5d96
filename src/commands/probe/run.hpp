// What the modes of probe share: the target, the socket, and answers with their times.
#pragma once

#include <functional>
#include <string_view>

#include "commands/target.hpp"
#include "commands/probe/probe.hpp"
#include "net/udp_socket.hpp"
#include "output/report.hpp"
#include "commands/probe/log.hpp"

namespace commands {

class Prober {
 public:
  // What sending one datagram came to: errno or 0, and when it left.
  struct Sent {
    int error = 0;
    Instant at;
  };
  struct Hooks {
    std::function<void(const net::Received& reply, const Instant& seen)> reply;
    std::function<void(const net::TransportError& error, const Instant& seen)> error;
  };

  // Finds the target and opens a socket that is not connected: replies may come from any port. `any_size`: with DF
  // and whatever size the link takes, the cached path MTU ignored. Throws as find_destination() and open_socket do.
  Prober(const ProbeOptions& options, bool any_size);

  run::Loop& loop() { return loop_; }
  output::Sink& sink() { return sink_; }
  output::Report& report() { return report_; }
  const Destination& destination() const { return destination_; }
  const net::Endpoint& target() const { return destination_.endpoint; }
  // Many may answer: a group, or a broadcast address.
  bool is_for_many() const { return destination_.is_multicast() || options_.socket.broadcast; }

  // Throws when a payload of `size` bytes is more than a datagram holds, or, with --df, than the link takes.
  void check_size(std::size_t size) const;

  // Sends to the target, or to another port of it; `ttl` -1: the socket's own. `error` is EAGAIN when there is no room
  // now, or EMSGSIZE for what is larger than the link; anything else that this host refuses throws
  // base::Failure.
  Sent send(std::string_view payload, int ttl = -1, std::uint16_t port = 0);
  void when_writable(std::function<void()> handler);

  // Enters the sandbox. From now on gives what arrives: replies of the target (of anybody when many may answer) and
  // ICMP errors about what was sent to it. The sink is flushed after each round.
  void watch(Hooks hooks);
  // Takes what waits now.
  void drain();

  // True for the address of the target itself.
  bool is_target(const net::Address& address) const;
  // What makes this run's requests its own.
  static std::uint64_t random_seed();
  // A notice when the name has addresses of the other family, too.
  void hint_at_family();

 private:
  void open_socket(bool any_size);
  void take(const net::Received& received);

  const ProbeOptions& options_;
  DestinationWords words_;
  run::Loop loop_;
  output::Sink sink_;
  output::Report report_;
  Destination destination_;
  net::UdpSocket socket_;
  net::ReceiveBatch batch_{32};
  net::SendBatch outgoing_{1};
  Hooks hooks_;
  bool noted_stranger_ = false;
};

}  // namespace commands
