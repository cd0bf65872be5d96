// SPDX-License-Identifier: MIT
// What drives the engines of probe: a loop that all of them share, and for each a socket and what arrives there.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "commands/probe/probe.hpp"
#include "commands/probe/run.hpp"
#include "commands/stage.hpp"
#include "commands/target.hpp"
#include "net/udp_socket.hpp"
#include "output/pcap.hpp"
#include "output/report.hpp"
#include "traffic/transmitter.hpp"

namespace commands {

class ProbeStage {
 public:
  explicit ProbeStage(const ProbeOptions& options);

  Stage& base() { return stage_; }
  run::Loop& loop() { return stage_.loop; }
  output::Sink& sink() { return stage_.sink; }
  output::Report& report() { return stage_.report; }
  net::ReceiveBatch& batch() { return batch_; }
  output::PcapWriter* pcap() { return pcap_ ? &*pcap_ : nullptr; }

  // A notice that is told once, whoever of many has it.
  void notice_once(const std::string& text);

  // Enters the sandbox. `replaces_in`: see run::LateNeeds.
  void confine(int replaces_in = -1);
  // The loop stops when release() was called as often as hold().
  void hold() { ++held_; }
  void release();
  // The last step, see Stage.
  base::ExitStatus finish(base::ExitStatus status) { return stage_.finish(status); }

 private:
  const ProbeOptions& options_;
  Stage stage_;
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

class Prober : public Outlet {
 public:
  // By `shared`, or where there is none by a socket of its own (see ProbeSocket).
  Prober(ProbeStage& stage, const ProbeOptions& options, Destination destination, ProbeSocket* shared = nullptr);
  ~Prober() override { socket_.remove(*this); }
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  run::Loop& loop() { return stage_.loop(); }
  output::Sink& sink() { return stage_.sink(); }
  output::Report& report() { return stage_.report(); }
  // What is said of this target alone, and of all alike.
  void notice(const std::string& text);
  void notice_once(const std::string& text) { stage_.notice_once(text); }
  const net::Endpoint& target() const { return destination_.endpoint; }
  // Many may answer: a group, or a broadcast address.
  bool is_for_many() const { return for_many_; }
  // Whether what comes from elsewhere may be an answer to another one.
  bool shares_its_socket() const { return socket_.is_shared(); }

  // Throws when a payload of `size` bytes is more than a datagram holds, or, with --df, than the link takes; but for a
  // trace, which asks the path, whatever this host knows of it.
  void check_size(std::size_t size) const;
  // Throws: with --df it is more than the link takes.
  [[noreturn]] void refuse_size(std::size_t size) const { refuse_to_fragment(destination_, size); }

  // From now on the engine is driven, until it is done; the stage is held so long.
  void start(Engine& engine);
  // Takes what came while stopping, and ends all waits. True: the engine was still waiting.
  bool close();
  // All of it, for an engine that is alone.
  bool run(Engine& engine);
  // Gives the engine a turn soon, although nothing arrived.
  void wake();
  // What is due.
  void turn();

  // What arrived, from the target or from elsewhere; an error that is about a datagram to the target.
  void take(const net::Received& received);
  void take(const net::TransportError& error);

  Sent send(std::string_view payload, const Ask& ask) override;
  Instant now() const override { return Instant::now(); }

  // A notice when the name has addresses of the other family, too.
  void hint_at_family();

 private:
  bool is_target(const net::Address& address) const;

  ProbeStage& stage_;
  const ProbeOptions& options_;
  Destination destination_;
  bool for_many_;
  std::unique_ptr<ProbeSocket> own_;
  ProbeSocket& socket_;
  Engine* engine_ = nullptr;
  bool over_ = false;
  bool told_elsewhere_ = false;    // that another address replied
  std::optional<ProbeTime> wake_;  // the timer that is set
};

// Whether many may answer who is asked there: a group, or a broadcast address.
bool is_for_many(const Destination& destination, const ProbeOptions& options);

// The target of the options, and what its route is like; 0.0.0.0 and :: mean this host, and it answers from an address.
// Throws as find_destination() does.
Destination find_target(ProbeStage& stage, const ProbeOptions& options);

// As find_target(), of a single host: throws UsageError for a group or a broadcast address, whether there is a route to
// it or not: `mode` asks only one.
Destination find_one_target(ProbeStage& stage, const ProbeOptions& options, std::string_view mode);

// What refused a datagram: "cannot send to 10.0.0.1:9: Network is unreachable".
base::Failure failure_to_send(int error, const net::Endpoint& to);
[[noreturn]] void fail_to_send(int error, const net::Endpoint& to);

}  // namespace commands
