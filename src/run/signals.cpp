#include "run/signals.hpp"

#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/error.hpp"

namespace run {
namespace {

volatile std::sig_atomic_t stop_flag = 0;
volatile std::sig_atomic_t alarm_flag = 0;
int wake_descriptor = -1;

void wake() {
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_descriptor, &one, sizeof one);
  errno = saved;
}

void set_handler(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;  // no SA_RESTART: a blocked write has to notice
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

constexpr int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

extern "C" void on_stop(int) {
  stop_flag = 1;
  for (const int number : stop_signals) set_handler(number, SIG_DFL);
  wake();
}

extern "C" void on_alarm(int) {
  alarm_flag = 1;
  wake();
}

bool ignored(int number) {
  struct sigaction action {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

int catch_signals() {
  if (wake_descriptor >= 0) return wake_descriptor;
  wake_descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_descriptor < 0) throw base::failure(errno, "cannot make an eventfd");
  for (const int number : stop_signals) {
    // nohup(1) and a shell's background jobs ignore some of them on purpose, SIGTERM never.
    if (number != SIGHUP || !ignored(number)) set_handler(number, on_stop);
  }
  set_handler(SIGPIPE, SIG_IGN);
  return wake_descriptor;
}

void set_alarm(base::Nanoseconds after) {
  using std::chrono::microseconds;
  set_handler(SIGALRM, on_alarm);
  const auto us = std::max(std::chrono::duration_cast<microseconds>(after), microseconds(1));
  itimerval timer{};
  timer.it_value.tv_sec = us.count() / 1'000'000;
  timer.it_value.tv_usec = us.count() % 1'000'000;
  timer.it_interval.tv_usec = 100'000;  // again, for a write that began just after the first
  setitimer(ITIMER_REAL, &timer, nullptr);
}

bool stop_signalled() { return stop_flag != 0; }
bool alarm_signalled() { return alarm_flag != 0; }

}  // namespace run
