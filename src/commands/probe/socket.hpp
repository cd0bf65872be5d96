// SPDX-License-Identifier: MIT
// What all engines of probe share, a loop and what it prints; and the sockets that they send by.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "commands/probe/probe.hpp"
#include "commands/stage.hpp"
#include "commands/target.hpp"
#include "net/udp_socket.hpp"
#include "output/pcap.hpp"
#include "traffic/transmitter.hpp"

namespace commands {

struct ProbeStage : Stage {
  explicit ProbeStage(const ProbeOptions& options);

  net::ReceiveBatch& batch() { return batch_; }
  output::PcapWriter* pcap() { return pcap_ ? &*pcap_ : nullptr; }

  // A notice that is told once, whoever of many has it.
  void notice_once(const std::string& text);

  // Enters the sandbox. `replaces_in`: see run::LateNeeds.
  void confine(int replaces_in = -1);
  // The loop stops when release() was called as often as hold().
  void hold() { ++held_; }
  void release();

 private:
  const ProbeOptions& options_;
  std::optional<output::PcapWriter> pcap_;
  net::ReceiveBatch batch_{32};
  std::set<std::string> told_;
  std::size_t held_ = 0;
};

class Prober;

// Where probes leave and answers arrive: for one target, or for many of one family that have an address each, by which
// their answers are told apart. Not connected, for replies may come from any port.
class ProbeSocket {
 public:
  // For --mtu, and --trace with --df, with DF and whatever size the link takes, the cached path MTU ignored: a router
  // is to say what it thinks of each. Throws as the socket does.
  ProbeSocket(ProbeStage& stage, const ProbeOptions& options, const Destination& destination);

  // Who asks a target hears what comes from its address, until it is removed.
  void add(Prober& prober);
  void remove(const Prober& prober);
  bool is_shared() const { return probers_.size() > 1; }

  // From now on the loop sees to what arrives.
  void watch();
  // Takes what has arrived. Whom it may concern is to have a turn.
  std::vector<Prober*> drain();
  // 0; EAGAIN for not now; or the errno that it could not be sent for.
  int send(std::string_view payload, const net::Route& route) { return out_.transmit_one(payload, route); }

  std::uint16_t local_port() const { return socket_.local_endpoint().port(); }

 private:
  // Returns whom it may concern; null: nobody in particular.
  Prober* take(const net::Received& received);
  Prober* only() const { return probers_.size() == 1 ? probers_.begin()->second : nullptr; }
  Prober* prober_of(const net::Address& address) const;
  // Shows it to all, as long as there is time for that.
  void offer(const net::Received& received);

  ProbeStage& stage_;
  net::UdpSocket socket_;
  traffic::Transmitter out_{socket_, 1};
  std::map<net::Address, Prober*> probers_;  // by the target's address, without its zone
  bool watched_ = false;
  bool told_elsewhere_ = false;          // that another address than those of many sent something
  base::Nanoseconds offer_time_{};       // that may go to what others sent; less than none: to wait for
  run::Clock::time_point offered_at_{};  // when that was reckoned
};

}  // namespace commands
