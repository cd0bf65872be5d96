// When things happen: one event loop, one way to stop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/units.hpp"
#include "net/udp_socket.hpp"

namespace run {

using Clock = std::chrono::steady_clock;

// When to end, as the command line says.
struct StopOptions {
  std::optional<std::uint64_t> count;
  std::optional<base::Nanoseconds> wait;
  std::optional<base::Nanoseconds> deadline;
};

enum class StopReason { none, done, count, idle, deadline, signal };

// Handlers run one at a time on the caller's thread; what they throw comes out of run().
class Loop {
 public:
  // From here on SIGINT, SIGTERM and SIGHUP stop the loop; a second one ends the process at once.
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& context() { return context_; }

  // Runs handlers until stop(); gives the reason. At once when it has been stopped before.
  StopReason run();
  // The first reason counts.
  void stop(StopReason reason);
  bool stopping() const { return reason_ != StopReason::none || signalled(); }
  StopReason reason() const { return reason_; }

  // Stops with StopReason::deadline after so long, even out of a blocked write.
  void stop_after(base::Nanoseconds deadline);
  // True once the deadline has passed: a blocked write is to be given up.
  static bool past_deadline();

  void post(std::function<void()> handler);
  void after(base::Nanoseconds delay, std::function<void()> handler);
  void at(Clock::time_point when, std::function<void()> handler);
  void every(base::Nanoseconds interval, std::function<void()> handler);

  // Calls `handler` whenever the socket is readable or has an error, for as long as the loop runs. A handler that
  // left the queue undrained is called again at once.
  void on_readable(net::UdpSocket& socket, std::function<void()> handler);
  // Once, when the socket can take more.
  void when_writable(net::UdpSocket& socket, std::function<void()> handler);

  // The same for a descriptor that this process inherited and that may be shared with others, so that its flags
  // must not change: for as long as `handler` gives true. A regular file is always readable.
  void on_readable(int inherited, std::function<bool()> handler);
  // Once, when nobody reads from the pipe `inherited` any more; never for what is not a pipe.
  void on_reader_gone(int inherited, std::function<void()> handler);

  // Runs `work` on a thread of its own, then `done` here. `work` must own what it uses: a loop that stops leaves it
  // behind.
  void aside(std::function<void()> work, std::function<void()> done);
  // Runs `work` on a thread of its own until it is done (true) or the loop is stopped (false; the thread is left
  // behind, so `work` must own what it uses).
  bool in_background(std::function<void()> work);
  // True when such a thread may still be running.
  static bool left_work_behind();

 private:
  struct Watch;

  static bool signalled();
  void watch_signals();
  void wait_readable(net::UdpSocket& socket, std::shared_ptr<std::function<void()>> handler);
  void wait_inherited(std::shared_ptr<Watch> watch);

  boost::asio::io_context context_{1};
  StopReason reason_ = StopReason::none;
};

}  // namespace run
