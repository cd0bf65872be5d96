// What every command that prints datagrams shares: taking them off a socket, counting, recording, ending.
#pragma once

#include <deque>
#include <functional>

#include "base/error.hpp"
#include "net/options.hpp"
#include "net/udp_socket.hpp"
#include "output/records.hpp"
#include "output/report.hpp"
#include "run/loop.hpp"
#include "traffic/counts.hpp"

namespace commands {

class Reception {
 public:
  Reception(run::Loop& loop, const output::Options& output, const run::StopOptions& stop);

  // What a command adds. Any may be empty.
  struct Hooks {
    std::function<bool(const net::Received&)> accept;  // false: ignored, but for a count
    std::function<void(const net::Received&)> taken;   // after it was counted
    std::function<void()> batch_done;                  // before what was taken is overwritten
    std::function<void()> drained;                     // when all that waited has been taken
  };

  output::Report& report() { return report_; }
  output::Sink& sink() { return sink_; }

  // Sees to what arrives at the socket, which must outlive the loop's run.
  void watch(net::UdpSocket& socket, Hooks hooks);
  // Takes what waits now on every watched socket, without waiting: at the end, for what came before it.
  void take_what_waits();

  // Stops the loop when nothing was taken for so long.
  void stop_when_idle(base::Nanoseconds idle);
  // Says so, once, when that interface is gone, and with it what was bound or joined there: the kernel does not.
  void tell_when_gone(const net::Interface& interface);
  void print_stats_every(base::Nanoseconds interval);

  std::uint64_t datagrams() const { return totals_.datagrams; }
  output::Totals totals();

 private:
  struct Watched {
    net::UdpSocket& socket;
    Hooks hooks;
  };

  // After so many batches other sockets and timers get their turn.
  static constexpr std::size_t batches_a_turn = 32;

  void drain(const Watched& watched, std::size_t most_batches = batches_a_turn);
  void take(net::Received received, std::uint16_t local_port, const Hooks& hooks);
  void check_idle(base::Nanoseconds idle);
  std::size_t places_left() const;
  bool is_complete() const { return stop_.count && totals_.datagrams >= *stop_.count; }

  run::Loop& loop_;
  run::StopOptions stop_;
  output::Sink sink_;
  output::Report report_;
  output::RecordWriter writer_;
  net::ReceiveBatch batch_;
  std::deque<Watched> watched_;
  traffic::SenderCounter senders_;
  output::Totals totals_;
  output::Totals last_stats_;
  run::Clock::time_point started_ = run::Clock::now();
  run::Clock::time_point last_taken_ = started_;
  std::uint64_t drains_ = 0;
  bool took_runs_ = false;  // that the kernel had coalesced
};

// With -v: what the kernel gave for the buffers that were asked for.
void report_buffers(const net::GrantedBuffers& granted, output::Report& report);

// The exit status of a command that receives until something ends it.
base::ExitStatus status_of_receiving(run::StopReason reason, std::uint64_t datagrams, const run::StopOptions& stop);

}  // namespace commands
