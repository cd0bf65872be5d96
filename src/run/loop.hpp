// SPDX-License-Identifier: MIT
// When things happen: one event loop, one way to stop.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "base/units.hpp"
#include "net/udp_socket.hpp"
#include "run/stop.hpp"

namespace run {

using Clock = std::chrono::steady_clock;

using Handler = std::function<void()>;
using StopHandler = std::function<void(StopReason)>;
using Tick = std::function<void(base::Nanoseconds elapsed)>;  // since the last one
using Watcher = std::function<bool()>;                        // true: go on watching

// Handlers run one at a time on the caller's thread; what they throw comes out of run().
class Loop {
 public:
  // From here on SIGINT, SIGTERM and SIGHUP stop the loop; a second one ends the process at once.
  Loop();
  // One for another thread (run/thread.hpp), without signals of its own: whatever stops it stops the first, which ends
  // both. It runs on when it has nothing to wait for.
  explicit Loop(Loop& first);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& context() { return context_; }

  // Runs handlers until stop(), and then until nothing is held; returns the reason. At once when it has been stopped
  // before.
  StopReason run();
  // The first reason counts, but that a signal which has come wins over a reader that has gone.
  void stop(StopReason reason);
  // Between hold() and release() the end waits: a job is in hand that has still to answer.
  void hold() { ++held_; }
  void release();
  // Called once, when the loop is stopped: for those who hold it.
  void on_stop(StopHandler handler) { on_stop_ = std::move(handler); }
  bool stopping() const { return reason_ != StopReason::none || signalled(); }
  StopReason reason() const { return reason_; }

  // At each SIGUSR1.
  void on_usr1(Handler handler) { on_usr1_ = std::move(handler); }

  // Stops with StopReason::deadline after so long, even out of a blocked write.
  void stop_after(base::Nanoseconds deadline);
  // True once the deadline has passed: a blocked write is to be given up.
  static bool past_deadline();

  void post(Handler handler);
  void after(base::Nanoseconds delay, Handler handler);
  void at(Clock::time_point when, Handler handler);
  // On the schedule of `interval`, as long as the loop runs. Ticks that were missed (the process was stopped, or
  // blocked) are one; `handler` gets the time that has really passed since the last.
  void every(base::Nanoseconds interval, Tick handler);

  // Calls `handler` whenever the socket is readable or has an error, for as long as the loop runs. A handler that
  // left the queue undrained is called again at once.
  void on_readable(net::UdpSocket& socket, Handler handler);
  // Once, when the socket can take more.
  void when_writable(net::UdpSocket& socket, Handler handler);

  // The same for a descriptor that this process inherited and that may be shared with others, so that its flags
  // must not change: for as long as `handler` returns true. A regular file is always readable.
  void on_readable(int inherited, Watcher handler);
  // Once, when nobody reads from the pipe `inherited` any more; never for what is not a pipe.
  void on_reader_gone(int inherited, Handler handler);

  // Runs `work` where handlers of this loop run, between two of them, and waits for it: for the first thread, which may
  // look at anything meanwhile.
  void call(const Handler& work);

  // Runs `work` on a thread of its own, then `done` here. `work` must own what it uses: a loop that stops leaves it
  // behind.
  void aside(Handler work, Handler done);
  // The same, and waits here: false when the loop was stopped before the work was done.
  bool aside(Handler work);
  // True when such a thread may still be running.
  static bool left_work_behind();

 private:
  friend class LoopThread;
  struct Watch;
  struct Ticker;

  static bool signalled();
  void begin();
  void watch_signals();
  void tick(std::shared_ptr<Ticker> ticker);
  void wait_readable(net::UdpSocket& socket, std::shared_ptr<Handler> handler);
  void wait_inherited(std::shared_ptr<Watch> watch);
  // Not before stop(): a signal that has just come is still to be handled.
  bool ended() const { return reason_ != StopReason::none && held_ == 0; }

  boost::asio::io_context context_{1};
  Loop* first_ = nullptr;
  std::atomic<bool> on_its_thread_ = false;  // call() has to go there
  StopReason reason_ = StopReason::none;
  int held_ = 0;
  StopHandler on_stop_;
  Handler on_usr1_;
};

}  // namespace run
