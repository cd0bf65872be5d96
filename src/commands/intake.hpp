// SPDX-License-Identifier: MIT
// What every command that receives shares: one drain of a socket's datagrams and ICMP errors, counting, recording.
#pragma once

#include <atomic>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "commands/stage.hpp"
#include "commands/top.hpp"
#include "net/interfaces.hpp"
#include "net/kernel_drops.hpp"
#include "net/udp_socket.hpp"
#include "output/options.hpp"
#include "output/pcap.hpp"
#include "output/record_sink.hpp"
#include "output/report.hpp"
#include "run/loop.hpp"
#include "traffic/counts.hpp"

namespace commands {

// What a command makes of an arrival before it is counted.
struct Admission {
  bool in = true;         // false: ignored, but for a count
  std::size_t whose = 0;  // of the client's own: the index of a membership, of a session
  bool counts = true;     // false: not even ignored, for another socket has taken the same datagram
};

// What a command does with what arrives at a socket.
class Client {
 public:
  virtual Admission admit(const net::Received&) { return {}; }
  virtual void take(const net::Received&, const Admission&) {}  // counted and recorded already
  // How many datagrams it can take now. After 0 it says when there is room again: Intake::resume().
  virtual std::size_t room() const { return std::numeric_limits<std::size_t>::max(); }
  virtual void batch_done() {}                       // before what was taken is overwritten
  virtual void error(const net::TransportError&) {}  // about what this socket sent

 protected:
  ~Client() = default;
};

class Intake {
 public:
  // Stops the loop when `count` datagrams have been taken. The sink is flushed after each wake-up.
  explicit Intake(Stage& stage, std::optional<std::uint64_t> count = {})
      : loop_(stage.loop), sink_(stage.sink), report_(stage.report), ends_at_limit_(count.has_value()), limit_(count) {}

  // What is taken is recorded in `form`, unless nothing is to be printed, and as --pcap and --top say. Before the
  // sandbox: a file is opened, but where there is a `pcap` already. Throws base::Failure.
  void record_as(const output::Options& options, output::RecordSink& form, output::RecordSink* pcap = nullptr);
  // From now on what `other` takes, on a thread of its own, is part of what is said here: of counts, of idleness, of
  // what ends a command. It watches sockets like these, in the same order. Before its thread begins.
  void count_with(Intake& other);
  // Sees to what arrives at the socket. Both must outlive the loop's run.
  void watch(net::UdpSocket& socket, Client& client);
  // Takes no more than `datagrams` in all: what comes after them is read, and neither counted nor recorded.
  void limit(std::uint64_t datagrams) { limit_ = datagrams; }
  // Goes on with what was left for want of room.
  void resume();
  // Takes what waits now on every watched socket, without waiting: at the end, for what came before it.
  void take_what_waits();

  // Stops the loop when nothing was taken for so long.
  void stop_when_idle(base::Nanoseconds idle);
  // Says so, once, when that interface is gone, and with it what was bound or joined there: the kernel does not.
  void tell_when_gone(const net::Interface& interface);
  void print_stats_every(base::Nanoseconds interval);
  // From now on what the kernel drops is told apart by cause. Before the sandbox: files are opened.
  void watch_kernel() { kernel_.emplace(); }
  // A notice for each of them, where nothing came.
  void explain_silence();
  // What --top asked for, at the end; before, it is told with each of those rates.
  void tell_last_top();

  std::uint64_t datagrams();
  std::uint64_t own_datagrams() const { return counts_.datagrams; }  // without those that are counted with them
  output::Totals totals();

  // What came at one socket, by the number of its watch(), from 0, and at those like it; what was dropped as the last
  // totals() found it.
  output::Heard heard(std::size_t watched);

 private:
  struct Watched {
    net::UdpSocket& socket;
    Client& client;
    output::Heard heard = {};
    std::uint64_t lost = 0;  // for whatever cause, as the kernel last told
  };

  // After so many of each other sockets and timers get their turn.
  static constexpr std::size_t batches_a_turn = 32;

  void drain(Watched& watched, std::size_t max_batches);
  void take_batches(Watched& watched, std::size_t max_batches);
  // Everything that was taken.
  void write_out();
  // This one and each that is counted with it, on its own thread.
  template <class Use>
  void for_each(const Use& use) {
    use(*this);
    for (Intake* const other : others_) other->loop_.call([&] { use(*other); });
  }
  void count_drops();
  void share_out(const net::KernelDrops& dropped);
  void tell_top();
  void take(net::Received received, std::uint16_t local_port, Watched& watched);
  void check_idle(base::Nanoseconds idle);
  std::uint64_t taken() const { return tickets_ ? tickets_->load() : counts_.datagrams; }  // towards the limit
  bool is_complete() const { return limit_ && taken() >= *limit_; }
  std::uint64_t grant(std::uint64_t datagrams);
  std::size_t places_left() const;

  run::Loop& loop_;
  output::Sink& sink_;
  output::Report& report_;
  bool ends_at_limit_;
  std::optional<std::uint64_t> limit_;
  std::vector<Intake*> others_;
  std::shared_ptr<std::atomic<std::uint64_t>> tickets_;  // asked for by all of them; null: there are no others
  std::optional<output::PcapWriter> pcap_;
  std::vector<output::RecordSink*> record_sinks_;
  net::ReceiveBatch batch_;
  std::deque<Watched> watched_;
  traffic::Counts counts_;
  output::Totals last_stats_;
  std::optional<net::KernelCounters> kernel_;
  net::KernelDrops dropped_;  // by the host's kernel, since it is watched
  std::optional<TopReport> top_;
  run::Clock::time_point last_top_ = run::Clock::now();
  run::Clock::time_point started_ = run::Clock::now();
  run::Clock::time_point last_taken_ = started_;
  std::uint64_t drains_ = 0;
  bool took_runs_ = false;  // that the kernel had coalesced
};

// The exit status of a command that receives until something ends it.
base::ExitStatus status_of_receiving(run::StopReason reason, std::uint64_t datagrams, const run::StopOptions& stop);

}  // namespace commands
