// SPDX-License-Identifier: MIT
#include "run/signals.hpp"

#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/ending.hpp"

#include "base/error.hpp"

namespace run {
namespace {

volatile std::sig_atomic_t stop_flag = 0;
volatile std::sig_atomic_t alarm_flag = 0;
volatile std::sig_atomic_t usr1_flag = 0;
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

constexpr std::int64_t tick_us = 100'000;
constexpr int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

bool ignored(int number) {
  struct sigaction action {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void tick_after(std::int64_t us) {
  itimerval timer{};
  timer.it_value.tv_sec = us / 1'000'000;
  timer.it_value.tv_usec = us % 1'000'000;
  timer.it_interval.tv_usec = tick_us;  // again, for a write that began just after the last
  setitimer(ITIMER_REAL, &timer, nullptr);
}

extern "C" void on_stop(int) {
  stop_flag = 1;
  for (const int number : stop_signals) {
    if (!ignored(number)) set_handler(number, SIG_DFL);
  }
  if (base::end_ticks == 0) {
    base::end_ticks = 1;
    tick_after(tick_us);
  }
  wake();
}

extern "C" void on_alarm(int) {
  if (stop_flag == 0) alarm_flag = 1;
  base::end_ticks = base::end_ticks + 1;
  wake();
}

extern "C" void on_usr1(int) {
  usr1_flag = 1;
  wake();
}

// A parent may have left them blocked.
void unblock() {
  sigset_t ours;
  sigemptyset(&ours);
  for (const int number : stop_signals) sigaddset(&ours, number);
  for (const int number : {SIGALRM, SIGUSR1, SIGQUIT}) sigaddset(&ours, number);
  sigprocmask(SIG_UNBLOCK, &ours, nullptr);
}

}  // namespace

int catch_signals() {
  if (wake_descriptor >= 0) return wake_descriptor;
  wake_descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_descriptor < 0) throw base::failure(errno, "cannot make an eventfd");
  for (const int number : stop_signals) {
    // nohup(1) and a shell's background jobs ignore some of them on purpose, SIGTERM never.
    if (number == SIGTERM || !ignored(number)) set_handler(number, on_stop);
  }
  set_handler(SIGALRM, on_alarm);
  set_handler(SIGUSR1, on_usr1);
  set_handler(SIGPIPE, SIG_IGN);
  set_handler(SIGXFSZ, SIG_IGN);  // EFBIG tells it
  unblock();
  return wake_descriptor;
}

void set_alarm(base::Nanoseconds after) {
  using std::chrono::microseconds;
  const auto us = std::max(std::chrono::duration_cast<microseconds>(after), microseconds(1));
  tick_after(us.count());
}

bool stop_signalled() { return stop_flag != 0; }
bool alarm_signalled() { return alarm_flag != 0; }

bool take_usr1() {
  const bool came = usr1_flag != 0;
  usr1_flag = 0;
  return came;
}

void clear_wake() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_descriptor, &count, sizeof count);
}

}  // namespace run
