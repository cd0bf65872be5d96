// SPDX-License-Identifier: MIT
#include "run/thread.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <exception>
#include <system_error>

#include "base/error.hpp"
#include "run/signals.hpp"

namespace run {

LoopThread::LoopThread(Loop& loop, Loop& first) : loop_(loop), first_(first) {
  const MaskedForThreads masked;
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error& error) {
    throw base::failure(error.code().value(), "cannot start a thread");
  }
  loop_.on_its_thread_ = true;
}

void LoopThread::work() {
  share_alarm();
  const auto stays = boost::asio::make_work_guard(loop_.context());
  // After what was thrown it goes on: the first thread may wait for a call() until it ends everything.
  while (!loop_.context().stopped()) {
    try {
      loop_.context().run();
    } catch (...) {
      first_.post([error = std::current_exception()] { std::rethrow_exception(error); });
    }
  }
  leave_alarm();
}

void LoopThread::end() {
  if (!thread_.joinable()) return;
  loop_.context().stop();
  thread_.join();
  loop_.on_its_thread_ = false;
}

}  // namespace run
