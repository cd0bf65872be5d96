// SPDX-License-Identifier: MIT
#include "run/loop.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <cstdio>
#include <future>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/file.hpp"
#include "run/signals.hpp"

namespace run {

namespace asio = boost::asio;

struct Loop::Watch {
  explicit Watch(asio::io_context& context) : descriptor(context) {}

  asio::posix::stream_descriptor descriptor;
  Watcher handler;
};

struct Loop::Ticker {
  base::Nanoseconds interval;
  Clock::time_point due;
  Clock::time_point last;
  Tick handler;
};

namespace {

std::atomic<int> work_in_hand = 0;  // threads that have not told that they are done

// A thread that ends by itself where nobody waits for it.
struct Helper {
  Helper() = default;
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper() {
    if (thread.joinable()) thread.detach();
  }

  std::thread thread;
};

int duplicate(int descriptor) {
  const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) base::fail("cannot duplicate a descriptor");
  return copy;
}

// Asio makes what it waits for non-blocking, and that would change an inherited descriptor for every process that
// shares it. So it waits for this, an epoll instance with that one descriptor; -1 when it cannot be waited for (a
// regular file).
int epoll_with(int descriptor, std::uint32_t events) {
  base::Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) base::fail("cannot make an epoll instance");
  epoll_event event{};
  event.events = events;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, descriptor, &event) == 0) return epoll.release();
  if (errno == EPERM) return -1;
  base::fail("cannot wait for the input");
}

// False when what was waited for has been closed. Waiting that fails otherwise must not leave us deaf.
bool is_ready(const boost::system::error_code& error) {
  const bool closed = error == asio::error::operation_aborted || error == asio::error::bad_descriptor;
  if (error && !closed) throw base::failure(error.value(), "cannot wait for events");
  return !error;
}

// An error of receiving that stays is no reason to spin, nor to be deaf: it ends the command after a second.
void check_receiving(const net::UdpSocket& socket, Clock::time_point& failing_since) {
  if (socket.receive_error() == 0) {
    failing_since = {};
    return;
  }
  const auto now = Clock::now();
  if (failing_since == Clock::time_point{}) failing_since = now;
  if (now - failing_since < std::chrono::seconds(1)) return;
  throw base::failure(socket.receive_error(), "cannot receive on " + net::to_string(socket.local_endpoint()));
}

}  // namespace

// Asio makes the set of what wakes it with the first timer, and does not look whether the kernel took in all of it: a
// loop without a clock waits for ever (1.74 to 1.83). What it throws names a part of Asio, and nothing that a user
// knows.
void Loop::begin() {
  int error = 0;
  try {
    errno = 0;
    const asio::steady_timer first(context_);
    error = errno == ENOMEM || errno == ENOSPC ? errno : 0;
    if (first_ == nullptr) watch_signals();
  } catch (const boost::system::system_error& thrown) {
    error = thrown.code().value();
  }
  if (error != 0) throw base::failure(error, "cannot make an event loop");
}

Loop::Loop() { begin(); }
Loop::Loop(Loop& first) : first_(&first) { begin(); }
Loop::~Loop() = default;

bool Loop::signalled() { return stop_signalled() || alarm_signalled(); }
bool Loop::past_deadline() { return alarm_signalled(); }

void Loop::watch_signals() {
  auto watch = std::make_shared<Watch>(context_);
  watch->descriptor.assign(duplicate(catch_signals()));
  watch->handler = [this, terminal = isatty(STDERR_FILENO) != 0] {
    clear_wake();  // before the flags are looked at: one that is set after that wakes anew
    if (!signalled()) {
      if (take_usr1() && on_usr1_) on_usr1_();
      return true;
    }
    // The terminal has echoed ^C: what is said next begins a line.
    if (!alarm_signalled() && terminal) std::fputc('\n', stderr);
    stop(alarm_signalled() ? StopReason::deadline : StopReason::signal);
    return false;
  };
  wait_inherited(std::move(watch));
}

StopReason Loop::run() {
  if (reason_ == StopReason::none || held_ > 0) {
    context_.restart();
    context_.run();
    // Signals are waited for until then: that nothing is left to wait for means that the kernel refused.
    if (reason_ == StopReason::none) throw base::failure(ENOTSUP, "cannot wait for events");
  }
  return reason_;
}

void Loop::stop(StopReason reason) {
  const bool again = reason_ != StopReason::none;
  if (first_ != nullptr) {
    reason_ = reason;
    if (!again) first_->post([first = first_, reason] { first->stop(reason); });
    return;
  }
  if (reason_ == StopReason::none) {
    reason_ = reason == StopReason::reader_gone && signalled() && !past_deadline() ? StopReason::signal : reason;
    if (on_stop_) on_stop_(reason_);
  }
  // A signal or the deadline ends the wait for what is in hand, too.
  if (held_ == 0 || (again && signalled())) context_.stop();
}

void Loop::release() {
  // A signal whose handler is still to be called stops the loop by itself.
  if (--held_ == 0 && reason_ != StopReason::none) context_.stop();
}

void Loop::stop_after(base::Nanoseconds deadline) { set_alarm(deadline); }

void Loop::post(Handler handler) { asio::post(context_, std::move(handler)); }

void Loop::after(base::Nanoseconds delay, Handler handler) { at(Clock::now() + delay, std::move(handler)); }

void Loop::at(Clock::time_point when, Handler handler) {
  auto timer = std::make_shared<asio::steady_timer>(context_, when);
  timer->async_wait([timer, handler = std::move(handler)](const boost::system::error_code& error) {
    if (is_ready(error)) handler();
  });
}

void Loop::every(base::Nanoseconds interval, Tick handler) {
  const auto now = Clock::now();
  tick(std::make_shared<Ticker>(Ticker{interval, now + interval, now, std::move(handler)}));
}

void Loop::tick(std::shared_ptr<Ticker> ticker) {
  const auto due = ticker->due;
  at(due, [this, ticker = std::move(ticker)]() mutable {
    const auto now = Clock::now();
    ticker->handler(now - std::exchange(ticker->last, now));
    ticker->due += (1 + (now - ticker->due) / ticker->interval) * ticker->interval;
    tick(std::move(ticker));
  });
}

void Loop::on_readable(net::UdpSocket& socket, Handler handler) {
  auto checked = [&socket, handler = std::move(handler), failing_since = Clock::time_point{}]() mutable {
    handler();
    if (socket.is_open()) check_receiving(socket, failing_since);
  };
  wait_readable(socket, std::make_shared<Handler>(std::move(checked)));
}

void Loop::wait_readable(net::UdpSocket& socket, std::shared_ptr<Handler> handler) {
  auto ready = [this, &socket, handler = std::move(handler)](const boost::system::error_code& error) mutable {
    if (!is_ready(error)) return;
    (*handler)();
    if (!socket.is_open() || stopping()) return;
    wait_readable(socket, std::move(handler));
  };
  if (socket.drained()) {
    socket.async_wait_readable(std::move(ready));
  } else {
    asio::post(context_, [ready = std::move(ready)]() mutable { ready({}); });
  }
}

void Loop::when_writable(net::UdpSocket& socket, Handler handler) {
  socket.async_wait_writable([handler = std::move(handler)](const boost::system::error_code& error) {
    if (is_ready(error)) handler();
  });
}

void Loop::on_readable(int inherited, Watcher handler) {
  auto watch = std::make_shared<Watch>(context_);
  watch->handler = std::move(handler);
  const int epoll = epoll_with(inherited, EPOLLIN);
  if (epoll >= 0) watch->descriptor.assign(epoll);
  wait_inherited(std::move(watch));
}

void Loop::on_reader_gone(int inherited, Handler handler) {
  struct stat status {};
  if (fstat(inherited, &status) != 0 || !S_ISFIFO(status.st_mode)) return;
  auto watch = std::make_shared<Watch>(context_);
  watch->handler = [handler = std::move(handler)] {
    handler();
    return false;
  };
  watch->descriptor.assign(epoll_with(inherited, 0));  // EPOLLERR is always told
  wait_inherited(std::move(watch));
}

void Loop::wait_inherited(std::shared_ptr<Watch> watch) {
  Watch& one = *watch;
  auto ready = [this, watch = std::move(watch)](const boost::system::error_code& error) mutable {
    if (is_ready(error) && watch->handler() && !ended()) wait_inherited(std::move(watch));
  };
  if (one.descriptor.is_open()) {
    one.descriptor.async_wait(asio::posix::stream_descriptor::wait_read, std::move(ready));
  } else {
    asio::post(context_, [ready = std::move(ready)]() mutable { ready({}); });
  }
}

void Loop::call(const Handler& work) {
  if (!on_its_thread_) return work();
  std::packaged_task<void()> task(work);
  asio::post(context_, [&task] { task(); });
  task.get_future().get();
}

void Loop::aside(Handler work, Handler done) {
  const int finished = eventfd(0, EFD_CLOEXEC);
  if (finished < 0) base::fail("cannot make an eventfd");
  auto watch = std::make_shared<Watch>(context_);
  watch->descriptor.assign(finished);
  // What the work throws comes out of here. (That a descriptor became readable orders no memory in C++: join() does.)
  std::packaged_task<void()> task(std::move(work));
  const std::shared_future<void> result = task.get_future();
  // The thread owns a descriptor of its own, for it may outlive this loop.
  base::Descriptor own(duplicate(finished));
  const auto helper = std::make_shared<Helper>();
  try {
    helper->thread = std::thread([task = std::move(task), own = std::move(own)]() mutable {
      task();
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = write(own.get(), &one, sizeof one);
    });
  } catch (const std::system_error& error) {
    throw base::failure(error.code().value(), "cannot start a thread to look up names");
  }
  ++work_in_hand;
  watch->handler = [done = std::move(done), result, helper] {
    helper->thread.join();  // its last steps free what the resolver kept for it
    result.get();
    --work_in_hand;
    done();
    return false;
  };
  wait_inherited(std::move(watch));
}

bool Loop::aside(Handler work) {
  // Shared: when the loop stops first, the watch keeps what it refers to.
  const auto finished = std::make_shared<bool>(false);
  aside(std::move(work), [finished] { *finished = true; });
  context_.restart();
  while (!*finished && !stopping() && context_.run_one() > 0) {
  }
  return *finished;
}

bool Loop::left_work_behind() { return work_in_hand > 0; }

}  // namespace run
