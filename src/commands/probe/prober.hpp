// What drives the engines of probe: a loop, the way to the target, and what arrives from there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "commands/probe/probe.hpp"
#include "commands/probe/run.hpp"
#include "commands/stage.hpp"
#include "commands/target.hpp"
#include "net/udp_socket.hpp"
#include "output/pcap.hpp"
#include "output/report.hpp"

namespace commands {

class Prober : public Outlet {
 public:
  // Finds the target and opens a socket that is not connected: replies may come from any port. `any_size`: with DF
  // and whatever size the link takes, the cached path MTU ignored. Throws as find_destination() and the socket do.
  Prober(const ProbeOptions& options, bool any_size);

  run::Loop& loop() { return stage_.loop; }
  output::Sink& sink() { return stage_.sink; }
  output::Report& report() { return stage_.report; }
  // The last step, see Stage.
  base::ExitStatus finish(base::ExitStatus status) { return stage_.finish(status); }
  const net::Endpoint& target() const { return destination_.endpoint; }
  // Many may answer: a group, or a broadcast address.
  bool is_for_many() const { return for_many_; }
  // True for the address of the target itself.
  bool is_target(const net::Address& address) const;

  // Throws when a payload of `size` bytes is more than a datagram holds, or, with --df, than the link takes.
  void check_size(std::size_t size) const;

  // Enters the sandbox, and runs the engine until it is done or something stops it. True: it was still waiting.
  bool run(Engine& engine);
  // Gives the engine a turn although nothing arrived.
  void wake();

  Sent send(std::string_view payload, const Ask& ask) override;
  Instant now() const override { return Instant::now(); }

  // A notice when the name has addresses of the other family, too.
  void hint_at_family();

 private:
  void open_socket(bool any_size);
  void drain();
  void take(const net::Received& received);
  void turn();

  const ProbeOptions& options_;
  Stage stage_;
  std::optional<output::PcapWriter> pcap_;
  Destination destination_;
  bool for_many_ = false;
  net::UdpSocket socket_;
  net::ReceiveBatch batch_{32};
  net::SendBatch outgoing_{1};
  Engine* engine_ = nullptr;
  std::optional<ProbeTime> wake_;  // the timer that is set
};

// What refused a datagram: "cannot send to 10.0.0.1:9: Network is unreachable".
[[noreturn]] void fail_to_send(int error, const net::Endpoint& to);

}  // namespace commands
