// SPDX-License-Identifier: MIT
// `--forward`: passing datagrams on, boundaries and sizes untouched, to one target both ways or to several one way.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "commands/delay_line.hpp"
#include "commands/forward_options.hpp"
#include "commands/stage.hpp"
#include "commands/target.hpp"
#include "net/address.hpp"
#include "net/options.hpp"
#include "net/own_addresses.hpp"
#include "output/metrics.hpp"
#include "traffic/transmitter.hpp"

namespace commands {

// Whatever zone either names.
inline bool same_host(const net::Address& a, const net::Address& b) {
  return net::with_zone(a, 0) == net::with_zone(b, 0);
}

class Forwarder {
 public:
  // `multicast_by`: where groups are joined, and so sent to; nothing: where routes lead. (Unicast leaves by the
  // socket's own options.)
  Forwarder(Stage& stage, const ForwardOptions& options, const net::SocketOptions& socket,
            std::optional<net::Interface> multicast_by)
      : stage_(stage), options_(options), socket_options_(socket), multicast_by_(std::move(multicast_by)) {
    impair();
  }
  ~Forwarder();

  // What must be known of each datagram: by what it came, and its TTL.
  static net::WantedMetadata needs();
  // Finds the targets, or takes those that another thread's has found, and opens the socket of a fan-out. `own` are the
  // endpoints that are listened on. Throws as look_up() does, and UsageError for a target that is one of them.
  void open(std::vector<net::Endpoint> own, const Forwarder* found = nullptr);
  bool needs_names() const;

  // Takes what was received to be passed on, after what is to happen to it on purpose; it must stay in place until
  // batch_done(). What comes back to its sender leaves by `back`, which must outlive this.
  void take(const net::Received& received, traffic::Transmitter& back);
  void batch_done();

  // What another with the same targets has counted is this one's from now on. It is at its end.
  void add(Forwarder& other);
  // The end. A line or event a target: what came times the targets is the sum of what was forwarded, refused and
  // dropped.
  void summarize();
  // What was passed on so far, by target; and under their names the `sum` of this one's and of others like it. `where`
  // it had come to are labels; "" for several places: of which one what was refused later came is not known.
  std::vector<std::uint64_t> forwarded() const;
  void measure(output::MetricsText& metrics, const std::vector<std::uint64_t>& sum, const std::string& where) const;

 private:
  struct Session;

  // Where to, and what became of it.
  struct Path {
    std::string text;
    net::EndpointWord word;
    net::Endpoint to;
    std::unique_ptr<traffic::Transmitter> out = {};  // of a fan-out
    std::uint64_t came = 0;
    std::uint64_t refused = 0;  // by the network, or by this host
    std::uint64_t dropped = 0;  // for want of room, or by a rule against loops
    std::uint64_t expired = 0;  // of those, for a TTL of 1
    std::shared_ptr<std::atomic_flag> told = std::make_shared<std::atomic_flag>();  // of all threads, once
  };

  void find_targets();
  void finish();
  void impair();
  void leave_forward(const std::vector<Parcel>& parcels);
  static void leave_backward(const std::vector<Parcel>& parcels);
  void summarize(const char* direction, const DelayLine& line);

  void pass(const net::Received& received, traffic::Transmitter& back);
  void transmit();
  bool may_answer(const net::Endpoint& sender, const Session& session);
  void pass_back(Session& session, const net::Received& received, int ttl);
  bool two_way() const { return paths_.size() == 1; }
  // The interface that a group's zone or -i names; 0: where the route leads.
  unsigned interface_to(const net::Address& target) const;
  net::Route route_to(const net::Endpoint& target, int ttl) const;
  bool is_own(const net::Endpoint& target);
  bool may_pass(const net::Received& received, const Path& path) const;
  std::optional<int> ttl_of(const net::Received& received) const;
  std::unique_ptr<net::UdpSocket> open_socket(const net::Endpoint& to);
  void leave(Path& path, traffic::Transmitter& out);
  void drain_fan(net::UdpSocket& socket);

  Session* session_of(const net::Received& received, traffic::Transmitter& back);  // null: there is no room for it
  std::unique_ptr<net::UdpSocket> make_room();
  void resolve_for(Session& session);
  void resolved(Session& session, Lookup& lookup);
  void drain(Session& session);
  void end(Session& session);
  void end_the_oldest();
  void expire();
  std::uint64_t forwarded(const Path& path) const;
  void settle(Path& path, const traffic::Transmitter& out);
  void count_refusal(Path& path, const net::TransportError& error);

  Stage& stage_;
  const ForwardOptions& options_;
  net::SocketOptions socket_options_;
  std::optional<net::Interface> multicast_by_;
  net::OwnAddresses own_addresses_;
  std::vector<net::Endpoint> own_;
  std::deque<Path> paths_;
  std::vector<std::unique_ptr<net::UdpSocket>> fan_sockets_;
  // No SenderTable, which gives a place away without a word: a session has a socket to be drained and closed.
  std::unordered_map<std::uint64_t, std::shared_ptr<Session>> sessions_;
  std::vector<std::shared_ptr<Session>> touched_;  // in this batch
  std::vector<std::shared_ptr<Session>> ended_;    // whose handlers may still be called
  net::ReceiveBatch answers_;
  std::uint64_t sessions_made_ = 0;
  std::optional<DelayLine> forward_line_, backward_line_;  // of --impair
};

}  // namespace commands
