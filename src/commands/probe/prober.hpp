// SPDX-License-Identifier: MIT
// What drives an engine: whom it asks, by which socket, and when it has a turn.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "commands/probe/run.hpp"
#include "commands/probe/socket.hpp"

namespace commands {

class Prober : public Outlet {
 public:
  // By `shared`, or where there is none by a socket of its own (see ProbeSocket).
  Prober(ProbeStage& stage, const ProbeOptions& options, Destination destination, ProbeSocket* shared = nullptr);
  ~Prober() override { socket_.remove(*this); }
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  run::Loop& loop() { return stage_.loop; }
  output::Sink& sink() { return stage_.sink; }
  output::Report& report() { return stage_.report; }
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
  // A notice when the name has addresses of the other family, too.
  void hint_at_family();

 private:
  friend class ProbeSocket;

  // What is due.
  void turn();

  // What arrived, from the target or from elsewhere; an error that is about a datagram to the target.
  void take(const net::Received& received);
  void take(const net::TransportError& error);

  Sent send(std::string_view payload, const Ask& ask) override;
  Instant now() const override { return Instant::now(); }

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
